// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/notifier_smtp.hh"

#include "common/host_port.hh"
#include "common/log.hh"
#include "common/text.hh"
#include "milter/adapters/host_name.hh"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <exception>
#include <utility>

namespace sluice {
namespace {

std::string uniqueId(std::chrono::system_clock::time_point time) {
    static std::atomic<std::uint64_t> counter{0};
    const auto microseconds =
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
    return fmt::format("{}.{}.{}.sluice", microseconds.count(), getpid(), ++counter);
}

SmtpLetter letterOf(const Notice& notice, std::string relay) {
    const auto now = std::chrono::system_clock::now();
    const std::string host = systemHostName();
    return {std::move(relay),
            host,
            {notice.to.text()},
            noticeMessage(notice, {host, uniqueId(now), now})};
}

/// Signals are for the threads that know them.
void blockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

} // namespace

SmtpNotifier::SmtpNotifier(const NotifierTimes& times) : times_(times) {
    initialiseSmtp();
    thread_ = std::thread([this] { run(); });
}

SmtpNotifier::~SmtpNotifier() {
    {
        const auto waiting = waiting_.lock();
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    if (const std::size_t left = waiting_.lock()->size(); left > 0)
        log::warning(LogCategory::daemon, "notices not sent, because sluice stops: {}", left);
}

bool SmtpNotifier::send(const Notice& notice) noexcept {
    try {
        return enqueue(notice);
    } catch (const std::exception&) {
        log::error(LogCategory::daemon, "no memory for a notice");
        return false;
    }
}

bool SmtpNotifier::enqueue(const Notice& notice) {
    const auto relay = HostPort::parse(notice.relay);
    if (!relay || notice.to.isNull()) {
        complain(Problem::invalid, relay ? "a notice has no recipient" : relay.error().message);
        return false;
    }
    SmtpLetter letter = letterOf(notice, relay->text());
    if (!append(letter)) {
        complain(Problem::full,
                 fmt::format("a notice to {} is not sent: {} wait already",
                             escapeForDisplay(letter.recipients.front()), maxWaiting));
        return false;
    }
    changed_.notify_all();
    return true;
}

bool SmtpNotifier::append(SmtpLetter& letter) {
    auto waiting = waiting_.lock();
    if (waiting->size() >= maxWaiting)
        return false;
    waiting->push_back(std::move(letter));
    return true;
}

void SmtpNotifier::run() {
    blockSignals();
    while (auto letter = next()) {
        try {
            deliver(*std::move(letter));
        } catch (const std::exception&) {
            log::error(LogCategory::daemon, "no memory to send a notice");
        }
    }
}

std::optional<SmtpLetter> SmtpNotifier::next() {
    auto waiting = waiting_.lock();
    changed_.wait(waiting.lock(), [&] { return stopping_ || !waiting->empty(); });
    if (stopping_)
        return std::nullopt;
    SmtpLetter letter = std::move(waiting->front());
    waiting->pop_front();
    return letter;
}

void SmtpNotifier::deliver(SmtpLetter letter) {
    const SmtpOutcome outcome = tryAll(letter);
    switch (outcome.kind) {
    case SmtpOutcome::Kind::delivered:
        log::info(LogCategory::daemon, "a notice is sent to {}",
                  escapeForDisplay(letter.recipients.front()));
        return;
    case SmtpOutcome::Kind::refused:
    case SmtpOutcome::Kind::deferred:
        complain(Problem::undelivered, fmt::format("a notice to {} cannot be sent by {}: {}",
                                                   escapeForDisplay(letter.recipients.front()),
                                                   letter.relay, outcome.reason));
        return;
    case SmtpOutcome::Kind::stopped: // so that it is counted with those that are left
        waiting_.lock()->push_front(std::move(letter));
        return;
    }
}

SmtpOutcome SmtpNotifier::tryAll(const SmtpLetter& letter) {
    SmtpOutcome outcome = tryDelivery(letter, times_.patience, stopping_);
    for (const auto pause : times_.pauses) {
        if (outcome.kind != SmtpOutcome::Kind::deferred)
            break;
        log::debug(LogCategory::daemon, "a notice to {} waits: {}",
                   escapeForDisplay(letter.recipients.front()), outcome.reason);
        if (!pauseUnlessStopping(pause))
            return {SmtpOutcome::Kind::stopped, outcome.reason};
        outcome = tryDelivery(letter, times_.patience, stopping_);
    }
    return outcome;
}

/// False: the notifier is to stop.
bool SmtpNotifier::pauseUnlessStopping(std::chrono::milliseconds pause) {
    auto waiting = waiting_.lock();
    return !changed_.wait_for(waiting.lock(), pause, [&] { return stopping_.load(); });
}

void SmtpNotifier::complain(Problem problem, const std::string& what) {
    auto quiet = quiet_.lock();
    Quiet& kind = quiet->at(static_cast<std::size_t>(problem));
    const auto now = Clock::now();
    if (kind.until && now < *kind.until) {
        ++kind.keptBack;
        return;
    }
    const std::size_t before = std::exchange(kind.keptBack, 0);
    kind.until = now + times_.logInterval;
    log::error(LogCategory::daemon, "{}{}", what,
               before > 0 ? fmt::format(" (and {} more since the last such line)", before) : "");
}

} // namespace sluice
