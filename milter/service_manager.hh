// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/// What the service manager is told (sd_notify(3)); nothing happens where there is none.
namespace sluice::service_manager {

void ready();
/// Begins a reload; ready() ends it.
void reloading();
void stopping();

} // namespace sluice::service_manager
