// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/mail_lists.hh"

#include <string>

/// The rules of the review. Pure: facts in, findings out.
namespace sluice::ctl::audit {

/// Each list for the conditions of a storm of reports: everyone may post, members are outside,
/// reports come back to the list or to the author; and owners, nesting, names that sluice does not
/// know.
void reviewLists(const Review& review, Findings& findings);

/// Where reports end, and whether they get there: bounce domain, bounce mailboxes, circles.
void reviewReports(const Review& review, Findings& findings);

/// How the MTA calls sluice: sockets, time-outs, what it does without the filter, order.
void reviewMilters(const Review& review, Findings& findings);

/// The socket of sluice as main.cf names it: relative to the queue directory where it is below
/// that, so that it is found from a chroot too.
std::string socketForPostfix(const Review& review);

/// Settings of the MTA as a whole: hop limit, its own name as a mail domain, queue ids.
void reviewSettings(const Review& review, Findings& findings);

/// All of them with the remarks of the reader, the worst first.
Findings reviewAll(const Review& review);

} // namespace sluice::ctl::audit
