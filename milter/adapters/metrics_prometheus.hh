// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/duration_histogram.hh"
#include "milter/adapters/metrics_snapshot.hh"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

/// The calls of libmilter that are measured.
enum class Callback : std::uint8_t {
    negotiate,
    connect,
    helo,
    mail,
    rcpt,
    data,
    header,
    endOfHeaders,
    body,
    endOfMessage,
};
constexpr std::size_t callbackCount = 10;

/// "connect", "end_of_headers", …
const char* callbackName(Callback callback);

/// What became of a message.
enum class MessageOutcome : std::uint8_t { accepted, refused, discarded, badmail, held, putOff };
constexpr std::size_t outcomeCount = 6;

/// The metrics of the process, for Prometheus. Threads: any. Counting never fails: what there is no
/// memory for is not counted. Texts given to it become labels, so they are few and fixed, and no
/// address or network of mail.
class PrometheusMetrics {
public:
    /// Reads what others count. Called by the thread that answers a scrape.
    using ReadSnapshot = std::function<MetricsSnapshot()>;

    /// Combinations of labels that one metric has at most; others are counted as rule "other".
    static constexpr std::size_t maxSeries = 1000;

    PrometheusMetrics(std::string_view version, ReadSnapshot read);
    ~PrometheusMetrics();
    PrometheusMetrics(const PrometheusMetrics&) = delete;
    PrometheusMetrics& operator=(const PrometheusMetrics&) = delete;

    void countDecision(std::string_view stage, std::string_view action,
                       std::string_view rule) noexcept;
    void countMessage(MessageOutcome outcome) noexcept;
    void countLoop(std::string_view action) noexcept;
    void countDuplicate(std::string_view action) noexcept;
    void countRefusedExpansion(std::string_view messageClass) noexcept;
    void observe(Callback callback, std::chrono::nanoseconds duration) noexcept {
        (*durations_)[static_cast<std::size_t>(callback)].observe(duration);
    }

    /// All of it, as Prometheus reads it. Throws what `read` throws, and without memory.
    [[nodiscard]] std::string text() const;

private:
    class Impl;
    using Durations = std::array<DurationHistogram, callbackCount>;

    std::shared_ptr<Durations> durations_;
    std::shared_ptr<Impl> impl_;
};

/// Measures from its making to its end, where there are metrics.
class StageTimer {
public:
    StageTimer(PrometheusMetrics* metrics, Callback callback)
        : metrics_(metrics), callback_(callback) {
        if (metrics_ != nullptr)
            began_ = std::chrono::steady_clock::now();
    }
    ~StageTimer() {
        if (metrics_ != nullptr)
            metrics_->observe(callback_, std::chrono::steady_clock::now() - began_);
    }
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;

private:
    PrometheusMetrics* metrics_;
    Callback callback_;
    std::chrono::steady_clock::time_point began_;
};

} // namespace sluice
