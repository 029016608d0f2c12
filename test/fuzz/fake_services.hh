// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_maildir.hh"
#include "milter/policy/ports.hh"

#include <chrono>
#include <memory>
#include <string>

/// In place of DNS, clock, disk, log and notices: the functions of the classes that the session
/// knows are this target's, and do nothing outside of the process. What is handed to them must be
/// fit for it.
namespace sluice::fuzz {

/// The beginning, for an input.
void resetServices();
/// The monotonic clock shows what it is given.
void letPass(std::chrono::seconds time);
/// Of the zones of DNS lists, one after the other and from the beginning again: `.` not listed, `?`
/// no answer, `s` suspended, another character a code (127.0.0.DIGIT).
void setDnsblAnswers(std::string answers);
void setBadmailFails(bool fails);

std::shared_ptr<BadmailStore> fakeBadmailStore();
/// Takes all clients for one, since the beginning.
std::shared_ptr<HarvestCounter> fakeHarvestCounter();

} // namespace sluice::fuzz
