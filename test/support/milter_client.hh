// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/milter_protocol.hh"
#include "test/support/milter_reply.hh"
#include "test/support/packet_stream.hh"
#include "test/support/trouble.hh"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::mta {

/// What one side says in option negotiation.
struct Negotiation {
    std::uint32_t version = protocolVersion;
    std::uint32_t actions = actions::all;
    std::uint32_t steps = steps::all;
    std::map<Stage, std::string> macros; ///< the filter's lists of wanted macros
};

/// The SMTP client that the filter is told of.
struct ClientAddress {
    enum class Family : char { unknown = 'U', local = 'L', inet = '4', inet6 = '6' };
    Family family = Family::unknown; ///< unknown: no address and no port are sent
    std::string text;                ///< address or path, sent as it is
    std::uint16_t port = 0;
};

/// The MTA's side of one milter connection. It does what the filter negotiated: a step that is not
/// wanted is not sent, an answer that will not come is not awaited. The order of the steps is the
/// caller's; nothing is checked, so that wrong orders can be tried.
/// Each call is bounded by the limit of the stream. Not for use by two threads at once.
class MilterClient {
public:
    using MacroValues = std::vector<std::pair<std::string, std::string>>;

    static Outcome<MilterClient> connect(std::string_view address, std::chrono::milliseconds limit);
    explicit MilterClient(PacketStream stream) : stream_(std::move(stream)) {}

    /// Offers all there is unless told otherwise. Trouble of kind protocol: the filter asks for
    /// more than was offered.
    Outcome<Negotiation> negotiate(const Negotiation& offer = {});

    /// Sends those that the filter listed for the stage, all if it gave no list. Names may come
    /// with braces or without.
    Outcome<void> macros(Stage stage, const MacroValues& values);

    Outcome<Reply> connection(std::string_view host, const ClientAddress& address);
    Outcome<Reply> helo(std::string_view name);
    /// The path as in the SMTP command, then its ESMTP arguments.
    Outcome<Reply> mail(const std::vector<std::string>& arguments);
    Outcome<Reply> recipient(const std::vector<std::string>& arguments);
    Outcome<Reply> data();
    Outcome<Reply> unknown(std::string_view command);
    /// A header written `Name: value`.
    Outcome<Reply> header(std::string_view name, std::string_view value);
    /// A header whose value, spaces included, stands right behind the colon.
    Outcome<Reply> headerAsWritten(std::string_view name, std::string_view behindColon);
    Outcome<Reply> endOfHeaders();
    /// In chunks of at most 65535 octets, until one of them is answered by more than "continue".
    Outcome<Reply> body(std::string_view octets);
    Outcome<EndOfMessage> endOfMessage(std::string_view lastChunk = {});

    Outcome<void> abort();
    Outcome<void> quit();
    Outcome<void> quitNewConnection();

    /// When off, steps return at once with Silence::notWaited.
    void setWaiting(bool waiting) { waiting_ = waiting; }
    /// The answer to a step that was not waited for.
    Outcome<Reply> awaitReply();
    Outcome<EndOfMessage> awaitEndOfMessage();

    /// What was agreed; before negotiation: every step is sent and answered.
    [[nodiscard]] const Negotiation& negotiated() const { return negotiated_; }
    /// For input that no MTA sends.
    PacketStream& stream() { return stream_; }

private:
    struct Step;

    Outcome<Reply> send(const Step& step, std::string_view payload);
    Outcome<void> sendAlone(Command command);
    [[nodiscard]] bool asked(std::uint32_t steps) const { return (negotiated_.steps & steps) != 0; }

    PacketStream stream_;
    Negotiation negotiated_{protocolVersion, 0, 0, {}};
    bool skippingBody_ = false;
    bool waiting_ = true;
};

} // namespace sluice::mta
