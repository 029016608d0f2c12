// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/circuit_breaker.hh"

#include <algorithm>

namespace sluice {

bool CircuitBreaker::failed(SteadyTime now, double chance) {
    if (!closed_) {
        pause_ = std::min(2 * pause_, longestPause);
        setNextTry(now, chance);
        return false;
    }
    errors_.at(nextError_) = now;
    nextError_ = (nextError_ + 1) % errorsToOpen;
    errorCount_ = std::min(errorCount_ + 1, errorsToOpen);
    if (errorCount_ < errorsToOpen || now - errors_.at(nextError_) > errorWindow)
        return false;
    closed_ = false;
    openSince_ = now;
    pause_ = firstPause;
    setNextTry(now, chance);
    return true;
}

bool CircuitBreaker::succeeded() {
    if (closed_)
        return false;
    closed_ = true;
    errorCount_ = 0;
    return true;
}

/// Between three and five quarters of the pause.
void CircuitBreaker::setNextTry(SteadyTime now, double chance) {
    const double factor = 0.75 + std::clamp(chance, 0.0, 1.0) / 2;
    nextTry_ = now + std::chrono::duration_cast<SteadyTime::duration>(pause_ * factor);
}

} // namespace sluice
