// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// One command of sluicectl.
struct Command {
    std::string_view name;
    std::string_view summary; ///< one line, for `sluicectl --help`
    std::string_view usage;   ///< behind `sluicectl `, one way to call it a line
    std::string_view help;    ///< paragraphs for `sluicectl NAME --help`; may be empty
    /// The words behind the name; what is asked for goes to `out`, complaints go to `err`. Returns
    /// the exit status: 0, or one of sysexits.h.
    int (*run)(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);
    /// In place of `run` for a command that is about all of them.
    int (*runOnAll)(std::span<const Command> all, const std::vector<std::string>& arguments,
                    std::ostream& out, std::ostream& err) = nullptr;
};

/// Runs the command that the first word names, or shows help where that is asked for (`--help` at
/// the front, or anywhere before `--` among the words of a command). Exit status 64 (EX_USAGE) for
/// no command or an unknown one.
int runCommand(std::span<const Command> commands, const std::vector<std::string>& arguments,
               std::ostream& out, std::ostream& err);

/// Says on `err` what is wrong with the words of a command and where its help is; 64 (EX_USAGE).
int usageError(std::string_view command, std::string_view message, std::ostream& err);

} // namespace sluice::ctl
