// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/process_usage.hh"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace sluice::bench {
namespace {

constexpr int fieldsBeforeUserTime = 11; // counted from the one behind the program's name

} // namespace

Result<std::chrono::milliseconds> cpuTimeOf(pid_t process) {
    const auto path = "/proc/" + std::to_string(process) + "/stat";
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line))
        return fail("cannot read " + path);
    // the name, in parentheses, may itself hold blanks and parentheses
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < fieldsBeforeUserTime; ++i)
        fields >> skipped;
    long user = 0;
    long system = 0;
    if (!(fields >> user >> system))
        return fail("cannot understand " + path);
    return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

} // namespace sluice::bench
