// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <sys/types.h>

#include <chrono>

namespace sluice::bench {

/// The CPU time that a process has used so far, user and system, its ended threads included; to the
/// tick (10 ms). Error: no such process.
Result<std::chrono::milliseconds> cpuTimeOf(pid_t process);

} // namespace sluice::bench
