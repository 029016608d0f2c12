// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/milter_protocol.hh"
#include "test/support/packet_stream.hh"

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::mta {

/// The frame around a code and its payload.
std::string packet(char code, std::string_view payload = {});
std::string packet(Answer answer, std::string_view payload = {});

/// The filter's side of one connection, played from a script, so that the client can be tested
/// with answers that libmilter never gives. It runs in a thread of its own over a socket pair.
class ScriptedFilter {
public:
    /// The octets to answer a packet with; none for no answer.
    using Script = std::function<std::string(const Packet&)>;

    explicit ScriptedFilter(Script script);
    /// Waits for the client to have gone.
    ~ScriptedFilter();
    ScriptedFilter(const ScriptedFilter&) = delete;
    ScriptedFilter& operator=(const ScriptedFilter&) = delete;

    /// The other end; once only.
    PacketStream takeClientSide(std::chrono::milliseconds limit);
    /// Waits for the client to have gone, then gives what it sent.
    std::vector<Packet> received();

private:
    void run(int socket, const Script& script);

    int clientSocket_ = -1;
    std::vector<Packet> received_;
    std::thread thread_;
};

} // namespace sluice::mta
