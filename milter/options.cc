// SPDX-License-Identifier: BSD-2-Clause
#include "milter/options.hh"

#include "common/table_file.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>

namespace sluice {
namespace {

namespace po = boost::program_options;
using Occurs = OptionSpec::Occurs;

const OptionSpec* specOf(std::string_view name) {
    const auto& specs = optionSpecs();
    const auto found = std::find_if(specs.begin(), specs.end(),
                                    [&](const OptionSpec& spec) { return name == spec.name; });
    return found == specs.end() ? nullptr : &*found;
}

/// All options of the configuration as Boost.Program_options knows them; values stay text.
po::options_description settingsDescription() {
    po::options_description description("Settings (also as lines of the configuration file)", 100,
                                        50);
    for (const OptionSpec& spec : optionSpecs())
        description.add_options()(
            spec.name, po::value<std::vector<std::string>>()->value_name(spec.argument), spec.help);
    return description;
}

po::options_description commandDescription() {
    po::options_description description("Commands and files", 100, 50);
    description.add_options()("config", po::value<std::vector<std::string>>()->value_name("FILE"),
                              "read settings from this file; flags win over it")(
        "check", "validate all settings, report every problem, exit 0 or 78")(
        "print-config", "print the settings in force with their origin, and exit")(
        "help,h", "show this text")("version,V", "show the version");
    return description;
}

const po::options_description& allOptions() {
    static const po::options_description description = [] {
        po::options_description all;
        all.add(commandDescription()).add(settingsDescription());
        return all;
    }();
    return description;
}

constexpr int exactNames =
    po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

std::string unknownOption(std::string_view name) {
    return fmt::format("unknown option \"{}\"", escapeForDisplay(name));
}

/// What keeps a value from being one, in a line of a file as well. A quote that is not closed would
/// take up what is printed behind it.
Result<void> checkValue(std::string_view value) {
    if (value.empty())
        return fail("the value is missing");
    if (value.find('\n') != std::string_view::npos)
        return fail("a value has no line break");
    if (const auto words = splitRawWords(value); !words)
        return tl::unexpected(words.error());
    return {};
}

/// Hands one option of the command line to where it belongs.
void take(CommandLine& line, const std::string& name, const std::vector<std::string>& values) {
    const auto problem = [&](const std::string& what) {
        line.problems.push_back({Origin{}.text(), what});
    };
    if (name == "help")
        line.help = true;
    else if (name == "version")
        line.version = true;
    else if (name == "check")
        line.check = true;
    else if (name == "print-config")
        line.printConfig = true;
    else if (name == "config" && !line.configFile.empty())
        problem("--config is given twice");
    else if (name == "config")
        line.configFile = values.empty() ? "" : values.front();
    else
        for (const std::string& text : values) {
            const std::string value(trim(text));
            if (const auto fine = checkValue(value); !fine)
                problem(fmt::format("--{}: {}", name, fine.error().message));
            else
                line.settings.add(name, {value, Origin{}});
        }
}

/// Arguments one after the other, so that each of them that is wrong can be named.
void parseArguments(const std::vector<std::string>& arguments, CommandLine& line) {
    try {
        const auto parsed = po::command_line_parser(arguments)
                                .options(allOptions())
                                .style(exactNames)
                                .allow_unregistered()
                                .run();
        for (const auto& option : parsed.options) {
            if (option.unregistered || option.position_key >= 0)
                line.problems.push_back(
                    {Origin{}.text(), unknownOption(option.original_tokens.empty()
                                                        ? option.string_key
                                                        : option.original_tokens.front())});
            else
                take(line, option.string_key, option.value);
        }
    } catch (const po::error& error) {
        line.problems.push_back({Origin{}.text(), escapeForDisplay(error.what())});
    }
}

/// One line of the configuration file.
void takeFileLine(std::string_view text, const Origin& origin, Settings& settings,
                  std::vector<Problem>& problems) {
    const std::size_t equals = text.find('=');
    const std::string name(trim(text.substr(0, equals)));
    if (equals == std::string_view::npos || name.empty()) {
        problems.push_back({origin.text(), fmt::format("expected \"name = value\", found \"{}\"",
                                                       escapeForDisplay(text, 80))});
        return;
    }
    const std::string value(trim(text.substr(equals + 1)));
    if (specOf(name) == nullptr) {
        problems.push_back({origin.text(), unknownOption(name)});
        return;
    }
    if (const auto fine = checkValue(value); !fine) {
        problems.push_back({origin.text(), fmt::format("{}: {}", name, fine.error().message)});
        return;
    }
    try {
        const auto parsed =
            po::command_line_parser(std::vector<std::string>{"--" + name + "=" + value})
                .options(allOptions())
                .style(exactNames)
                .run();
        for (const auto& option : parsed.options)
            for (const std::string& one : option.value)
                settings.add(option.string_key, {one, origin});
    } catch (const po::error& error) {
        problems.push_back({origin.text(), escapeForDisplay(error.what())});
    }
}

Settings readFile(const std::string& path, std::vector<Problem>& problems) {
    Settings settings;
    const auto file = std::make_shared<const std::string>(path);
    const auto read = readTableFile(path, [&](std::size_t number, std::string_view text) {
        takeFileLine(text, {file, number, false}, settings, problems);
    });
    if (!read)
        problems.push_back({"--config", read.error().message});
    return settings;
}

void refuseRepetition(const OptionSpec& spec, const std::vector<Settings::Value>& values,
                      std::vector<Problem>& problems) {
    if (spec.occurs == Occurs::once && values.size() > 1)
        problems.push_back({values.back().origin.text(),
                            fmt::format("{}: given twice, first at {} (value \"{}\")", spec.name,
                                        escapeForDisplay(values.front().origin.text()),
                                        escapeForDisplay(values.back().text))});
}

/// A value that reads back from a file as it was given on the command line, where no word of it
/// begins a comment.
std::string fileForm(const std::string& text) {
    const auto words = splitRawWords(text);
    if (withoutComment(text) == text || !words)
        return text;
    std::string joined;
    for (const std::string_view word : *words) {
        joined += joined.empty() ? "" : " ";
        joined += word.starts_with('#') ? quoteWord(unquoteWord(word)) : std::string(word);
    }
    return joined;
}

} // namespace

std::string Problem::line() const {
    return escapeForDisplay(where) + ": " + what;
}

std::string Origin::text() const {
    if (file)
        return line == 0 ? *file : fmt::format("{}:{}", *file, line);
    return isDefault ? "default" : "command line";
}

Settings::Named& Settings::slot(std::string_view name) {
    for (Named& named : slots_)
        if (named.name == name)
            return named;
    const OptionSpec* const spec = specOf(name);
    // The table's own text outlives every Settings; only known names are ever added.
    slots_.push_back({spec != nullptr ? std::string_view(spec->name) : std::string_view(), {}});
    return slots_.back();
}

void Settings::add(std::string_view name, Value value) {
    slot(name).values.push_back(std::move(value));
}

void Settings::replace(std::string_view name, std::vector<Value> values) {
    slot(name).values = std::move(values);
}

const std::vector<Settings::Value>& Settings::values(std::string_view name) const {
    static const std::vector<Value> none;
    for (const Named& named : slots_)
        if (named.name == name)
            return named.values;
    return none;
}

void Settings::forEach(std::string_view name,
                       const std::function<void(std::string_view, const Origin&)>& use,
                       std::vector<Problem>& problems) const {
    for (const Value& value : values(name)) {
        const std::string path(tablePath(value.text));
        if (path.empty()) {
            use(value.text, value.origin);
            continue;
        }
        Origin origin{std::make_shared<const std::string>(path), 0, false};
        const auto read = readTableFile(path, [&](std::size_t number, std::string_view text) {
            origin.line = number;
            use(text, origin);
        });
        if (!read)
            problems.push_back(
                {value.origin.text(), fmt::format("{}: {}", name, read.error().message)});
    }
}

CommandLine parseCommandLine(int argc, const char* const* argv) {
    CommandLine line;
    parseArguments(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), line);
    return line;
}

std::string optionHelp() {
    std::ostringstream text;
    text << commandDescription() << '\n' << settingsDescription();
    return text.str();
}

Settings mergedSettings(const CommandLine& commandLine, std::vector<Problem>& problems) {
    problems.insert(problems.end(), commandLine.problems.begin(), commandLine.problems.end());
    Settings merged;
    if (!commandLine.configFile.empty())
        merged = readFile(commandLine.configFile, problems);
    for (const OptionSpec& spec : optionSpecs()) {
        refuseRepetition(spec, merged.values(spec.name), problems);
        const auto& flags = commandLine.settings.values(spec.name);
        refuseRepetition(spec, flags, problems);
        if (!flags.empty())
            merged.replace(spec.name, flags);
        else if (merged.values(spec.name).empty() && spec.byDefault != nullptr)
            merged.add(spec.name, {spec.byDefault, {nullptr, 0, true}});
    }
    return merged;
}

std::string printedSettings(const Settings& settings) {
    std::string text;
    for (const OptionSpec& spec : optionSpecs()) {
        const auto& values = settings.values(spec.name);
        if (values.empty())
            fmt::format_to(std::back_inserter(text), "# {} is not set  # default\n", spec.name);
        for (const auto& value : values)
            fmt::format_to(std::back_inserter(text), "{} = {}  # {}\n", spec.name,
                           fileForm(value.text), value.origin.text());
    }
    return text;
}

} // namespace sluice
