// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/dns_message.hh"

#include <netinet/in.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

/// A DNS server on a free UDP port of 127.0.0.1, or of the address and port given, with a thread of
/// its own. It answers what it is told and counts what it is asked.
class DnsStub {
public:
    using Answer = std::function<DnsReply(const std::string& name)>;

    /// `answer` is called by the stub's thread.
    explicit DnsStub(Answer answer, const char* address = "127.0.0.1", std::uint16_t port = 0);
    ~DnsStub();
    DnsStub(const DnsStub&) = delete;
    DnsStub& operator=(const DnsStub&) = delete;

    /// False when the address could not be had.
    [[nodiscard]] bool running() const { return socket_ >= 0; }
    /// `127.0.0.1@PORT`
    [[nodiscard]] std::string address() const;

    [[nodiscard]] unsigned questions() const { return questions_; }
    [[nodiscard]] unsigned questions(const std::string& name);
    /// Takes another answer from now on.
    void setAnswer(Answer answer);
    /// True once there were as many questions; false after `patience`.
    [[nodiscard]] bool waitForQuestions(unsigned count, std::chrono::milliseconds patience);

private:
    using Clock = std::chrono::steady_clock;
    struct Reply {
        std::string packet;
        sockaddr_in client;
    };

    void run();
    void receive();
    void send(const Reply& reply) const;
    [[nodiscard]] int sendDue();

    int socket_ = -1;
    sockaddr_in own_{};
    std::mutex mutex_; ///< of the next two
    Answer answer_;
    std::map<std::string, unsigned> byName_;
    std::multimap<Clock::time_point, Reply> later_;
    std::atomic<unsigned> questions_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace sluice::test
