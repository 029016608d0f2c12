// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/blocked_callbacks.hh"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sluice {

/// Keeps libmilter's worker pool moving while callbacks wait. The pool hands a ready session to "an
/// idle worker" even when fewer workers are idle than sessions are ready; those left over stand
/// behind a callback that blocks. A new connection that finds no idle worker makes the pool start
/// one, and that one takes the stranded sessions first. So while some callback has been blocked for
/// a few milliseconds, this connects to the filter's own socket at short intervals.
class PoolRelief : public BlockedCallbacks {
public:
    /// `touch` connects to the filter's socket and closes at once.
    explicit PoolRelief(std::function<void()> touch);
    ~PoolRelief() override;
    PoolRelief(const PoolRelief&) = delete;
    PoolRelief& operator=(const PoolRelief&) = delete;

    void enter() noexcept override;
    void leave() noexcept override;

private:
    void run();

    std::function<void()> touch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned blocked_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace sluice
