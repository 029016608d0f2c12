// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/scripted_filter.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>

namespace sluice::mta {
namespace {

constexpr std::chrono::seconds patience{20};

} // namespace

std::string packet(char code, std::string_view payload) {
    return encodeNumber(static_cast<std::uint32_t>(payload.size() + 1)) + code +
           std::string(payload);
}

std::string packet(Answer answer, std::string_view payload) {
    return packet(static_cast<char>(answer), payload);
}

ScriptedFilter::ScriptedFilter(Script script) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::runtime_error("socketpair failed");
    clientSocket_ = ends[0];
    thread_ =
        std::thread([this, socket = ends[1], script = std::move(script)] { run(socket, script); });
}

ScriptedFilter::~ScriptedFilter() {
    if (clientSocket_ >= 0)
        (void)::close(clientSocket_);
    if (thread_.joinable())
        thread_.join();
}

PacketStream ScriptedFilter::takeClientSide(std::chrono::milliseconds limit) {
    return {std::exchange(clientSocket_, -1), limit};
}

std::vector<Packet> ScriptedFilter::received() {
    if (thread_.joinable())
        thread_.join();
    return received_;
}

void ScriptedFilter::run(int socket, const Script& script) {
    PacketStream stream(socket, patience);
    for (;;) {
        auto packet = stream.read();
        if (!packet)
            return;
        if (!stream.queueRaw(script(*packet)))
            return;
        received_.push_back(std::move(*packet));
    }
}

} // namespace sluice::mta
