// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace sluice {

/// Data that can be reached only while its lock is held.
template<typename T>
class Locked {
public:
    class Guard {
    public:
        Guard(std::mutex& mutex, T& value) : lock_(mutex), value_(value) {}
        T& operator*() { return value_; }
        T* operator->() { return &value_; }
        /// For condition variables.
        std::unique_lock<std::mutex>& lock() { return lock_; }

    private:
        std::unique_lock<std::mutex> lock_;
        T& value_;
    };

    template<typename... Args>
    explicit Locked(Args&&... args) : value_(std::forward<Args>(args)...) {}

    Guard lock() { return Guard(mutex_, value_); }

private:
    std::mutex mutex_;
    T value_;
};

/// A pointer to immutable data that one thread replaces while others read: each reader keeps what
/// it has got for as long as it likes.
template<typename T>
class Snapshot {
public:
    explicit Snapshot(std::shared_ptr<const T> value = nullptr) : value_(std::move(value)) {}

    [[nodiscard]] std::shared_ptr<const T> get() const {
        const std::lock_guard guard(mutex_);
        return value_;
    }

    void set(std::shared_ptr<const T> value) {
        const std::lock_guard guard(mutex_);
        value_.swap(value);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

} // namespace sluice
