// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/smtp_probe.hh"

#include "common/descriptor.hh"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <optional>
#include <string_view>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;
using End = SmtpStep::End;

/// Nothing hangs on the answer to QUIT.
constexpr std::chrono::milliseconds patienceAfterQuit{2000};
/// For all steps together, so that a server that is late with each of them does not hold the rest.
constexpr int timeoutsInAll = 3;
constexpr int welcome = 220;
constexpr int closing = 421; ///< the server ends the connection behind it
constexpr int lowestRefusal = 400;

/// The address as the socket calls want it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* generic() const {
        const void* const pointer = &storage;
        return static_cast<const sockaddr*>(pointer);
    }
};

SocketAddress socketAddress(const IpAddress& address, std::uint16_t port) {
    SocketAddress made;
    void* const place = &made.storage;
    if (address.family() == IpFamily::v4) {
        auto* const v4 = static_cast<sockaddr_in*>(place);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        v4->sin_addr.s_addr = htonl(address.v4Bits());
        made.length = sizeof *v4;
    } else {
        auto* const v6 = static_cast<sockaddr_in6*>(place);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        std::copy(address.octets().begin(), address.octets().end(),
                  std::begin(v6->sin6_addr.s6_addr));
        made.length = sizeof *v6;
    }
    return made;
}

/// With one server. Every call takes what is there and never blocks.
class Conversation {
public:
    Conversation(const IpAddress& address, const SmtpProbeSettings& settings, SmtpProbe& probe)
        : settings_(settings),
          probe_(probe),
          lastMoment_(Clock::now() + timeoutsInAll * settings.timeout),
          socket_(::socket(address.family() == IpFamily::v4 ? AF_INET : AF_INET6,
                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        enter(probe_.connect, settings_.timeout);
        const SocketAddress to = socketAddress(address, settings_.port);
        if (socket_->get() < 0 ||
            (::connect(socket_->get(), to.generic(), to.length) != 0 && errno != EINPROGRESS))
            end(End::failed, errno);
    }

    [[nodiscard]] bool over() const { return !socket_; }
    [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
    [[nodiscard]] pollfd wanted() const {
        const bool connecting = step_ == &probe_.connect;
        return {socket_->get(), static_cast<short>(connecting ? POLLOUT : POLLIN), 0};
    }

    void onReady() {
        if (step_ == &probe_.connect)
            finishConnect();
        else
            receive();
    }

    void onTime(Clock::time_point now) {
        if (now >= deadline_)
            end(End::timedOut);
    }

private:
    void enter(SmtpStep& step, std::chrono::milliseconds patience) {
        step_ = &step;
        reader_ = SmtpAnswerReader();
        begun_ = Clock::now();
        deadline_ = std::min(begun_ + patience, lastMoment_);
    }

    void settle(End how, int error = 0) {
        step_->end = how;
        step_->error = error;
        step_->begun = reader_.begun();
        step_->answer = reader_.answer();
        step_->took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun_);
    }

    void end(End how, int error = 0) {
        settle(how, error);
        socket_.reset();
    }

    void finishConnect() {
        int error = 0;
        socklen_t length = sizeof error;
        if (getsockopt(socket_->get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
            error = errno;
        if (error != 0) {
            end(End::failed, error);
            return;
        }
        settle(End::done);
        enter(probe_.banner, settings_.timeout);
    }

    void receive() {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(socket_->get(), buffer.data(), buffer.size(), 0);
        if (got > 0)
            take({buffer.data(), static_cast<std::size_t>(got)});
        else if (got == 0 || errno == ECONNRESET)
            end(End::closed);
        else if (errno != EAGAIN && errno != EINTR)
            end(End::failed, errno);
    }

    void take(std::string_view octets) {
        switch (reader_.take(octets)) {
        case SmtpAnswerReader::State::incomplete:
            return;
        case SmtpAnswerReader::State::noSmtp:
            end(End::noSmtp);
            return;
        case SmtpAnswerReader::State::tooLong:
            end(End::tooLong);
            return;
        case SmtpAnswerReader::State::complete:
            settle(End::done);
            goOn(reader_.answer().code);
            return;
        }
    }

    void goOn(int code) {
        if (step_ == &farewell_)
            socket_.reset();
        else if (step_ == &probe_.banner && code == welcome)
            say("EHLO " + settings_.helo, probe_.ehlo, settings_.timeout);
        else if (step_ == &probe_.ehlo && code >= lowestRefusal && code != closing)
            say("HELO " + settings_.helo, probe_.helo, settings_.timeout);
        else
            say("QUIT", farewell_, patienceAfterQuit);
    }

    /// A line is far shorter than what a fresh socket takes at once.
    void say(const std::string& command, SmtpStep& next, std::chrono::milliseconds patience) {
        enter(next, patience);
        const std::string line = command + "\r\n";
        const ssize_t sent = ::send(socket_->get(), line.data(), line.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(line.size()))
            end(End::closed);
    }

    const SmtpProbeSettings& settings_;
    SmtpProbe& probe_;
    const Clock::time_point lastMoment_;
    SmtpStep farewell_;
    std::optional<Descriptor> socket_; ///< nullopt when all is over
    SmtpStep* step_ = nullptr;
    SmtpAnswerReader reader_;
    Clock::time_point begun_;
    Clock::time_point deadline_;
};

/// Conversations that go on at the same time.
class Round {
public:
    explicit Round(const SmtpProbeSettings& settings) : settings_(settings) {}

    void add(const IpAddress& address, SmtpProbe& probe) {
        conversations_.emplace_back(address, settings_, probe);
    }

    /// False when it was interrupted.
    bool run() {
        while (true) {
            std::erase_if(conversations_, [](const Conversation& one) { return one.over(); });
            if (conversations_.empty())
                return true;
            if (!step())
                return false;
        }
    }

private:
    bool step() {
        std::vector<pollfd> ready{{settings_.interrupt, POLLIN, 0}};
        auto deadline = Clock::time_point::max();
        for (const Conversation& one : conversations_) {
            ready.push_back(one.wanted());
            deadline = std::min(deadline, one.deadline());
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const auto pause = std::max<std::chrono::milliseconds::rep>(left.count(), 0);
        poll(ready.data(), ready.size(), static_cast<int>(pause));
        if (ready.front().revents != 0)
            return false;
        const auto now = Clock::now();
        auto state = ready.cbegin();
        for (Conversation& one : conversations_) {
            if ((++state)->revents != 0)
                one.onReady();
            else
                one.onTime(now);
        }
        return true;
    }

    const SmtpProbeSettings& settings_;
    std::list<Conversation> conversations_; // they are pointed to
};

} // namespace

std::vector<SmtpProbe> probeSmtp(const std::vector<IpAddress>& addresses,
                                 const SmtpProbeSettings& settings) {
    std::vector<SmtpProbe> probes(addresses.size());
    for (std::size_t first = 0; first < addresses.size(); first += mostProbesAtOnce) {
        Round round(settings);
        const std::size_t end = std::min(addresses.size(), first + mostProbesAtOnce);
        for (std::size_t i = first; i < end; ++i)
            round.add(addresses[i], probes[i]);
        if (!round.run())
            break;
    }
    return probes;
}

} // namespace sluice
