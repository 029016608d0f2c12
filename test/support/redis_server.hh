// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/redis_settings.hh"
#include "milter/policy/time_point.hh"
#include "test/support/scratch_directory.hh"
#include "test/support/server_process.hh"

#include <memory>
#include <string>

namespace sluice::test {

/// A Redis server on a socket of its own, whose clock stands still until it is set
/// (fixed_clock.cc).
class RedisServer {
public:
    /// Fails the test when it does not come up.
    RedisServer();

    [[nodiscard]] RedisSettings settings() const;
    /// From its next command on. Whole seconds count, from any beginning.
    void setTime(SteadyTime time) const;
    [[nodiscard]] ServerProcess& process() { return *process_; }

private:
    ScratchDirectory directory_;
    std::unique_ptr<ServerProcess> process_;
};

} // namespace sluice::test
