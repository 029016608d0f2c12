// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"

#include <string_view>
#include <vector>

namespace sluice {

/// The mailboxes of an address header (RFC 5322 section 3.4: From, Sender, …), those in groups
/// included. `<>` is the null address; an empty or unreadable value has no mailbox at all.
/// At most the first 64 KiB are read. Threads: any.
std::vector<MailAddress> headerAddresses(std::string_view value);

} // namespace sluice
