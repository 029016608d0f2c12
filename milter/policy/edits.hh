// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What is to be changed in a message at its end, as plain data.
namespace sluice {

struct HeaderLine {
    std::string name;
    std::string value; ///< without the leading blank

    friend bool operator==(const HeaderLine&, const HeaderLine&) = default;
};

/// A field of the message that gets another value.
struct HeaderChange {
    std::string name;    ///< as the message has it
    std::uint32_t index; ///< among the fields of this name, in any case; the topmost has 1
    std::string value;   ///< with its leading blank and its folds (CRLF and a blank), as sent

    friend bool operator==(const HeaderChange&, const HeaderChange&) = default;
};

/// An envelope address with its ESMTP parameters (RFC 3461), "NOTIFY=FAILURE" for instance.
struct EnvelopeAddress {
    std::string address; ///< without `<>`; empty for the null sender
    std::string parameters = {};

    friend bool operator==(const EnvelopeAddress&, const EnvelopeAddress&) = default;
};

struct Edits {
    std::vector<HeaderLine> onTop;  ///< above all that the message has, the MTA's Received: too
    std::vector<HeaderLine> append; ///< below all headers
    std::vector<HeaderChange> changeHeaders;
    std::vector<std::string> removeRecipients; ///< each exactly as RCPT gave it
    std::vector<EnvelopeAddress> addRecipients;
    std::optional<EnvelopeAddress> sender;
    std::string quarantine; ///< the reason; empty: none

    [[nodiscard]] bool empty() const {
        return onTop.empty() && append.empty() && changeHeaders.empty() &&
               removeRecipients.empty() && addRecipients.empty() && !sender && quarantine.empty();
    }
    friend bool operator==(const Edits&, const Edits&) = default;
};

} // namespace sluice
