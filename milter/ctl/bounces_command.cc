// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/bounces_command.hh"

#include "common/text.hh"
#include "milter/ctl/store_entries.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

namespace sluice::ctl {
namespace {

void showMember(const StoreLine& member, std::ostream& out) {
    fmt::print(out, "{}: {} failed, first {} ago, last {} ago [{}]\n",
               escapeForDisplay(member.label), member.count, roughly(member.firstAgo),
               roughly(member.lastAgo), escapeForDisplay(member.id));
}

int runBounces(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = controlWords(arguments);
    if (!given)
        return usageError("bounces", given.error().message, err);
    if (!given->words.empty() && given->words.front() == "clear")
        return clearEntries("bounces", {"bounces"}, *given, out, err);
    if (given->words.size() > 1)
        return usageError("bounces", quoteForDisplay(given->words[1]) + " is one word too many",
                          err);
    if (!given->words.empty() && given->words.front() == "--all")
        return usageError("bounces", "--all is for clear", err);
    control::Request request{"bounces"};
    if (!given->words.empty())
        request.arguments["list"] = given->words.front();
    nlohmann::json result;
    if (const int status = ask("bounces", given->path, request, EX_UNAVAILABLE, result, err);
        status != EX_OK)
        return status;
    if (given->json)
        out << result << '\n';
    else
        for (const StoreLine& member : storeLines(result))
            showMember(member, out);
    return EX_OK;
}

} // namespace

const Command bouncesCommand{
    "bounces",
    "List the members of lists whose mail comes back, or forget them",
    "bounces [LIST] [--control PATH] [--json]\nbounces clear ID|--all [--control PATH] [--json]",
    "A line for each list and member with the number of reports that came to the list's signed\n"
    "return path, the latest first. LIST is the address of one list.\n\n"
    "  sluicectl bounces news@example.org\n"
    "  sluicectl bounces clear --all",
    runBounces,
};

} // namespace sluice::ctl
