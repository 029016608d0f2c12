// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "milter/policy/header_list.hh"
#include "milter/policy/mime_parts.hh"
#include "milter/policy/reported_recipients.hh"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What a report says of the message it is about. All of it is the claim of whoever wrote the
/// report: only a stamp that verifies proves anything.
struct ReportFindings {
    static constexpr std::size_t maxRecipients = ReportedRecipients::most;
    static constexpr std::size_t maxStamps = 20;

    /// Final-Recipient, Original-Recipient and X-Failed-Recipients, each once; of a report without
    /// them the addresses that its text begins a line with.
    std::vector<MailAddress> failedRecipients;
    std::string originalMessageId;           ///< canonicalMessageId(); empty when it is not found
    std::vector<std::string> originalStamps; ///< values of X-Sluice-Trace, unfolded, as they stand
    std::string originalSender; ///< From: of the original, MailAddress::key(); empty when not found
    bool deliveryStatus = false;   ///< has the fields of RFC 3464, in a part of theirs or elsewhere
    bool originalReturned = false; ///< has headers of the original, attached or quoted in the text
    bool delayed = false;          ///< Action: delayed alone: the message may yet arrive
};

/// Reads returned originals as message/rfc822, text/rfc822-headers, and quoted in the text (with
/// `>` or `|`, or behind a line like "Original message"). `bodyPrefix` is the beginning of the body
/// as sent. Malformed input gives what can be read of it; time is linear, memory bounded. Threads:
/// any.
ReportFindings scanReport(const HeaderList& headers, std::string_view bodyPrefix);

/// The same of parts that have been found already.
ReportFindings scanReport(const std::vector<MimePart>& parts, const HeaderList& headers);

} // namespace sluice
