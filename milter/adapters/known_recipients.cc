// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/known_recipients.hh"

namespace sluice {

void KnownRecipients::remember(const std::string& address, SteadyTime now) {
    const std::chrono::milliseconds time = time_;
    auto known = known_.lock();
    if (known->size() >= most && known->count(address) == 0) {
        std::erase_if(*known, [&](const auto& entry) { return now - entry.second >= time; });
        if (known->size() >= most)
            known->clear(); // they are soon known again
    }
    (*known)[address] = now;
}

void KnownRecipients::forget(const std::string& address) {
    known_.lock()->erase(address);
}

bool KnownRecipients::holds(const std::string& address, SteadyTime now) {
    auto known = known_.lock();
    const auto last = known->find(address);
    return last != known->end() && now - last->second < time_.load();
}

} // namespace sluice
