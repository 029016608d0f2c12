// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/packet_stream.hh"

#include "test/support/socket_address.hh"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::mta {
namespace {

constexpr std::size_t lengthOctets = 4;
constexpr std::size_t packetLimit = std::size_t{1} << 20U; // far above the largest edit
constexpr std::size_t flushAbove = std::size_t{128} << 10U;
constexpr std::size_t readAtOnce = std::size_t{16} << 10U;

tl::unexpected<Trouble> systemTrouble(std::string_view what, int error) {
    return trouble(Trouble::Kind::system, std::string(what) + ": " + std::strerror(error));
}

} // namespace

std::string encodeNumber(std::uint32_t number) {
    std::string octets;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        octets += static_cast<char>((number >> shift) & 0xffU);
    return octets;
}

std::uint32_t decodeNumber(std::string_view octets) {
    std::uint32_t number = 0;
    for (const char octet : octets.substr(0, lengthOctets))
        number = (number << 8U) | static_cast<unsigned char>(octet);
    return number;
}

PacketStream::PacketStream(int socket, std::chrono::milliseconds limit)
    : socket_(socket), limit_(limit) {}

PacketStream::~PacketStream() {
    if (socket_ >= 0)
        (void)::close(socket_);
}

PacketStream::PacketStream(PacketStream&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      limit_(other.limit_),
      output_(std::move(other.output_)),
      input_(std::move(other.input_)),
      consumed_(other.consumed_) {}

PacketStream& PacketStream::operator=(PacketStream&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(limit_, other.limit_);
    std::swap(output_, other.output_);
    std::swap(input_, other.input_);
    std::swap(consumed_, other.consumed_);
    return *this;
}

Outcome<PacketStream> PacketStream::connect(std::string_view text,
                                            std::chrono::milliseconds limit) {
    const auto address = SocketAddress::parse(text);
    if (!address)
        return tl::unexpected(address.error());
    PacketStream stream(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0), limit);
    if (stream.socket_ < 0)
        return systemTrouble("socket", errno);
    if (auto prepared = stream.prepareForConnecting(address->family()); !prepared)
        return tl::unexpected(prepared.error());
    if (::connect(stream.socket_, address->get(), address->size()) == 0)
        return stream;
    if (errno == EAGAIN || errno == EINPROGRESS)
        return trouble(Trouble::Kind::timeout,
                       "no connection to " + std::string(text) + " in time");
    return systemTrouble("connect to " + std::string(text), errno);
}

Outcome<void> PacketStream::prepareForConnecting(int family) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit_);
    const std::chrono::microseconds rest = limit_ - seconds;
    const timeval bound{seconds.count(), rest.count()};
    if (setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound) != 0)
        return systemTrouble("SO_SNDTIMEO", errno);
    // a command must not wait for the acknowledgement of the packet before
    const int yes = 1;
    if (family != AF_UNIX && setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        return systemTrouble("TCP_NODELAY", errno);
    return {};
}

Outcome<void> PacketStream::queue(char code, std::string_view payload) {
    output_ += encodeNumber(static_cast<std::uint32_t>(payload.size() + 1));
    output_ += code;
    return queueRaw(payload);
}

Outcome<void> PacketStream::queueRaw(std::string_view octets) {
    output_ += octets;
    return output_.size() > flushAbove ? flush() : Outcome<void>{};
}

Outcome<void> PacketStream::flush() {
    const auto until = deadline();
    std::string_view left = output_;
    while (!left.empty()) {
        const auto sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            left.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return trouble(Trouble::Kind::closed, "the filter closed the connection");
        } else if (errno != EAGAIN && errno != EINTR) {
            return systemTrouble("send", errno);
        } else if (auto ready = await(POLLOUT, until); !ready) {
            return ready;
        }
    }
    output_.clear();
    return {};
}

Outcome<void> PacketStream::await(short events, Clock::time_point deadline) const {
    pollfd waited{socket_, events, 0};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            return trouble(Trouble::Kind::timeout, "the filter did not answer in time");
        const int ready = ::poll(&waited, 1, static_cast<int>(left));
        if (ready > 0)
            return {};
        if (ready < 0 && errno != EINTR)
            return systemTrouble("poll", errno);
    }
}

Outcome<void> PacketStream::receiveSome(Clock::time_point deadline) {
    input_.erase(0, std::exchange(consumed_, 0));
    std::array<char, readAtOnce> buffer; // NOLINT(*-member-init): filled by recv
    for (;;) {
        const auto got = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) {
            input_.append(buffer.data(), static_cast<std::size_t>(got));
            return {};
        }
        if (got == 0 || errno == ECONNRESET)
            return trouble(Trouble::Kind::closed, "the filter closed the connection");
        if (errno != EAGAIN && errno != EINTR)
            return systemTrouble("recv", errno);
        if (auto ready = await(POLLIN, deadline); !ready)
            return ready;
    }
}

Outcome<Packet> PacketStream::read(Clock::time_point deadline) {
    if (auto sent = flush(); !sent)
        return tl::unexpected(sent.error());
    std::size_t wanted = lengthOctets;
    for (bool lengthKnown = false;;) {
        if (unread() < wanted) {
            if (auto got = receiveSome(deadline); !got)
                return tl::unexpected(got.error());
            continue;
        }
        const auto available = std::string_view(input_).substr(consumed_);
        if (lengthKnown) {
            Packet packet{
                available[lengthOctets],
                std::string(available.substr(lengthOctets + 1, wanted - lengthOctets - 1))};
            consumed_ += wanted;
            return packet;
        }
        const std::size_t length = decodeNumber(available);
        if (length == 0 || length > packetLimit)
            return trouble(Trouble::Kind::protocol,
                           "packet of " + std::to_string(length) + " octets from the filter");
        wanted = lengthOctets + length;
        lengthKnown = true;
    }
}

Outcome<void> PacketStream::awaitClose() {
    if (auto sent = flush(); !sent)
        return sent.error().kind == Trouble::Kind::closed ? Outcome<void>{} : sent;
    const auto until = deadline();
    for (;;) {
        consumed_ = input_.size();
        if (auto got = receiveSome(until); !got)
            return got.error().kind == Trouble::Kind::closed ? Outcome<void>{} : got;
    }
}

} // namespace sluice::mta
