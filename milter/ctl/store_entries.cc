// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/store_entries.hh"

#include "common/text.hh"
#include "milter/ctl/command.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

namespace sluice::ctl {
namespace {

std::int64_t numberIn(const nlohmann::json& entry, const char* name) {
    const auto found = entry.find(name);
    return found != entry.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string textIn(const nlohmann::json& entry, const char* name) {
    const auto found = entry.find(name);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

} // namespace

std::vector<StoreLine> storeLines(const nlohmann::json& entries) {
    std::vector<StoreLine> lines;
    if (!entries.is_array())
        return lines;
    for (const nlohmann::json& entry : entries)
        if (entry.is_object())
            lines.push_back({textIn(entry, "id"), textIn(entry, "label"),
                             static_cast<std::uint64_t>(numberIn(entry, "count")),
                             numberIn(entry, "first_seconds_ago"),
                             numberIn(entry, "last_seconds_ago"),
                             numberIn(entry, "remaining_seconds")});
    return lines;
}

int clearEntries(std::string_view command, const std::vector<std::string>& books,
                 const ControlWords& given, std::ostream& out, std::ostream& err) {
    if (given.words.size() != 2)
        return usageError(command, "clear needs one ID, or --all", err);
    control::Request request;
    if (given.words[1] != "--all")
        request.arguments["id"] = given.words[1];
    std::int64_t cleared = 0;
    for (const std::string& book : books) {
        request.command = book + " clear";
        nlohmann::json result;
        if (const int status = ask(command, given.path, request, EX_DATAERR, result, err);
            status != EX_OK)
            return status;
        cleared += result.is_object() ? numberIn(result, "cleared") : 0;
    }
    if (given.json)
        out << nlohmann::json{{"cleared", cleared}} << '\n';
    else
        fmt::print(out, "{} cleared\n", cleared);
    return EX_OK;
}

} // namespace sluice::ctl
