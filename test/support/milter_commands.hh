// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/milter_client.hh"
#include "test/support/trouble.hh"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::mta {

/// Carries out the commands of `milter-client` (the language is described in milter_client_main.cc)
/// on one connection at a time.
class MilterCommands {
public:
    MilterCommands() = default;
    /// Already connected.
    explicit MilterCommands(MilterClient client) : client_(std::move(client)) {}

    /// One command, one answer, both a line of JSON without its line end. Never throws for bad
    /// input: that is an answer with "error".
    std::string answer(std::string_view line);

private:
    using Json = nlohmann::json;
    using Handler = Json (MilterCommands::*)(const Json& command);

    static Handler handlerOf(std::string_view name);

    Json perform(const Json& command);
    Json connect(const Json& command);
    Json negotiate(const Json& command);
    Json macros(const Json& command);
    Json connection(const Json& command);
    Json helo(const Json& command);
    Json mail(const Json& command);
    Json recipient(const Json& command);
    Json data(const Json& command);
    Json unknown(const Json& command);
    Json header(const Json& command);
    Json endOfHeaders(const Json& command);
    Json body(const Json& command);
    Json endOfMessage(const Json& command);
    Json awaitReply(const Json& command);
    Json awaitEndOfMessage(const Json& command);
    Json abort(const Json& command);
    Json quit(const Json& command);
    Json quitNewConnection(const Json& command);
    Json raw(const Json& command);
    Json packet(const Json& command);
    Json closed(const Json& command);

    std::optional<MilterClient> client_;
};

} // namespace sluice::mta
