// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"

#include <chrono>
#include <cstddef>
#include <string>

namespace sluice {

/// What the operator is told by mail.
struct Notice {
    MailAddress to;
    std::string relay;   ///< as HostPort::text() writes it
    std::string subject; ///< UTF-8; cut at maxNoticeSubject
    std::string text;    ///< UTF-8, lines end in LF; cut at maxNoticeText
};

/// In octets.
constexpr std::size_t maxNoticeSubject = 250;
constexpr std::size_t maxNoticeText = 64UL * 1024;

/// Where a message comes from, and when.
struct NoticeOrigin {
    std::string host; ///< letters, digits, dots and hyphens
    std::string id;   ///< no other message of this host has it; the same characters
    std::chrono::system_clock::time_point time;
};

/// The message (RFC 5322) of a notice, lines ending in CRLF, in printable ASCII but for an address
/// that is not (RFC 6532). It is marked so that no one answers it (RFC 3834 section 5). Control
/// characters of the subject become blanks, so that nothing from outside makes a header line.
/// Threads: any.
std::string noticeMessage(const Notice& notice, const NoticeOrigin& origin);

} // namespace sluice
