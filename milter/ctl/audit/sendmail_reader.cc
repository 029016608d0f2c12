// SPDX-License-Identifier: BSD-2-Clause
#include "common/domain_name.hh"
#include "common/text.hh"
#include "milter/ctl/audit/alias_reader.hh"
#include "milter/ctl/audit/readers.hh"
#include "milter/ctl/audit/sendmail_filters.hh"

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

namespace sluice::ctl::audit {
namespace {

constexpr std::uint64_t usualHopLimit = 25;

std::string systemHostName() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? canonicalDomain(name.data()) : "";
}

/// `-o -T<TEMP> /path`: without the flags in front.
std::string_view withoutFlags(std::string_view text) {
    text = trim(text);
    while (text.starts_with('-')) {
        const std::size_t blank = text.find_first_of(" \t");
        text = blank == std::string_view::npos ? "" : trim(text.substr(blank));
    }
    return text;
}

class SendmailReader {
public:
    SendmailReader(FileReader& files, MtaFacts& facts)
        : files_(files), facts_(facts), aliases_(files, facts) {}

    /// False: it is no configuration of Sendmail.
    bool read(std::string_view text);

private:
    void takeLine(const LogicalLine& line);
    void takeClass(std::string_view text, const Place& place);
    void takeClassFile(std::string_view text, const Place& place);
    void takeOption(std::string_view text, const Place& place);
    void takeMap(std::string_view text, const Place& place);
    void takeAliasFiles(std::string_view text, const Place& place);
    void readAliasFile(std::string_view item, const Place& place);
    void notRead(std::string_view what, const Place& place);
    DomainSet* classOf(std::string_view& text);
    [[nodiscard]] Place at(const LogicalLine& line) const { return {facts_.source, line.number}; }

    FileReader& files_;
    MtaFacts& facts_;
    AliasReader aliases_;
    SendmailFilterLines filters_;
    std::string masquerade_;
};

void SendmailReader::notRead(std::string_view what, const Place& place) {
    facts_.aliasesComplete = false;
    facts_.remarks.push_back({Severity::info,
                              "table-not-read",
                              place,
                              fmt::format("{} is not read", what),
                              "only files and data bases that are made from a text are; lists and "
                              "domains in this one are not reviewed",
                              {},
                              {},
                              {}});
}

/// Takes the name of the class: `w`, `R` or `{VirtHost}`. Null: one that does not matter.
DomainSet* SendmailReader::classOf(std::string_view& text) {
    constexpr std::string_view virtualHosts = "{VirtHost}";
    if (text.starts_with(virtualHosts)) {
        text.remove_prefix(virtualHosts.size());
        return &facts_.virtualAlias;
    }
    const char name = text.empty() ? '\0' : text.front();
    if (name != 'w' && name != 'R')
        return nullptr;
    text.remove_prefix(1);
    return name == 'w' ? &facts_.local : &facts_.relay;
}

void SendmailReader::takeClass(std::string_view text, const Place& place) {
    DomainSet* const domains = classOf(text);
    if (domains == nullptr)
        return;
    if (domains == &facts_.local)
        facts_.localPlace = place;
    for (const std::string& word : splitItems(text)) {
        if (word == "$j" || word == "$w")
            domains->add(facts_.hostName);
        else if (!word.starts_with('$'))
            domains->add(word);
    }
}

void SendmailReader::takeClassFile(std::string_view text, const Place& place) {
    DomainSet* const domains = classOf(text);
    if (domains == nullptr)
        return;
    const bool optional = trim(text).starts_with("-o");
    const auto file = splitKey(withoutFlags(text));
    const std::string& path = file.key;
    if (!path.starts_with('/')) {
        domains->complete = false;
        notRead("the class in " + path, place);
        return;
    }
    if (domains == &facts_.local)
        facts_.localPlace = {path, 0};
    const auto lines = files_.read(path);
    if (!lines && !optional) {
        domains->complete = false;
        facts_.remarks.push_back({Severity::medium,
                                  "file-unreadable",
                                  place,
                                  path + " " + lines.error().message,
                                  "the domains in it are not known",
                                  {},
                                  {},
                                  {}});
    }
    for (const LogicalLine& line : logicalLines(lines.value_or("")))
        domains->add(splitKey(line.text).key);
}

void SendmailReader::readAliasFile(std::string_view item, const Place& place) {
    const std::size_t colon = item.find(':');
    const std::string type(colon == std::string_view::npos ? "" : item.substr(0, colon));
    const std::string path(
        withoutFlags(colon == std::string_view::npos ? item : item.substr(colon + 1)));
    const bool isText = type.empty() || type == "hash" || type == "btree" || type == "dbm" ||
                        type == "cdb" || type == "implicit" || type == "text" || type == "stab";
    if (!isText || !path.starts_with('/')) {
        notRead("the alias file " + std::string(item), place);
        return;
    }
    if (facts_.aliasFile.file.empty())
        facts_.aliasFile = {path, 0};
    if (type.empty() || type == "hash" || type == "btree" || type == "implicit")
        aliases_.checkDatabase(path, ".db", "newaliases");
    aliases_.readAliases(path);
}

void SendmailReader::takeAliasFiles(std::string_view text, const Place& place) {
    for (const std::string_view item : split(text, ','))
        if (!trim(item).empty())
            readAliasFile(trim(item), place);
}

void SendmailReader::takeOption(std::string_view text, const Place& place) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return;
    const std::string_view name = trim(text.substr(0, equals));
    const std::string_view value = trim(text.substr(equals + 1));
    if (equalsIgnoringCase(name, "AliasFile"))
        takeAliasFiles(value, place);
    else if (equalsIgnoringCase(name, "MaxHopCount"))
        facts_.hopLimit = {parseUnsigned(value).value_or(0), place};
    else if (equalsIgnoringCase(name, "InputMailFilters"))
        filters_.inputFilters = {std::string(value), place};
    else if (equalsIgnoringCase(name, "DaemonPortOptions"))
        filters_.daemons.push_back({std::string(value), place});
}

/// `Kvirtuser hash -o /etc/mail/virtusertable`
void SendmailReader::takeMap(std::string_view text, const Place& place) {
    const auto [name, rest] = splitKey(text);
    if (name != "virtuser")
        return;
    const auto [type, options] = splitKey(rest);
    const std::string path(withoutFlags(options));
    if ((type != "hash" && type != "btree" && type != "text") || !path.starts_with('/')) {
        notRead("the map virtuser", place);
        return;
    }
    facts_.virtualFile = {path, 0};
    if (type != "text")
        aliases_.checkDatabase(path, ".db", fmt::format("makemap {0} {1} < {1}", type, path));
    if (::access(path.c_str(), F_OK) == 0)
        aliases_.readTable(path, Alias::Source::virtualTable);
}

void SendmailReader::takeLine(const LogicalLine& line) {
    const std::string_view rest = std::string_view(line.text).substr(1);
    switch (line.text.front()) {
    case 'C':
        takeClass(rest, at(line));
        break;
    case 'F':
        takeClassFile(rest, at(line));
        break;
    case 'K':
        takeMap(rest, at(line));
        break;
    case 'O':
        takeOption(rest, at(line));
        break;
    case 'X':
        filters_.filters.push_back({std::string(rest), at(line)});
        break;
    default:
        break;
    }
}

/// Its version is in a line of its own.
bool isVersion(const LogicalLine& line) {
    return line.text.size() > 1 && line.text[0] == 'V' && line.text[1] >= '0' &&
           line.text[1] <= '9';
}

bool SendmailReader::read(std::string_view text) {
    const auto lines = logicalLines(text);
    if (std::none_of(lines.begin(), lines.end(), isVersion))
        return false;
    facts_.hostName = systemHostName();
    for (const LogicalLine& line : lines) {
        if (line.text.starts_with("Dj") && line.text.find('$') == std::string::npos)
            facts_.hostName = canonicalDomain(trim(std::string_view(line.text).substr(2)));
        else if (line.text.starts_with("DM"))
            masquerade_ = canonicalDomain(trim(std::string_view(line.text).substr(2)));
    }
    facts_.local.add(facts_.hostName); // Sendmail puts its own name into class w
    facts_.origin = facts_.hostName;
    facts_.extensions = true;
    facts_.localPlace = {facts_.source, 0};
    facts_.milterPlace = {facts_.source, 0};
    facts_.hopLimit = {usualHopLimit, {facts_.source, 0}};
    for (const LogicalLine& line : lines)
        takeLine(line);
    if (!masquerade_.empty() && facts_.local.contains(masquerade_))
        facts_.origin = masquerade_;
    filters_.inputFilters.place =
        filters_.inputFilters.place.file.empty() ? facts_.milterPlace : filters_.inputFilters.place;
    readSendmailFilters(filters_, facts_);
    return true;
}

} // namespace

tl::expected<MtaFacts, ReadFailure> readSendmail(const std::string& file) {
    FileReader files;
    const auto text = files.read(file);
    if (!text)
        return tl::unexpected(
            ReadFailure{EX_NOINPUT, escapeForDisplay(file) + ": " + text.error().message});
    MtaFacts facts;
    facts.mta = Mta::sendmail;
    facts.source = file;
    if (!SendmailReader(files, facts).read(*text))
        return tl::unexpected(
            ReadFailure{EX_CONFIG, escapeForDisplay(file) + ": no configuration of Sendmail"});
    return facts;
}

} // namespace sluice::ctl::audit
