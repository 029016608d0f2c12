// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

/// How sluicectl talks to a running filter: one request a connection to its control socket, a line
/// of JSON, and one reply, a line of JSON, after which the filter closes.
namespace sluice::control {

/// Where sluicectl looks for the filter unless it is told.
constexpr std::string_view usualPath = "/run/sluice/control.sock";

constexpr std::size_t longestRequest = 512UL * 1024;
/// A store lists no more entries than this has room for.
constexpr std::size_t longestReply = 64UL * 1024 * 1024;
/// To send a whole request, and to take a whole reply.
constexpr std::chrono::seconds patience{10};

struct Request {
    std::string command; ///< "loops", "loops clear", …
    std::map<std::string, std::string> arguments = {};

    friend bool operator==(const Request&, const Request&) = default;
};

struct Reply {
    std::string error;          ///< empty: the command was carried out
    nlohmann::json result = {}; ///< what it gave, as the command has it
};

/// Without the line end. Octets that are not UTF-8 are replaced.
std::string textOf(const Request& request);
std::string textOf(const Reply& reply);

/// Error: no JSON, or another shape.
Result<Request> parseRequest(std::string_view text);
Result<Reply> parseReply(std::string_view text);

/// Octets as an argument: base64 (RFC 4648 section 4). Error of disarm(): it is none.
std::string armour(std::string_view octets);
Result<std::string> disarm(std::string_view text);

} // namespace sluice::control
