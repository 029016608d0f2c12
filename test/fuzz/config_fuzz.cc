// SPDX-License-Identifier: BSD-2-Clause
// A whole configuration file, where lines that begin with `--` are arguments of the command line,
// and behind a line `%%` the content of each file that it names: what --print-config prints of it
// is a configuration for the same settings. No file but the target's own is opened.

#include "common/table_file.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/config.hh"
#include "milter/options.hh"
#include "milter/runtime.hh"
#include "test/fuzz/fuzz_support.hh"
#include "test/fuzz/memory_file.hh"

#include <algorithm>
#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr std::string_view beforeNamedFile = "\n%%\n";
constexpr std::string_view key =
    "k 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
constexpr const char* noFile = "@/dev/null"; // which is not a regular one

const fuzz::MemoryFile& configFile() {
    static const fuzz::MemoryFile file;
    return file;
}

/// Stands for each that the configuration names.
const fuzz::MemoryFile& namedFile() {
    static const fuzz::MemoryFile file;
    return file;
}

struct Loaded {
    Settings settings;
    std::vector<Problem> problems;
};

Loaded load(CommandLine flags) {
    flags.configFile = configFile().path();
    Loaded loaded;
    loaded.settings = mergedSettings(flags, loaded.problems);
    return loaded;
}

bool isOneWord(const std::string& text) {
    const auto words = splitWords(text);
    return words && words->size() == 1 && !words->front().empty();
}

/// The same value with no path in it but that of a file of ours.
std::string harmless(std::string_view option, const std::string& text) {
    static const std::vector<std::string_view> paths{"key-file",           "badmail-dir",
                                                     "tracking-log",       "ldap-ca-file",
                                                     "ldap-password-file", "redis-password-file"};
    if (!tablePath(text).empty()) // whose lines may name files in their turn
        return option == "directory" ? noFile : '@' + namedFile().path();
    if (std::find(paths.begin(), paths.end(), option) != paths.end() && isOneWord(text))
        return option == "badmail-dir" ? "/" : namedFile().path();
    if (option == "directory" && isOneWord(text) && splitWords(text)->front().starts_with("file:"))
        return "file:" + namedFile().path();
    return text;
}

void makeHarmless(Settings& settings) {
    for (const OptionSpec& spec : optionSpecs()) {
        auto values = settings.values(spec.name);
        for (Settings::Value& value : values)
            value.text = harmless(spec.name, value.text);
        settings.replace(spec.name, std::move(values));
    }
}

/// `PATH:LINE`, of one of our files.
bool isPlace(std::string_view text) {
    for (const std::string& path : {configFile().path(), namedFile().path()})
        if (text.starts_with(path + ':'))
            return parseUnsigned(text.substr(path.size() + 1)).has_value();
    return false;
}

void requirePlaced(const std::vector<Problem>& problems, bool hasFlags) {
    for (const Problem& problem : problems) {
        const std::string& what = problem.what;
        const bool ofFile = problem.where == "--config" && // the file as a whole: the text tells
                            isPlace(what.substr(0, what.find(": ")));
        fuzz::require(isPlace(problem.where) || ofFile ||
                      (hasFlags && problem.where == "command line"));
        const std::string line = problem.line();
        fuzz::require(std::all_of(line.begin(), line.end(),
                                  [](unsigned char c) { return c >= ' ' && c != 0x7f; }));
    }
}

/// A line of what is printed, without where it comes from.
std::vector<std::string> linesOf(const std::string& printed) {
    std::vector<std::string> lines;
    for (const std::string_view line : split(printed, '\n'))
        lines.emplace_back(withoutComment(line));
    return lines;
}

std::vector<std::string> textsOf(const std::vector<Problem>& problems) {
    std::vector<std::string> texts;
    for (const Problem& problem : problems)
        texts.push_back(problem.what);
    return texts;
}

bool sameTexts(const Settings& a, const Settings& b) {
    const auto sameText = [](const Settings::Value& one, const Settings::Value& other) {
        return one.text == other.text;
    };
    return std::all_of(optionSpecs().begin(), optionSpecs().end(), [&](const OptionSpec& spec) {
        const auto& ofA = a.values(spec.name);
        const auto& ofB = b.values(spec.name);
        return std::equal(ofA.begin(), ofA.end(), ofB.begin(), ofB.end(), sameText);
    });
}

void requireSame(const PolicySettings& a, const PolicySettings& b) {
    fuzz::require(a.localDomains.names() == b.localDomains.names());
    fuzz::require(a.connection.dnsbl->rules().size() == b.connection.dnsbl->rules().size());
    fuzz::require(a.sender.action == b.sender.action && a.sender.blockBlank == b.sender.blockBlank);
    fuzz::require(a.sender.spoofCheck == b.sender.spoofCheck &&
                  a.sender.checkFromHeader == b.sender.checkFromHeader);
    fuzz::require(a.recipient.restricted.size() == b.recipient.restricted.size() &&
                  a.recipient.harvestLimit == b.recipient.harvestLimit &&
                  a.recipient.tarpit == b.recipient.tarpit);
    fuzz::require(a.limits.maxSize == b.limits.maxSize && a.limits.maxHops == b.limits.maxHops &&
                  a.limits.maxSessionSize == b.limits.maxSessionSize &&
                  a.limits.maxMessages == b.limits.maxMessages &&
                  a.limits.maxRecipients == b.limits.maxRecipients);
    fuzz::require(
        a.lists.lists.size() == b.lists.lists.size() && a.lists.robots == b.lists.robots &&
        a.lists.bounceDomain == b.lists.bounceDomain && a.lists.splitMixed == b.lists.splitMixed &&
        a.lists.reportCopy == b.lists.reportCopy);
    fuzz::require(a.loops.action == b.loops.action && a.loops.block == b.loops.block &&
                  a.loops.peers.size() == b.loops.peers.size() &&
                  a.loops.topologyPasses == b.loops.topologyPasses &&
                  a.loops.duplicateSilence == b.loops.duplicateSilence &&
                  a.loops.notify == b.loops.notify && a.loops.notifyRelay == b.loops.notifyRelay);
    fuzz::require(a.rewrites.empty() == b.rewrites.empty() &&
                  a.listeners.size() == b.listeners.size());
}

void requireSame(const Config& a, const Config& b) {
    fuzz::require(a.daemon == b.daemon && a.observe == b.observe);
    fuzz::require(a.logLevels.of == b.logLevels.of && a.resolver == b.resolver);
    fuzz::require(a.fileDirectories.size() == b.fileDirectories.size() &&
                  a.redisDirectories == b.redisDirectories &&
                  a.ldapDirectories == b.ldapDirectories && a.directoryCache == b.directoryCache);
    fuzz::require(a.harvestWindow == b.harvestWindow && a.dnsblSelfTest == b.dnsblSelfTest);
    fuzz::require(a.badmail == b.badmail && a.tracking == b.tracking &&
                  a.hasKeyFile == b.hasKeyFile);
    requireSame(*a.policy, *b.policy);
}

/// The flags, and what is left for the file.
CommandLine takeFlags(std::string_view text, std::string& rest) {
    std::vector<std::string> arguments{"sluice-milter"};
    for (const std::string_view line : split(text, '\n'))
        if (line.starts_with("--"))
            arguments.emplace_back(line);
        else
            rest.append(line).append("\n");
    std::vector<const char*> pointers;
    for (const std::string& argument : arguments)
        pointers.push_back(argument.c_str());
    return parseCommandLine(static_cast<int>(pointers.size()), pointers.data());
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const std::string_view text = fuzz::textOf(octets, size);
    const std::size_t end = text.find(beforeNamedFile);
    namedFile().write(end == text.npos ? key : text.substr(end + beforeNamedFile.size()));
    std::string written;
    const CommandLine flags = takeFlags(text.substr(0, end), written);
    const bool hasFlags = text.starts_with("--") || text.find("\n--") != text.npos;
    configFile().write(written);
    Loaded first = load(flags);
    requirePlaced(first.problems, hasFlags);
    makeHarmless(first.settings);
    std::vector<Problem> problems;
    const Config config = makeConfig(first.settings, problems);
    requirePlaced(problems, hasFlags);
    static_cast<void>(needsOf(config));
    static_cast<void>(Policy(config.policy));

    const std::string printed = printedSettings(first.settings);
    configFile().write(printed);
    const Loaded second = load({});
    fuzz::require(!first.problems.empty() || second.problems.empty());
    std::vector<Problem> problemsAgain;
    const Config again = makeConfig(second.settings, problemsAgain);
    fuzz::require(problems.empty() == problemsAgain.empty());
    // a message shows the value, which is printed with quotes where it begins with a number sign
    fuzz::require(!sameTexts(first.settings, second.settings) ||
                  textsOf(problems) == textsOf(problemsAgain));
    if (problems.empty())
        requireSame(config, again);
    const std::string printedAgain = printedSettings(second.settings);
    fuzz::require(linesOf(printed) == linesOf(printedAgain));
    configFile().write(printedAgain);
    fuzz::require(printedSettings(load({}).settings) == printedAgain);
    return 0;
}
