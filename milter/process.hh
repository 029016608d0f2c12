// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <string>

/// What the daemon does to its own process, once, at start.
namespace sluice::process {

/// Blocks the signals that are waited for, ignores SIGPIPE, bounds the stacks of threads. Before
/// any thread exists.
void prepare();

/// Raises the limit of open files as far as it makes sense; returns it.
std::size_t raiseFileLimit();

/// Writes the process id there. Error: what stands there is no plain file of its own, as a link
/// that the owner of the directory made for one who may write more.
Result<void> writePidFile(const std::string& path);

/// Becomes `USER[:GROUP]` for good.
Result<void> becomeUser(const std::string& user);

/// Waits for SIGUSR1; false when none came within a second.
bool waitForReloadSignal();

/// Ends the process at once, without destructors: threads of libraries may still run.
[[noreturn]] void exitNow(int status);

} // namespace sluice::process
