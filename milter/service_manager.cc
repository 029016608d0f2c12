// SPDX-License-Identifier: BSD-2-Clause
#include "milter/service_manager.hh"

#ifdef SLUICE_SYSTEMD
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdint>
#endif

namespace sluice::service_manager {

#ifdef SLUICE_SYSTEMD

void ready() {
    sd_notify(0, "READY=1");
}

void reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", microseconds).c_str());
}

void stopping() {
    sd_notify(0, "STOPPING=1");
}

std::chrono::microseconds watchdogTime() {
    std::uint64_t granted = 0;
    return std::chrono::microseconds(sd_watchdog_enabled(0, &granted) > 0 ? granted : 0);
}

void alive() {
    sd_notify(0, "WATCHDOG=1");
}

#else

void ready() {}
void reloading() {}
void stopping() {}

std::chrono::microseconds watchdogTime() {
    return {};
}

void alive() {}

#endif

} // namespace sluice::service_manager
