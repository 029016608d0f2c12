// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/trouble.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::mta {

struct Packet {
    char code;
    std::string payload;
};

/// A connected stream socket that carries milter packets: a length of four octets (big-endian, it
/// counts the code), the code, the payload. What is queued goes out together, before the next read
/// or with flush(), as an MTA's buffered stream does it. Not for use by two threads at once.
class PacketStream {
public:
    using Clock = std::chrono::steady_clock;

    /// To `unix:PATH`, `local:PATH`, `inet:PORT@HOST` or `inet6:PORT@HOST`. `limit` bounds the
    /// connecting and then each read and each flush.
    static Outcome<PacketStream> connect(std::string_view address, std::chrono::milliseconds limit);

    /// Takes the socket over.
    PacketStream(int socket, std::chrono::milliseconds limit);
    ~PacketStream();
    PacketStream(PacketStream&& other) noexcept;
    PacketStream& operator=(PacketStream&& other) noexcept;
    PacketStream(const PacketStream&) = delete;
    PacketStream& operator=(const PacketStream&) = delete;

    void setLimit(std::chrono::milliseconds limit) { limit_ = limit; }

    /// Sends only when much has gathered.
    Outcome<void> queue(char code, std::string_view payload);
    /// Octets as they are, framed or not.
    Outcome<void> queueRaw(std::string_view octets);
    Outcome<void> flush();

    /// When a wait that starts now ends.
    [[nodiscard]] Clock::time_point deadline() const { return Clock::now() + limit_; }
    /// Flushes, then reads one packet.
    Outcome<Packet> read(Clock::time_point deadline);
    Outcome<Packet> read() { return read(deadline()); }
    /// Flushes, then waits for the end of the stream; what the filter still sends is dropped.
    Outcome<void> awaitClose();

private:
    [[nodiscard]] Outcome<void> prepareForConnecting(int family) const;
    [[nodiscard]] Outcome<void> await(short events, Clock::time_point deadline) const;
    Outcome<void> receiveSome(Clock::time_point deadline);
    [[nodiscard]] std::size_t unread() const { return input_.size() - consumed_; }

    int socket_;
    std::chrono::milliseconds limit_;
    std::string output_;
    std::string input_;
    std::size_t consumed_ = 0; ///< octets of `input_` that were handed out
};

/// Four octets, big-endian.
std::string encodeNumber(std::uint32_t number);
/// From the first four octets, which must be there.
std::uint32_t decodeNumber(std::string_view octets);

} // namespace sluice::mta
