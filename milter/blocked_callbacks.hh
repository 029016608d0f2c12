// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace sluice {

/// Is told when a libmilter callback is about to wait and when it goes on: libmilter's worker pool
/// leaves other sessions stranded behind a callback that blocks, and whoever implements this can
/// relieve them. Threads: any, many at once; calls are paired.
class BlockedCallbacks {
public:
    virtual ~BlockedCallbacks() = default;
    virtual void enter() noexcept = 0;
    virtual void leave() noexcept = 0;
};

/// Stands around a wait that really blocks. Without an observer it does nothing.
class BlockingScope {
public:
    explicit BlockingScope(BlockedCallbacks* observer) : observer_(observer) {
        if (observer_ != nullptr)
            observer_->enter();
    }
    ~BlockingScope() {
        if (observer_ != nullptr)
            observer_->leave();
    }
    BlockingScope(const BlockingScope&) = delete;
    BlockingScope& operator=(const BlockingScope&) = delete;

private:
    BlockedCallbacks* observer_;
};

} // namespace sluice
