// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/badmail_usage.hh"

#include <utility>

namespace sluice {

void BadmailUsage::enter(const std::string& name) {
    const std::lock_guard guard(mutex_);
    names_.insert(name);
}

bool BadmailUsage::reserve(std::uint64_t octets) {
    const std::lock_guard guard(mutex_);
    const std::uint64_t used = stored_ + beingWritten_;
    if (used > quota_ || octets > quota_ - used)
        return false;
    beingWritten_ += octets;
    return true;
}

void BadmailUsage::leave(const std::string& name, std::uint64_t octets, bool stored) noexcept {
    const std::lock_guard guard(mutex_);
    auto node = names_.extract(name); // moved as it is: no memory is needed
    beingWritten_ -= octets;
    if (!stored)
        return;
    stored_ += octets;
    if (counting_) {
        storedMeanwhile_ += octets;
        namesMeanwhile_.insert(std::move(node));
    }
}

void BadmailUsage::startCount() {
    const std::lock_guard guard(mutex_);
    counting_ = true;
    storedMeanwhile_ = 0;
}

bool BadmailUsage::accounted(const std::string& name) const {
    const std::lock_guard guard(mutex_);
    return names_.count(name) != 0 || namesMeanwhile_.count(name) != 0;
}

void BadmailUsage::finishCount(std::uint64_t octets) {
    const std::lock_guard guard(mutex_);
    stored_ = octets + storedMeanwhile_;
    counting_ = false;
    namesMeanwhile_.clear();
}

void BadmailUsage::cancelCount() noexcept {
    const std::lock_guard guard(mutex_);
    counting_ = false;
    namesMeanwhile_.clear();
}

} // namespace sluice
