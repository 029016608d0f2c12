// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::test {

/// A program that runs until this is destroyed; what it prints goes into `log`.
class ServerProcess {
public:
    ServerProcess(const std::vector<std::string>& command, const std::string& log);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] bool running();
    void signal(int number) const;

private:
    pid_t pid_ = -1;
};

/// A UDP and TCP port of 127.0.0.1 that was free a moment ago, and that nobody is given who asks
/// for any. One thread at a time.
std::uint16_t freePort();

} // namespace sluice::test
