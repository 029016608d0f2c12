// SPDX-License-Identifier: BSD-2-Clause
#include "common/control_protocol.hh"

#include <sodium.h>

#include <utility>

namespace sluice::control {
namespace {

using nlohmann::json;

std::string lineOf(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Discarded when it is no JSON object. Never copied: a copy of what is nested deep takes as much
/// stack.
json objectIn(std::string_view text) {
    json value = json::parse(text, nullptr, false);
    if (!value.is_object())
        value = json(json::value_t::discarded);
    return value;
}

} // namespace

std::string textOf(const Request& request) {
    return lineOf({{"command", request.command}, {"arguments", request.arguments}});
}

std::string textOf(const Reply& reply) {
    return reply.error.empty() ? lineOf({{"result", reply.result}})
                               : lineOf({{"error", reply.error}});
}

Result<Request> parseRequest(std::string_view text) {
    const json value = objectIn(text);
    if (value.is_discarded())
        return fail("a request is a JSON object");
    const auto command = value.find("command");
    if (command == value.end() || !command->is_string())
        return fail("a request has a \"command\"");
    Request request{command->get<std::string>()};
    const auto arguments = value.find("arguments");
    if (arguments == value.end())
        return request;
    if (!arguments->is_object())
        return fail("the \"arguments\" of a request are an object");
    for (const auto& [name, argument] : arguments->items()) {
        if (!argument.is_string())
            return fail("an argument of a request is a text");
        request.arguments.emplace(name, argument.get<std::string>());
    }
    return request;
}

Result<Reply> parseReply(std::string_view text) {
    json value = objectIn(text);
    if (value.is_discarded())
        return fail("the reply is no JSON object");
    if (const auto error = value.find("error"); error != value.end() && error->is_string())
        return Reply{error->get<std::string>()};
    auto result = value.find("result");
    if (result == value.end())
        return fail("the reply has neither a \"result\" nor an \"error\"");
    return Reply{"", std::move(*result)};
}

std::string armour(std::string_view octets) {
    std::string text(sodium_base64_encoded_len(octets.size(), sodium_base64_VARIANT_ORIGINAL),
                     '\0');
    sodium_bin2base64(text.data(), text.size(),
                      reinterpret_cast<const unsigned char*>(octets.data()), // NOLINT
                      octets.size(), sodium_base64_VARIANT_ORIGINAL);
    text.pop_back(); // the final NUL
    return text;
}

Result<std::string> disarm(std::string_view text) {
    std::string octets(text.size(), '\0');
    std::size_t length = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(octets.data()), octets.size(), // NOLINT
                          text.data(), text.size(), nullptr, &length, nullptr,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return fail("an argument is no base64");
    octets.resize(length);
    return octets;
}

} // namespace sluice::control
