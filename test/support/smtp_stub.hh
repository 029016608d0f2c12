// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::test {

/// A mail as an SMTP server got it.
struct SmtpMail {
    std::string helo;
    std::string from; ///< `FROM:<…>` and what stands behind it
    std::vector<std::string> recipients;
    std::string data; ///< lines end in CRLF, dots at their start undoubled
};

/// An SMTP server on a free port of 127.0.0.1, one connection at a time, with a thread of its own.
class SmtpStub {
public:
    /// The reply to a command (CONNECT, EHLO, MAIL, RCPT, DATA, QUIT, and `.` for the end of the
    /// data) in the connection of that number, counted from 1: nullopt for the usual one, empty for
    /// none. Called by the stub's thread.
    using Script = std::function<std::optional<std::string>(std::string_view verb, unsigned)>;

    explicit SmtpStub(Script script = nullptr);
    ~SmtpStub();
    SmtpStub(const SmtpStub&) = delete;
    SmtpStub& operator=(const SmtpStub&) = delete;

    /// `127.0.0.1:PORT`
    [[nodiscard]] std::string address() const;

    /// True once that many mails were taken; false after some seconds.
    [[nodiscard]] bool waitForMails(std::size_t count);
    /// True once the command came that often, in all connections.
    [[nodiscard]] bool waitForCommand(std::string_view verb, std::size_t count = 1);
    [[nodiscard]] std::vector<SmtpMail> mails();
    [[nodiscard]] unsigned connections();

private:
    void run();
    void serve();
    bool handle(const std::string& line);
    bool takeData();
    void record(const std::string& line);
    void note(std::string_view verb);
    bool scripted(std::string_view verb);
    bool reply(std::string_view verb, std::string_view usual);
    /// nullopt: the client is gone, or the stub is to stop.
    std::optional<std::string> readLine();
    [[nodiscard]] bool waitReadable(int descriptor) const;
    bool waitUntil(const std::function<bool()>& condition);

    const Script script_;
    int listener_ = -1;
    int wakeUp_ = -1; ///< readable when the stub is to stop
    int client_ = -1;
    std::uint16_t port_ = 0;
    std::string input_;
    SmtpMail mail_;
    std::mutex mutex_; ///< of the next three
    std::vector<SmtpMail> taken_;
    std::vector<std::string> verbs_;
    unsigned connections_ = 0;
    std::condition_variable changed_;
    std::thread thread_;
};

} // namespace sluice::test
