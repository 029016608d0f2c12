// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/time_point.hh"

#include <array>
#include <chrono>
#include <cstddef>

namespace sluice {

/// Keeps work away from a server that does not answer. Closed it lets everything through; a few
/// errors open it; while it is open, somebody who does not wait for mail tries the server now and
/// then, and closes it again. Time and chance are parameters. One thread at a time.
class CircuitBreaker {
public:
    /// A message may wait for two answers; it must not wait for a third.
    static constexpr std::size_t errorsToOpen = 2;
    /// Errors farther apart than this have nothing to do with each other.
    static constexpr std::chrono::seconds errorWindow{10};
    static constexpr std::chrono::milliseconds firstPause{250};
    static constexpr std::chrono::milliseconds longestPause{2000};

    [[nodiscard]] bool closed() const { return closed_; }
    /// When to try again, while it is open.
    [[nodiscard]] SteadyTime nextTry() const { return nextTry_; }
    [[nodiscard]] SteadyTime openSince() const { return openSince_; }

    /// `chance`: evenly from 0 to 1, by which nodes that opened together try at different times.
    /// True: this error has opened it. While it is open: the try has failed.
    bool failed(SteadyTime now, double chance);
    /// True: this has closed it. While it is closed, errors are not forgotten: a server of which
    /// every other answer fails is no use.
    bool succeeded();

private:
    void setNextTry(SteadyTime now, double chance);

    bool closed_ = true;
    std::array<SteadyTime, errorsToOpen> errors_{}; ///< the latest, in a ring
    std::size_t errorCount_ = 0;                    ///< of those in `errors_`, before they wrap
    std::size_t nextError_ = 0;
    std::chrono::milliseconds pause_ = firstPause;
    SteadyTime nextTry_;
    SteadyTime openSince_;
};

} // namespace sluice
