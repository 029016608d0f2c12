// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"

#include <cstddef>
#include <string_view>
#include <vector>

namespace sluice {

/// Collects whom a report is about, from the fields of a delivery status (RFC 3464 section 2.3),
/// from X-Failed-Recipients, and from plain text. Threads: one at a time.
class ReportedRecipients {
public:
    static constexpr std::size_t most = 100;

    /// One field of a delivery status; others are ignored.
    void takeField(std::string_view name, std::string_view value);
    /// A blank line: the fields of one recipient end.
    void endGroup();
    /// The value of X-Failed-Recipients.
    void takeList(std::string_view value);
    /// A line of text that may begin with a recipient: `<user@example.org>: …`, or the address
    /// alone.
    void takeTextLine(std::string_view line);

    /// Those that failed, each once, at most `most`; those of the text only if no field names any.
    [[nodiscard]] const std::vector<MailAddress>& failed() const;
    /// Delivery to all that are named is still tried.
    [[nodiscard]] bool delayed() const { return delaySeen_ && failed_.empty(); }
    [[nodiscard]] bool fieldsSeen() const { return fieldsSeen_; }

private:
    /// What is known of the recipient whose fields are being read.
    struct Group {
        MailAddress finalRecipient;
        MailAddress originalRecipient;
        bool delayed = false;
        bool delivered = false;
    };

    void takeAction(std::string_view action);

    Group group_;
    std::vector<MailAddress> failed_;
    std::vector<MailAddress> inText_;
    bool fieldsSeen_ = false;
    bool delaySeen_ = false;
};

} // namespace sluice
