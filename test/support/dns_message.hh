// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// As much of the DNS (RFC 1035) as tests need: one question for A records, and its answer.
namespace sluice::test {

struct DnsReply {
    enum class Kind : std::uint8_t {
        addresses,
        noSuchName,
        noData,
        serverFailure,
        refused,
        silence
    };

    Kind kind = Kind::noSuchName;
    std::vector<std::uint32_t> addresses; ///< host order
    std::uint32_t ttl = 300;              ///< of the addresses, or of the SOA of a negative answer
    unsigned delayMs = 0;
};

/// The name asked for, in lower case with its final dot; nullopt when it is no question.
std::optional<std::string> questionName(std::string_view query);

/// The answer to `query`, which is a question.
std::string encodeReply(std::string_view query, const DnsReply& reply);

/// A question for the A records of `name`.
std::string encodeQuestion(std::string_view name, std::uint16_t id);

} // namespace sluice::test
