// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/process_usage.hh"

#include <time.h>

#include <string>

namespace sluice::bench {

Result<std::chrono::nanoseconds> cpuTimeOf(pid_t process) {
    // /proc/PID/stat tells it in steps of 10 ms, as much as a short turn may use in all
    clockid_t clock{};
    timespec used{};
    if (process <= 0 || clock_getcpuclockid(process, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return fail("cannot read the CPU time of process " + std::to_string(process));
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace sluice::bench
