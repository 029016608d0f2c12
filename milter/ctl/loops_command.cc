// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/loops_command.hh"

#include "common/text.hh"
#include "milter/ctl/store_entries.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <utility>

namespace sluice::ctl {
namespace {

void showLoop(const StoreLine& loop, std::ostream& out) {
    fmt::print(out, "{}: {} cut, first {} ago, last {} ago [{}]\n", escapeForDisplay(loop.label),
               loop.count, roughly(loop.firstAgo), roughly(loop.lastAgo),
               escapeForDisplay(loop.id));
}

void showBlock(const StoreLine& block, std::ostream& out) {
    fmt::print(out, "{}: put off for {} [{}]\n", escapeForDisplay(block.label),
               roughly(block.remaining), escapeForDisplay(block.id));
}

int runLoops(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = controlWords(arguments);
    if (!given)
        return usageError("loops", given.error().message, err);
    if (!given->words.empty() && given->words.front() == "clear")
        return clearEntries("loops", {"loops", "blocks"}, *given, out, err);
    if (!given->words.empty())
        return usageError("loops", quoteForDisplay(given->words.front()) + " is not known", err);
    nlohmann::json loops;
    nlohmann::json blocks;
    for (const auto& [book, result] : {std::pair{"loops", &loops}, std::pair{"blocks", &blocks}})
        if (const int status = ask("loops", given->path, {book}, EX_UNAVAILABLE, *result, err);
            status != EX_OK)
            return status;
    if (given->json) {
        out << nlohmann::json{{"loops", loops}, {"blocks", blocks}} << '\n';
        return EX_OK;
    }
    for (const StoreLine& loop : storeLines(loops))
        showLoop(loop, out);
    for (const StoreLine& block : storeLines(blocks))
        showBlock(block, out);
    return EX_OK;
}

} // namespace

const Command loopsCommand{
    "loops",
    "List the mail loops of the last days and what is put off for them, or forget them",
    "loops [--control PATH] [--json]\nloops clear ID|--all [--control PATH] [--json]",
    "A line for each pair of addresses whose mail was cut, the latest first, and for each that is\n"
    "put off. What is cleared begins to count anew, and is no longer put off.\n\n"
    "  sluicectl loops\n"
    "  sluicectl loops clear --all",
    runLoops,
};

} // namespace sluice::ctl
