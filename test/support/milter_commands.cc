// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_commands.hh"

#include "test/support/milter_json.hh"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace sluice::mta {
namespace {

constexpr std::uint32_t defaultLimitMs = 10'000;
constexpr std::uint32_t longestLimitMs = 600'000;

template<typename T>
Json answerTo(const Outcome<T>& outcome) {
    return outcome ? toJson(*outcome) : toJson(outcome.error());
}

template<>
Json answerTo(const Outcome<void>& outcome) {
    return outcome ? Json{{"done", true}} : toJson(outcome.error());
}

Json usage(std::string message) {
    return toJson(Trouble{Trouble::Kind::usage, std::move(message)});
}

} // namespace

MilterCommands::Handler MilterCommands::handlerOf(std::string_view name) {
    using Row = std::pair<std::string_view, Handler>;
    static constexpr std::array handlers{
        Row{"connect", &MilterCommands::connect},
        Row{"negotiate", &MilterCommands::negotiate},
        Row{"macros", &MilterCommands::macros},
        Row{"conn", &MilterCommands::connection},
        Row{"helo", &MilterCommands::helo},
        Row{"mail", &MilterCommands::mail},
        Row{"rcpt", &MilterCommands::recipient},
        Row{"data", &MilterCommands::data},
        Row{"unknown", &MilterCommands::unknown},
        Row{"header", &MilterCommands::header},
        Row{"eoh", &MilterCommands::endOfHeaders},
        Row{"body", &MilterCommands::body},
        Row{"eom", &MilterCommands::endOfMessage},
        Row{"await", &MilterCommands::awaitReply},
        Row{"await-eom", &MilterCommands::awaitEndOfMessage},
        Row{"abort", &MilterCommands::abort},
        Row{"quit", &MilterCommands::quit},
        Row{"quit-nc", &MilterCommands::quitNewConnection},
        Row{"raw", &MilterCommands::raw},
        Row{"packet", &MilterCommands::packet},
        Row{"closed", &MilterCommands::closed},
    };
    const auto found = std::find_if(handlers.begin(), handlers.end(),
                                    [name](const Row& row) { return row.first == name; });
    return found == handlers.end() ? nullptr : found->second;
}

std::string MilterCommands::answer(std::string_view line) {
    const auto command = Json::parse(line, nullptr, false);
    return (command.is_object() ? perform(command) : usage("not a JSON object")).dump();
}

Json MilterCommands::perform(const Json& command) {
    const auto name = textIn(command, "do");
    const auto handler = name ? handlerOf(*name) : nullptr;
    if (handler == nullptr)
        return usage(R"("do": expected the name of a command)");
    if (!client_ && handler != &MilterCommands::connect)
        return usage("not connected");
    if (client_)
        client_->setWaiting(command.value("wait", Json(true)) != false);
    return (this->*handler)(command);
}

Json MilterCommands::connect(const Json& command) {
    const auto socket = textIn(command, "socket");
    const auto limit = numberIn(command, "timeout-ms", defaultLimitMs, longestLimitMs);
    if (!socket || !limit)
        return toJson(socket ? limit.error() : socket.error());
    client_.reset();
    auto client = MilterClient::connect(*socket, std::chrono::milliseconds(*limit));
    if (!client)
        return toJson(client.error());
    client_.emplace(std::move(*client));
    return {{"done", true}};
}

Json MilterCommands::negotiate(const Json& command) {
    const Negotiation all;
    const auto version = numberIn(command, "version", all.version, UINT32_MAX);
    const auto actions = numberIn(command, "actions", all.actions, UINT32_MAX);
    const auto steps = numberIn(command, "steps", all.steps, UINT32_MAX);
    for (const auto* number : {&version, &actions, &steps}) {
        if (!*number)
            return toJson(number->error());
    }
    return answerTo(client_->negotiate({*version, *actions, *steps, {}}));
}

Json MilterCommands::macros(const Json& command) {
    const auto stage = stageIn(command, "stage");
    const auto values = macrosIn(command, "values");
    if (!stage || !values)
        return toJson(stage ? values.error() : stage.error());
    return answerTo(client_->macros(*stage, *values));
}

Json MilterCommands::connection(const Json& command) {
    const auto host = textIn(command, "host");
    const auto address = clientAddressIn(command);
    if (!host || !address)
        return toJson(host ? address.error() : host.error());
    return answerTo(client_->connection(*host, *address));
}

Json MilterCommands::helo(const Json& command) {
    const auto name = textIn(command, "name");
    return name ? answerTo(client_->helo(*name)) : toJson(name.error());
}

Json MilterCommands::mail(const Json& command) {
    const auto arguments = textsIn(command, "args");
    return arguments ? answerTo(client_->mail(*arguments)) : toJson(arguments.error());
}

Json MilterCommands::recipient(const Json& command) {
    const auto arguments = textsIn(command, "args");
    return arguments ? answerTo(client_->recipient(*arguments)) : toJson(arguments.error());
}

Json MilterCommands::data(const Json&) {
    return answerTo(client_->data());
}

Json MilterCommands::unknown(const Json& command) {
    const auto text = textIn(command, "command");
    return text ? answerTo(client_->unknown(*text)) : toJson(text.error());
}

Json MilterCommands::header(const Json& command) {
    const auto name = textIn(command, "name");
    const bool asWritten = command.contains("written");
    const auto value = textIn(command, asWritten ? "written" : "value");
    if (!name || !value)
        return toJson(name ? value.error() : name.error());
    return answerTo(asWritten ? client_->headerAsWritten(*name, *value)
                              : client_->header(*name, *value));
}

Json MilterCommands::endOfHeaders(const Json&) {
    return answerTo(client_->endOfHeaders());
}

Json MilterCommands::body(const Json& command) {
    const auto octets =
        command.contains("base64") ? textIn({{"body", command}}, "body") : textIn(command, "text");
    return octets ? answerTo(client_->body(*octets)) : toJson(octets.error());
}

Json MilterCommands::endOfMessage(const Json& command) {
    if (!command.contains("chunk"))
        return answerTo(client_->endOfMessage());
    const auto chunk = textIn(command, "chunk");
    return chunk ? answerTo(client_->endOfMessage(*chunk)) : toJson(chunk.error());
}

Json MilterCommands::awaitReply(const Json&) {
    return answerTo(client_->awaitReply());
}
Json MilterCommands::awaitEndOfMessage(const Json&) {
    return answerTo(client_->awaitEndOfMessage());
}
Json MilterCommands::abort(const Json&) {
    return answerTo(client_->abort());
}
Json MilterCommands::quit(const Json&) {
    return answerTo(client_->quit());
}
Json MilterCommands::quitNewConnection(const Json&) {
    return answerTo(client_->quitNewConnection());
}

Json MilterCommands::raw(const Json& command) {
    const auto octets = textIn({{"base64", command}}, "base64");
    if (!octets)
        return toJson(octets.error());
    if (auto queued = client_->stream().queueRaw(*octets); !queued)
        return toJson(queued.error());
    return answerTo(client_->stream().flush());
}

Json MilterCommands::packet(const Json&) {
    return answerTo(client_->stream().read());
}
Json MilterCommands::closed(const Json&) {
    return answerTo(client_->stream().awaitClose());
}

} // namespace sluice::mta
