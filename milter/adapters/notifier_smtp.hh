// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/notice_message.hh"
#include "milter/adapters/smtp_delivery.hh"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <thread>

namespace sluice {

/// How long things take. The defaults are for use, others for tests.
struct NotifierTimes {
    SmtpPatience patience;
    /// Before the second and the third try: a mail server that is restarted is back by then.
    std::array<std::chrono::milliseconds, 2> pauses{std::chrono::seconds(5),
                                                    std::chrono::seconds(30)};
    /// Problems of one kind are logged no more often than this.
    std::chrono::milliseconds logInterval = std::chrono::minutes(1);
};

/// Sends notices by mail, from the null sender, from a thread of its own. What cannot be sent is
/// logged (category daemon) and lost: a notice is never worth more than the mail that it is about.
class SmtpNotifier {
public:
    /// Of notices that wait, beside the one that is being sent.
    static constexpr std::size_t maxWaiting = 100;

    /// Starts the thread. The first one initialises libcurl: make it before threads that use that
    /// library in another way. Throws std::system_error when no thread can be had.
    explicit SmtpNotifier(const NotifierTimes& times = {});
    /// Ends within 2 s, whatever a server does; notices that are left are lost.
    ~SmtpNotifier();
    SmtpNotifier(const SmtpNotifier&) = delete;
    SmtpNotifier& operator=(const SmtpNotifier&) = delete;

    /// False when too many notices wait, or when the notice has no recipient or no relay that
    /// HostPort::parse() takes. Any thread; never waits for a server.
    bool send(const Notice& notice) noexcept;

private:
    using Clock = std::chrono::steady_clock;
    enum class Problem : unsigned char { invalid, full, undelivered };
    static constexpr std::size_t problemCount = 3;

    struct Quiet {
        std::optional<Clock::time_point> until;
        std::size_t keptBack = 0;
    };

    bool enqueue(const Notice& notice);
    bool append(SmtpLetter& letter);
    void run();
    std::optional<SmtpLetter> next();
    void deliver(SmtpLetter letter);
    SmtpOutcome tryAll(const SmtpLetter& letter);
    bool pauseUnlessStopping(std::chrono::milliseconds pause);
    void complain(Problem problem, const std::string& what);

    const NotifierTimes times_;
    Locked<std::deque<SmtpLetter>> waiting_;
    Locked<std::array<Quiet, problemCount>> quiet_;
    std::condition_variable changed_; ///< with the lock of waiting_
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace sluice
