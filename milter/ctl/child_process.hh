// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// What a program left when it had ended by itself.
struct ChildOutput {
    int status = 0; ///< exit status; 128 and more: ended by that signal
    std::string out;
    std::string err;
};

/// The path of a program: beside this one, then in PATH, then where system programs are, which the
/// PATH of a plain user does not name.
std::optional<std::string> findProgram(const std::string& name);

/// Runs a program to its end, without a shell and with nothing to read. Error: it cannot be
/// started, writes more than `most` octets, or takes longer than `patience`; it is ended then.
Result<ChildOutput> runProgram(const std::string& path, const std::vector<std::string>& arguments,
                               std::size_t most, std::chrono::milliseconds patience);

} // namespace sluice::ctl
