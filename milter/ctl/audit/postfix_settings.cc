// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/postfix_settings.hh"

#include "common/text.hh"
#include "milter/ctl/child_process.hh"

#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>
#include <utility>

namespace sluice::ctl::audit {
namespace {

constexpr std::size_t longestOutput = std::size_t{4} << 20;
constexpr std::chrono::seconds patience{30};

using Values = std::unordered_map<std::string, std::string>;

/// `NAME = VALUE` a line.
Values parseValues(std::string_view text) {
    Values values;
    for (const std::string_view line : split(text, '\n'))
        if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
            values[std::string(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
    return values;
}

tl::expected<std::string, ReadFailure> ask(const std::string& program,
                                           const std::vector<std::string>& words) {
    const auto ran = runProgram(program, words, longestOutput, patience);
    if (!ran)
        return tl::unexpected(ReadFailure{EX_UNAVAILABLE, ran.error().message});
    if (ran->status == 0)
        return ran->out;
    const auto lines = split(trim(ran->err), '\n');
    return tl::unexpected(ReadFailure{
        EX_CONFIG, lines.back().empty() ? fmt::format("postconf ends with status {}", ran->status)
                                        : escapeForDisplay(lines.back())});
}

/// `-` stands for "y" before Postfix 3.0, whose defaults compatibility_level 0 brings back.
bool isChroot(std::string_view field, const std::string& compatibilityLevel) {
    return field == "y" || (field == "-" && compatibilityLevel == "0");
}

} // namespace

tl::expected<PostfixSettings, ReadFailure> PostfixSettings::read(const std::string& directory,
                                                                 FileReader& files) {
    Printed printed;
    const std::string mainFile = directory + "/main.cf";
    auto mainText = files.read(mainFile);
    if (!mainText)
        return tl::unexpected(
            ReadFailure{EX_NOINPUT, escapeForDisplay(mainFile) + ": " + mainText.error().message});
    printed.mainText = *std::move(mainText);
    printed.masterText = files.read(directory + "/master.cf").value_or("");
    const auto program = findProgram("postconf");
    if (!program)
        return tl::unexpected(ReadFailure{
            EX_UNAVAILABLE, "postconf is not found; run this on the mail server itself"});
    const std::pair<std::string*, std::vector<std::string>> questions[]{
        {&printed.parameters, {"-c", directory, "-x"}},
        {&printed.services, {"-c", directory, "-M"}},
        {&printed.overrides, {"-c", directory, "-P", "-x"}},
    };
    for (const auto& [answer, words] : questions) {
        auto text = ask(*program, words);
        if (!text)
            return tl::unexpected(std::move(text.error()));
        *answer = *std::move(text);
    }
    return parse(directory, printed);
}

PostfixSettings PostfixSettings::parse(const std::string& directory, const Printed& printed) {
    PostfixSettings settings;
    settings.directory_ = directory;
    settings.values_ = parseValues(printed.parameters);
    settings.overrides_ = parseValues(printed.overrides);
    for (const LogicalLine& line : logicalLines(printed.mainText))
        settings
            .lines_[std::string(trim(std::string_view(line.text).substr(0, line.text.find('='))))] =
            line.number;
    settings.findServices(printed);
    return settings;
}

void PostfixSettings::findServices(const Printed& printed) {
    constexpr std::size_t chrootField = 4;
    constexpr std::size_t commandField = 7;
    std::unordered_map<std::string, std::size_t> lines;
    for (const LogicalLine& line : logicalLines(printed.masterText)) {
        const auto fields = splitItems(line.text);
        if (fields.size() > 1)
            lines[fields[0] + '/' + fields[1]] = line.number;
    }
    for (const std::string_view line : split(printed.services, '\n')) {
        const auto fields = splitItems(line);
        if (fields.size() <= commandField || fields[commandField] != "smtpd" ||
            (fields[1] != "inet" && fields[1] != "pass"))
            continue;
        services_.push_back({fields[0],
                             fields[1],
                             isChroot(fields[chrootField], value("compatibility_level")),
                             {directory_ + "/master.cf", lines[fields[0] + '/' + fields[1]]}});
    }
}

const std::string& PostfixSettings::value(const std::string& name) const {
    static const std::string none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

const std::string& PostfixSettings::value(const Service& service, const std::string& name) const {
    const auto found = overrides_.find(service.name + '/' + service.type + '/' + name);
    return found == overrides_.end() ? value(name) : found->second;
}

bool PostfixSettings::isOverridden(const Service& service, const std::string& name) const {
    return overrides_.count(service.name + '/' + service.type + '/' + name) != 0;
}

Place PostfixSettings::place(const std::string& name) const {
    const auto found = lines_.find(name);
    return {directory_ + "/main.cf", found == lines_.end() ? 0 : found->second};
}

} // namespace sluice::ctl::audit
