// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/reload_command.hh"

#include "common/text.hh"
#include "milter/ctl/control_call.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

namespace sluice::ctl {
namespace {

int runReload(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = controlWords(arguments);
    if (!given)
        return usageError("reload", given.error().message, err);
    if (!given->words.empty())
        return usageError("reload", quoteForDisplay(given->words.front()) + " is not known", err);
    nlohmann::json result;
    const int status = ask("reload", given->path, {"reload"}, EX_CONFIG, result, err);
    if (status == EX_OK && given->json)
        out << result << '\n';
    else if (status == EX_OK)
        fmt::print(out, "the new configuration is in force\n");
    return status;
}

} // namespace

const Command reloadCommand{
    "reload",
    "Make the running filter read its configuration again",
    "reload [--control PATH] [--json]",
    "With a mistake in it the old configuration stays in force, each mistake is printed with its\n"
    "file and line, and the exit status is 78.\n\n"
    "  sluicectl reload",
    runReload,
};

} // namespace sluice::ctl
