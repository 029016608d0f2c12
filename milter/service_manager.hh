// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>

/// What the service manager is told (sd_notify(3)); nothing happens where there is none.
namespace sluice::service_manager {

void ready();
/// Begins a reload; ready() ends it.
void reloading();
void stopping();

/// Within which it wants to hear alive() again and again (its WatchdogSec=); 0: it does not.
std::chrono::microseconds watchdogTime();
void alive();

} // namespace sluice::service_manager
