// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_json.hh"

#include "test/support/base64.hh"

#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::mta {
namespace {

constexpr std::array<std::pair<std::string_view, Stage>, stageCount> stageNames{{
    {"connect", Stage::connect},
    {"helo", Stage::helo},
    {"mail", Stage::mail},
    {"rcpt", Stage::recipient},
    {"data", Stage::data},
    {"eoh", Stage::endOfHeaders},
    {"eom", Stage::endOfMessage},
}};

constexpr std::array<std::pair<std::string_view, ClientAddress::Family>, 4> familyNames{{
    {"inet", ClientAddress::Family::inet},
    {"inet6", ClientAddress::Family::inet6},
    {"unix", ClientAddress::Family::local},
    {"unknown", ClientAddress::Family::unknown},
}};

tl::unexpected<Trouble> wrong(const char* key, std::string_view expected) {
    return trouble(Trouble::Kind::usage,
                   '"' + std::string(key) + "\": expected " + std::string(expected));
}

template<typename Value, std::size_t count>
std::optional<Value> named(const std::array<std::pair<std::string_view, Value>, count>& table,
                           std::string_view name) {
    for (const auto& [each, value] : table) {
        if (each == name)
            return value;
    }
    return std::nullopt;
}

std::string nameOf(Stage stage) {
    for (const auto& [name, each] : stageNames) {
        if (each == stage)
            return std::string(name);
    }
    return {};
}

std::string nameOf(Trouble::Kind kind) {
    switch (kind) {
    case Trouble::Kind::closed:
        return "closed";
    case Trouble::Kind::timeout:
        return "timeout";
    case Trouble::Kind::protocol:
        return "protocol";
    case Trouble::Kind::system:
        return "system";
    case Trouble::Kind::usage:
        return "usage";
    }
    return {};
}

std::string nameOf(Reply::Kind kind) {
    switch (kind) {
    case Reply::Kind::none:
        return "none";
    case Reply::Kind::proceed:
        return "continue";
    case Reply::Kind::accept:
        return "accept";
    case Reply::Kind::reject:
        return "reject";
    case Reply::Kind::tempfail:
        return "tempfail";
    case Reply::Kind::discard:
        return "discard";
    case Reply::Kind::replyCode:
        return "replycode";
    case Reply::Kind::skip:
        return "skip";
    case Reply::Kind::connectionFailure:
        return "connection-failure";
    case Reply::Kind::shutdown:
        return "shutdown";
    }
    return {};
}

std::string nameOf(Reply::Silence silence) {
    switch (silence) {
    case Reply::Silence::notWanted:
        return "not-wanted";
    case Reply::Silence::skipped:
        return "skipped";
    case Reply::Silence::empty:
        return "empty";
    case Reply::Silence::noReply:
        return "no-reply";
    case Reply::Silence::notWaited:
        return "not-waited";
    }
    return {};
}

Json headerEdit(const char* name, const Edit& edit) {
    return {{"edit", name}, {"name", toJson(edit.name)}, {"value", toJson(edit.value)}};
}

Json indexedEdit(const char* name, const Edit& edit) {
    auto json = headerEdit(name, edit);
    json["index"] = edit.index;
    return json;
}

Json addressEdit(const char* name, const Edit& edit) {
    Json json{{"edit", name}, {"address", toJson(edit.value)}};
    if (edit.arguments)
        json["arguments"] = toJson(*edit.arguments);
    return json;
}

bool isUtf8(std::string_view text) {
    try {
        (void)Json(text).dump();
        return true;
    } catch (const Json::type_error&) {
        return false;
    }
}

Outcome<std::string> text(const Json& value, const char* key) {
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_object() && value.contains("base64") && value["base64"].is_string()) {
        if (auto octets = decodeBase64(value["base64"].get<std::string>()))
            return std::move(*octets);
    }
    return wrong(key, R"(text or {"base64": "…"})");
}

} // namespace

Json toJson(std::string_view text) {
    return isUtf8(text) ? Json(text) : Json{{"base64", encodeBase64(text)}};
}

Json toJson(const Trouble& trouble) {
    return {{"error", trouble.message}, {"kind", nameOf(trouble.kind)}};
}

Json toJson(const Negotiation& negotiation) {
    auto macros = Json::object();
    for (const auto& [stage, list] : negotiation.macros)
        macros[nameOf(stage)] = toJson(list);
    return {{"version", negotiation.version},
            {"actions", negotiation.actions},
            {"steps", negotiation.steps},
            {"macros", std::move(macros)}};
}

Json toJson(const Reply& reply) {
    Json json{{"reply", nameOf(reply.kind)}};
    if (reply.kind == Reply::Kind::none)
        json["why"] = nameOf(reply.silence);
    if (reply.kind != Reply::Kind::replyCode)
        return json;
    json["line"] = toJson(reply.line);
    if (const auto parts = parseReplyLine(reply.line)) {
        json["code"] = parts->code;
        json["enhanced"] = parts->enhanced;
        json["text"] = toJson(parts->text);
    }
    return json;
}

Json toJson(const Edit& edit) {
    switch (edit.kind) {
    case Edit::Kind::addHeader:
        return headerEdit("addheader", edit);
    case Edit::Kind::insertHeader:
        return indexedEdit("insheader", edit);
    case Edit::Kind::changeHeader:
        return indexedEdit("chgheader", edit);
    case Edit::Kind::changeSender:
        return addressEdit("chgfrom", edit);
    case Edit::Kind::addRecipient:
        return addressEdit("addrcpt", edit);
    case Edit::Kind::addRecipientWithArguments:
        return addressEdit("addrcpt_par", edit);
    case Edit::Kind::deleteRecipient:
        return addressEdit("delrcpt", edit);
    case Edit::Kind::replaceBody:
        return {{"edit", "replacebody"}, {"chunk", toJson(edit.value)}};
    case Edit::Kind::quarantine:
        return {{"edit", "quarantine"}, {"reason", toJson(edit.value)}};
    }
    return {};
}

Json toJson(const EndOfMessage& end) {
    auto json = toJson(end.reply);
    json["edits"] = Json::array();
    for (const auto& edit : end.edits)
        json["edits"].push_back(toJson(edit));
    return json;
}

Json toJson(const Packet& packet) {
    return {{"code", toJson(std::string(1, packet.code))}, {"payload", toJson(packet.payload)}};
}

Outcome<std::string> textIn(const Json& object, const char* key) {
    return object.contains(key) ? text(object[key], key) : wrong(key, "text");
}

Outcome<std::vector<std::string>> textsIn(const Json& object, const char* key) {
    if (!object.contains(key) || !object[key].is_array())
        return wrong(key, "a list of texts");
    std::vector<std::string> texts;
    for (const auto& element : object[key]) {
        auto each = text(element, key);
        if (!each)
            return tl::unexpected(each.error());
        texts.push_back(std::move(*each));
    }
    return texts;
}

Outcome<std::uint32_t> numberIn(const Json& object, const char* key, std::uint32_t fallback,
                                std::uint32_t most) {
    if (!object.contains(key))
        return fallback;
    const auto& value = object[key];
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
        return wrong(key, "a number up to " + std::to_string(most));
    return value.get<std::uint32_t>();
}

Outcome<Stage> stageIn(const Json& object, const char* key) {
    const auto name = textIn(object, key);
    const auto stage = name ? named(stageNames, *name) : std::nullopt;
    return stage ? Outcome<Stage>(*stage) : wrong(key, "the name of a stage");
}

Outcome<MilterClient::MacroValues> macrosIn(const Json& object, const char* key) {
    if (!object.contains(key) || !object[key].is_object())
        return wrong(key, "an object of macros");
    MilterClient::MacroValues values;
    for (const auto& [name, value] : object[key].items()) {
        auto each = text(value, key);
        if (!each)
            return tl::unexpected(each.error());
        values.emplace_back(name, std::move(*each));
    }
    return values;
}

Outcome<ClientAddress> clientAddressIn(const Json& object) {
    const auto name = textIn(object, "family");
    const auto family = name ? named(familyNames, *name) : std::nullopt;
    if (!family)
        return wrong("family", "inet, inet6, unix or unknown");
    if (*family == ClientAddress::Family::unknown)
        return ClientAddress{};
    auto address = textIn(object, "address");
    if (!address)
        return tl::unexpected(address.error());
    const auto port = numberIn(object, "port", 0, std::numeric_limits<std::uint16_t>::max());
    if (!port)
        return tl::unexpected(port.error());
    return ClientAddress{*family, std::move(*address), static_cast<std::uint16_t>(*port)};
}

} // namespace sluice::mta
