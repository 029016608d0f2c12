// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/bench/load_plan.hh"
#include "test/support/milter_client.hh"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::bench {

/// One message of the load: its envelope and headers follow from its number.
struct Letter {
    std::string queueId;
    std::string sender; ///< with <>, as are the recipients
    std::vector<std::string> recipients;
    std::vector<std::pair<std::string, std::string>> headers; ///< eight
};

Letter makeLetter(const LoadPlan& plan, std::uint64_t number);

/// `size` octets of text in lines.
std::string makeBody(std::size_t size);

/// An address of 198.18.0.0/15, which RFC 2544 keeps for such tests.
std::string clientAddress(const LoadPlan& plan, std::uint64_t connection);

/// The macros that Postfix and Sendmail know at a stage.
mta::MilterClient::MacroValues connectMacros(const std::string& address);
mta::MilterClient::MacroValues mailMacros(const Letter& letter);
mta::MilterClient::MacroValues recipientMacros(const Letter& letter, const std::string& recipient);
mta::MilterClient::MacroValues messageMacros(const Letter& letter);

} // namespace sluice::bench
