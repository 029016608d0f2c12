// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/command.hh"

#include "common/text.hh"
#include "common/version.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <algorithm>
#include <cstddef>

namespace sluice::ctl {
namespace {

bool asksForHelp(std::string_view word) {
    return word == "--help" || word == "-h";
}

void showCommands(std::span<const Command> commands, std::ostream& out) {
    fmt::print(out, "Usage: sluicectl COMMAND …\n\n");
    std::size_t width = 0;
    for (const Command& command : commands)
        width = std::max(width, command.name.size());
    for (const Command& command : commands)
        fmt::print(out, "  {:{}}  {}\n", command.name, width, command.summary);
    fmt::print(out, "\nsluicectl COMMAND --help tells more of one, sluicectl --version which "
                    "release this is.\n");
}

void showCommand(const Command& command, std::ostream& out) {
    const char* before = "Usage:";
    for (const std::string_view way : split(command.usage, '\n')) {
        fmt::print(out, "{} sluicectl {}\n", before, way);
        before = "      ";
    }
    fmt::print(out, "\n{}.\n", command.summary);
    if (!command.help.empty())
        fmt::print(out, "\n{}\n", command.help);
}

int run(const Command& command, std::span<const Command> all,
        const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto end = std::find(arguments.begin(), arguments.end(), "--");
    if (std::any_of(arguments.begin(), end, asksForHelp)) {
        showCommand(command, out);
        return EX_OK;
    }
    return command.runOnAll != nullptr ? command.runOnAll(all, arguments, out, err)
                                       : command.run(arguments, out, err);
}

int dispatch(std::span<const Command> commands, const std::vector<std::string>& arguments,
             std::ostream& out, std::ostream& err) {
    if (arguments.empty()) {
        showCommands(commands, err);
        return EX_USAGE;
    }
    const std::string& first = arguments.front();
    if (asksForHelp(first)) {
        showCommands(commands, out);
        return EX_OK;
    }
    if (first == "--version" || first == "-V") {
        fmt::print(out, "sluicectl {}\n", version);
        return EX_OK;
    }
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&](const Command& command) { return command.name == first; });
    if (found != commands.end())
        return run(*found, commands, {arguments.begin() + 1, arguments.end()}, out, err);
    fmt::print(err, "sluicectl: {} is no command (sluicectl --help lists them)\n",
               quoteForDisplay(first));
    return EX_USAGE;
}

} // namespace

int runCommand(std::span<const Command> commands, const std::vector<std::string>& arguments,
               std::ostream& out, std::ostream& err) {
    const int status = dispatch(commands, arguments, out, err);
    if (out.flush())
        return status;
    fmt::print(err, "sluicectl: the output could not be written\n");
    return EX_IOERR;
}

int usageError(std::string_view command, std::string_view message, std::ostream& err) {
    fmt::print(err, "sluicectl {0}: {1} (sluicectl {0} --help tells more)\n", command, message);
    return EX_USAGE;
}

} // namespace sluice::ctl
