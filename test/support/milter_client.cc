// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/milter_client.hh"

#include <algorithm>
#include <array>

namespace sluice::mta {
namespace {

constexpr std::size_t numberOctets = 4;
constexpr std::size_t editLimit = 10000;

tl::unexpected<Trouble> wrongNegotiation(std::string_view what) {
    return trouble(Trouble::Kind::protocol, "option negotiation: " + std::string(what));
}

std::string terminated(std::string_view text) {
    return std::string(text) + '\0';
}

std::string allTerminated(const std::vector<std::string>& texts) {
    std::string payload;
    for (const auto& text : texts)
        payload += terminated(text);
    return payload;
}

/// As the MTAs write them: one letter bare, longer names in braces.
std::string spelledMacro(std::string_view name) {
    if (name.size() == 3 && name.front() == '{' && name.back() == '}')
        return std::string(name.substr(1, 1));
    const bool bare = name.size() == 1 || (!name.empty() && name.front() == '{');
    return bare ? std::string(name) : '{' + std::string(name) + '}';
}

bool lists(std::string_view list, std::string_view name) {
    constexpr std::string_view separators = ", ";
    while (!list.empty()) {
        const auto end = std::min(list.find_first_of(separators), list.size());
        if (spelledMacro(list.substr(0, end)) == name)
            return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

Command commandOf(Stage stage) {
    switch (stage) {
    case Stage::connect:
        return Command::connect;
    case Stage::helo:
        return Command::helo;
    case Stage::mail:
        return Command::mail;
    case Stage::recipient:
        return Command::recipient;
    case Stage::data:
        return Command::data;
    case Stage::endOfMessage:
        return Command::endOfMessage;
    case Stage::endOfHeaders:
        return Command::endOfHeaders;
    }
    return Command::unknown;
}

std::string encoded(const Negotiation& offer) {
    return encodeNumber(offer.version) + encodeNumber(offer.actions) + encodeNumber(offer.steps);
}

Outcome<std::map<Stage, std::string>> parseMacroLists(std::string_view payload) {
    std::map<Stage, std::string> lists;
    while (!payload.empty()) {
        const auto end = payload.find('\0', numberOctets);
        if (payload.size() < numberOctets || end == std::string_view::npos)
            return wrongNegotiation("a list of macros is cut off");
        const auto stage = decodeNumber(payload);
        if (stage >= stageCount)
            return wrongNegotiation("macros for unknown stage " + std::to_string(stage));
        lists[static_cast<Stage>(stage)] = payload.substr(numberOctets, end - numberOctets);
        payload.remove_prefix(end + 1);
    }
    return lists;
}

Outcome<Negotiation> parseNegotiation(const Packet& packet, const Negotiation& offer) {
    if (static_cast<Command>(packet.code) != Command::negotiate ||
        packet.payload.size() < 3 * numberOctets)
        return wrongNegotiation("no answer to the offer");
    const std::string_view payload = packet.payload;
    Negotiation answer{decodeNumber(payload),
                       decodeNumber(payload.substr(numberOctets)),
                       decodeNumber(payload.substr(2 * numberOctets)),
                       {}};
    if (answer.version < 2 || answer.version > offer.version)
        return wrongNegotiation("version " + std::to_string(answer.version));
    if ((answer.actions & ~offer.actions) != 0)
        return wrongNegotiation("actions that were not offered");
    if ((answer.steps & ~offer.steps) != 0)
        return wrongNegotiation("steps that were not offered");
    auto macros = parseMacroLists(payload.substr(3 * numberOctets));
    if (!macros)
        return tl::unexpected(macros.error());
    answer.macros = std::move(*macros);
    return answer;
}

} // namespace

/// A command and what the filter may have asked about it.
struct MilterClient::Step {
    Command command;
    std::uint32_t unwanted; ///< do not send it
    std::uint32_t silent;   ///< it will not be answered
};

Outcome<MilterClient> MilterClient::connect(std::string_view address,
                                            std::chrono::milliseconds limit) {
    return PacketStream::connect(address, limit).map([](PacketStream&& stream) {
        return MilterClient(std::move(stream));
    });
}

Outcome<Negotiation> MilterClient::negotiate(const Negotiation& offer) {
    if (auto sent = stream_.queue(static_cast<char>(Command::negotiate), encoded(offer)); !sent)
        return tl::unexpected(sent.error());
    const auto packet = stream_.read();
    if (!packet)
        return tl::unexpected(packet.error());
    auto answer = parseNegotiation(*packet, offer);
    if (answer)
        negotiated_ = *answer;
    return answer;
}

Outcome<void> MilterClient::macros(Stage stage, const MacroValues& values) {
    const auto wanted = negotiated_.macros.find(stage);
    std::string payload(1, static_cast<char>(commandOf(stage)));
    for (const auto& [name, value] : values) {
        const auto spelled = spelledMacro(name);
        if (wanted == negotiated_.macros.end() || lists(wanted->second, spelled))
            payload += terminated(spelled) + terminated(value);
    }
    if (payload.size() == 1)
        return {};
    return stream_.queue(static_cast<char>(Command::macros), payload);
}

Outcome<Reply> MilterClient::send(const Step& step, std::string_view payload) {
    if (asked(step.unwanted))
        return Reply::silent(Reply::Silence::notWanted);
    if (auto sent = stream_.queue(static_cast<char>(step.command), payload); !sent)
        return tl::unexpected(sent.error());
    if (asked(step.silent))
        return Reply::silent(Reply::Silence::noReply);
    if (waiting_)
        return awaitReply();
    return stream_.flush().map([] { return Reply::silent(Reply::Silence::notWaited); });
}

Outcome<Reply> MilterClient::awaitReply() {
    const auto deadline = stream_.deadline();
    for (;;) {
        const auto packet = stream_.read(deadline);
        if (!packet)
            return tl::unexpected(packet.error());
        auto reply = parseReply(*packet);
        if (!reply)
            return tl::unexpected(reply.error());
        if (*reply)
            return **reply;
        if (static_cast<Answer>(packet->code) != Answer::progress)
            return trouble(Trouble::Kind::protocol, "an edit before the end of the message");
    }
}

Outcome<Reply> MilterClient::connection(std::string_view host, const ClientAddress& address) {
    skippingBody_ = false;
    auto payload = terminated(host) + static_cast<char>(address.family);
    if (address.family != ClientAddress::Family::unknown) {
        payload += static_cast<char>(address.port >> 8U);
        payload += static_cast<char>(address.port & 0xffU);
        payload += terminated(address.text);
    }
    return send({Command::connect, steps::noConnect, steps::silentConnect}, payload);
}

Outcome<Reply> MilterClient::helo(std::string_view name) {
    return send({Command::helo, steps::noHelo, steps::silentHelo}, terminated(name));
}

Outcome<Reply> MilterClient::mail(const std::vector<std::string>& arguments) {
    skippingBody_ = false;
    return send({Command::mail, steps::noMail, steps::silentMail}, allTerminated(arguments));
}

Outcome<Reply> MilterClient::recipient(const std::vector<std::string>& arguments) {
    return send({Command::recipient, steps::noRecipient, steps::silentRecipient},
                allTerminated(arguments));
}

Outcome<Reply> MilterClient::data() {
    return send({Command::data, steps::noData, steps::silentData}, {});
}

Outcome<Reply> MilterClient::unknown(std::string_view command) {
    return send({Command::unknown, steps::noUnknown, steps::silentUnknown}, terminated(command));
}

Outcome<Reply> MilterClient::header(std::string_view name, std::string_view value) {
    return headerAsWritten(name, ' ' + std::string(value));
}

Outcome<Reply> MilterClient::headerAsWritten(std::string_view name, std::string_view behindColon) {
    if (!asked(steps::headerLeadingSpace) && behindColon.substr(0, 1) == " ")
        behindColon.remove_prefix(1);
    return send({Command::header, steps::noHeaders, steps::silentHeader},
                terminated(name) + terminated(behindColon));
}

Outcome<Reply> MilterClient::endOfHeaders() {
    return send({Command::endOfHeaders, steps::noEndOfHeaders, steps::silentEndOfHeaders}, {});
}

Outcome<Reply> MilterClient::body(std::string_view octets) {
    if (skippingBody_)
        return Reply::silent(Reply::Silence::skipped);
    if (octets.empty())
        return Reply::silent(Reply::Silence::empty);
    for (;;) {
        const auto chunk = octets.substr(0, bodyChunkLimit);
        octets.remove_prefix(chunk.size());
        auto reply = send({Command::body, steps::noBody, steps::silentBody}, chunk);
        skippingBody_ = reply && reply->kind == Reply::Kind::skip;
        if (!reply || !reply->goesOn() || octets.empty())
            return reply;
    }
}

Outcome<EndOfMessage> MilterClient::endOfMessage(std::string_view lastChunk) {
    skippingBody_ = false;
    if (auto sent = stream_.queue(static_cast<char>(Command::endOfMessage), lastChunk); !sent)
        return tl::unexpected(sent.error());
    if (waiting_)
        return awaitEndOfMessage();
    return stream_.flush().map([] {
        return EndOfMessage{Reply::silent(Reply::Silence::notWaited), {}};
    });
}

Outcome<EndOfMessage> MilterClient::awaitEndOfMessage() {
    EndOfMessage result;
    for (const auto deadline = stream_.deadline(); result.edits.size() <= editLimit;) {
        const auto packet = stream_.read(deadline);
        if (!packet)
            return tl::unexpected(packet.error());
        auto reply = parseReply(*packet);
        if (!reply)
            return tl::unexpected(reply.error());
        if (*reply) {
            result.reply = std::move(**reply);
            return result;
        }
        if (static_cast<Answer>(packet->code) == Answer::progress)
            continue;
        auto edit = parseEdit(*packet);
        if (!edit)
            return tl::unexpected(edit.error());
        result.edits.push_back(std::move(*edit));
    }
    return trouble(Trouble::Kind::protocol, "the filter's edits never end");
}

Outcome<void> MilterClient::sendAlone(Command command) {
    skippingBody_ = false;
    if (auto sent = stream_.queue(static_cast<char>(command), {}); !sent)
        return sent;
    return stream_.flush();
}

Outcome<void> MilterClient::abort() {
    return sendAlone(Command::abort);
}
Outcome<void> MilterClient::quit() {
    return sendAlone(Command::quit);
}
Outcome<void> MilterClient::quitNewConnection() {
    return sendAlone(Command::quitNewConnection);
}

} // namespace sluice::mta
