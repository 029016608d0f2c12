// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <sys/types.h>

#include <chrono>

namespace sluice::bench {

/// CPU time that all threads of a process have used so far, user and system. Error: no such
/// process.
Result<std::chrono::nanoseconds> cpuTimeOf(pid_t process);

} // namespace sluice::bench
