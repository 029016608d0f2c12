// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/networks_command.hh"

#include "common/text.hh"
#include "milter/ctl/store_entries.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <string_view>
#include <utility>

namespace sluice::ctl {
namespace {

constexpr const char* usualTime = "1d";

/// Takes `--for TIME` and `--note TEXT` out of the arguments. Error: nothing follows one of them.
Result<void> takeOptions(std::vector<std::string>& arguments, control::Request& request) {
    std::vector<std::string> left;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string word = arguments[at];
        if (word != "--for" && word != "--note") {
            left.push_back(word);
            continue;
        }
        if (at + 1 == arguments.size())
            return fail(word + " needs a value");
        request.arguments[word.substr(2)] = arguments[++at];
    }
    arguments = std::move(left);
    return {};
}

int list(std::string_view command, const char* book, const ControlWords& given, std::ostream& out,
         std::ostream& err) {
    nlohmann::json result;
    if (const int status = ask(command, given.path, {book}, EX_UNAVAILABLE, result, err);
        status != EX_OK)
        return status;
    if (given.json)
        out << result << '\n';
    else
        for (const StoreLine& entry : storeLines(result))
            fmt::print(out, "{}: for {} more\n", escapeForDisplay(entry.label),
                       roughly(entry.remaining));
    return EX_OK;
}

int change(std::string_view command, const char* book, const ControlWords& given,
           control::Request request, std::ostream& out, std::ostream& err) {
    const std::string& what = given.words.front();
    if (given.words.size() != 2)
        return usageError(command, what + " needs one NETWORK", err);
    if (what == "del" && !request.arguments.empty())
        return usageError(command, "--for and --note are for add", err);
    request.command = std::string(book) + ' ' + what;
    request.arguments["network"] = given.words[1];
    if (what == "add")
        request.arguments.emplace("for", usualTime);
    nlohmann::json result;
    const int status = ask(command, given.path, request, EX_DATAERR, result, err);
    if (status == EX_OK && given.json)
        out << result << '\n';
    return status;
}

int run(std::string_view command, const char* book, std::vector<std::string> arguments,
        std::ostream& out, std::ostream& err) {
    control::Request request;
    if (auto taken = takeOptions(arguments, request); !taken)
        return usageError(command, taken.error().message, err);
    const auto given = controlWords(arguments);
    if (!given)
        return usageError(command, given.error().message, err);
    const std::string what = given->words.empty() ? "" : given->words.front();
    if (what == "add" || what == "del")
        return change(command, book, *given, std::move(request), out, err);
    if (what != "list" || given->words.size() != 1 || !request.arguments.empty())
        return usageError(command, "expected add NETWORK, del NETWORK or list", err);
    return list(command, book, *given, out, err);
}

int runAllow(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    return run("allow", "allowed", arguments, out, err);
}

int runDeny(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    return run("deny", "denied", arguments, out, err);
}

} // namespace

const Command allowCommand{
    "allow",
    "Let networks in for a while, as accept-ip does",
    "allow add NETWORK [--for TIME] [--note TEXT] [--control PATH] [--json]\n"
    "allow del NETWORK [--control PATH] [--json]\nallow list [--control PATH] [--json]",
    "On all nodes that share a Redis, within a second; for a day unless TIME says otherwise.\n"
    "With store = memory on this node alone, until it stops.\n\n"
    "  sluicectl allow add 192.0.2.0/24 --for 2h --note \"new relay of example.com\"\n"
    "  sluicectl allow list",
    runAllow,
};

const Command denyCommand{
    "deny",
    "Shut networks out for a while, as deny-ip does",
    "deny add NETWORK [--for TIME] [--note TEXT] [--control PATH] [--json]\n"
    "deny del NETWORK [--control PATH] [--json]\ndeny list [--control PATH] [--json]",
    "On all nodes that share a Redis, within a second; for a day unless TIME says otherwise.\n"
    "With store = memory on this node alone, until it stops.\n\n"
    "  sluicectl deny add 2001:db8::/32 --for 1d\n"
    "  sluicectl deny list",
    runDeny,
};

} // namespace sluice::ctl
