// SPDX-License-Identifier: BSD-2-Clause
#include "common/domain_name.hh"
#include "common/text.hh"
#include "milter/ctl/audit/alias_reader.hh"
#include "milter/ctl/audit/postfix_milters.hh"
#include "milter/ctl/audit/readers.hh"

#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace sluice::ctl::audit {
namespace {

/// A kind of table that is made from a text of the same name.
struct TableKind {
    std::string_view type;
    const char* suffix; ///< of the data base; null: the text itself is looked into
};
constexpr std::array<TableKind, 7> textTables{{
    {"hash", ".db"},
    {"btree", ".db"},
    {"lmdb", ".lmdb"},
    {"cdb", ".cdb"},
    {"dbm", ".pag"},
    {"sdbm", ".pag"},
    {"texthash", nullptr},
}};

struct Table {
    std::string type;
    std::string path;
    const TableKind* kind = nullptr; ///< null: there is no text to read
};

/// `TYPE:PATH`, perhaps behind `proxy:`.
Table tableOf(std::string_view item) {
    constexpr std::string_view proxy = "proxy:";
    if (item.starts_with(proxy))
        item.remove_prefix(proxy.size());
    const std::size_t colon = item.find(':');
    Table table{std::string(item.substr(0, colon)),
                colon == std::string_view::npos ? "" : std::string(item.substr(colon + 1)),
                nullptr};
    for (const TableKind& kind : textTables)
        if (kind.type == table.type && table.path.starts_with('/'))
            table.kind = &kind;
    return table;
}

class PostfixReader {
public:
    PostfixReader(const PostfixSettings& settings, FileReader& files, MtaFacts& facts)
        : settings_(settings), files_(files), facts_(facts), aliases_(files, facts) {}

    void read();

private:
    void readAliasTables();
    void readVirtualTables();
    void readDomains(const std::string& parameter, DomainSet& domains);
    void addDomainItem(const std::string& item, const std::string& parameter, DomainSet& domains);
    void check(const Table& table, const std::string& command);
    void notRead(const std::string& item, const std::string& parameter);
    std::string origin();
    [[nodiscard]] Place firstText(const std::string& parameter) const;

    const PostfixSettings& settings_;
    FileReader& files_;
    MtaFacts& facts_;
    AliasReader aliases_;
    std::set<std::string> seen_; ///< tables that were remarked on
};

void PostfixReader::notRead(const std::string& item, const std::string& parameter) {
    if (seen_.insert(item).second)
        facts_.remarks.push_back({Severity::info,
                                  "table-not-read",
                                  settings_.place(parameter),
                                  fmt::format("{}: the table {} is not read", parameter, item),
                                  "only tables that are made from a text are; lists and domains in "
                                  "this one are not reviewed",
                                  {},
                                  {},
                                  {}});
}

void PostfixReader::check(const Table& table, const std::string& command) {
    if (table.kind->suffix != nullptr && seen_.insert(table.path).second)
        aliases_.checkDatabase(table.path, table.kind->suffix,
                               command + ' ' + table.type + ':' + table.path);
}

void PostfixReader::readAliasTables() {
    const std::string parameter = "alias_maps";
    for (const std::string& item : splitItems(settings_.value(parameter))) {
        const Table table = tableOf(item);
        if (table.kind != nullptr) {
            check(table, "postalias");
            if (table.kind->suffix != nullptr)
                aliases_.readAliases(table.path);
            else
                aliases_.readTable(table.path, Alias::Source::local);
        } else if (settings_.place(parameter).line != 0) { // the default names a NIS map
            facts_.aliasesComplete = false;
            notRead(item, parameter);
        }
    }
    facts_.aliasFile = firstText(parameter);
}

void PostfixReader::readVirtualTables() {
    const std::string parameter = "virtual_alias_maps";
    for (const std::string& item : splitItems(settings_.value(parameter))) {
        const Table table = tableOf(item);
        if (table.kind != nullptr) {
            check(table, "postmap");
            aliases_.readTable(table.path, Alias::Source::virtualTable);
        } else {
            facts_.aliasesComplete = false;
            notRead(item, parameter);
        }
    }
    facts_.virtualFile = firstText(parameter);
}

Place PostfixReader::firstText(const std::string& parameter) const {
    for (const std::string& item : splitItems(settings_.value(parameter)))
        if (const Table table = tableOf(item); table.kind != nullptr)
            return {table.path, 0};
    return settings_.place(parameter);
}

void PostfixReader::addDomainItem(const std::string& item, const std::string& parameter,
                                  DomainSet& domains) {
    const bool isFile = item.starts_with('/');
    const bool isTable = !isFile && !item.starts_with('[') && item.find(':') != std::string::npos;
    if (!isFile && !isTable) {
        if (!item.starts_with('!'))
            domains.add(item);
        return;
    }
    const Table table = tableOf(item);
    if (isTable && table.kind == nullptr) {
        domains.complete = false;
        notRead(item, parameter);
        return;
    }
    const auto text = files_.read(isFile ? item : table.path);
    domains.complete = domains.complete && text;
    // keys of a table of aliases that have no dot are users
    for (const LogicalLine& line : logicalLines(text.value_or("")))
        if (const std::string key = splitKey(line.text).key;
            key.find('@') == std::string::npos &&
            (isFile || parameter != "virtual_alias_domains" || key.find('.') != std::string::npos))
            domains.add(key);
}

void PostfixReader::readDomains(const std::string& parameter, DomainSet& domains) {
    for (const std::string& item : splitItems(settings_.value(parameter)))
        addDomainItem(item, parameter, domains);
    const auto andBelow = splitItems(settings_.value("parent_domain_matches_subdomains"));
    domains.andBelow = std::find(andBelow.begin(), andBelow.end(), parameter) != andBelow.end();
}

/// myorigin may name a file whose first line it is.
std::string PostfixReader::origin() {
    const std::string& value = settings_.value("myorigin");
    if (!value.starts_with('/'))
        return canonicalDomain(value);
    const auto lines = logicalLines(files_.read(value).value_or(""));
    return lines.empty() ? facts_.hostName : canonicalDomain(lines.front().text);
}

void PostfixReader::read() {
    facts_.hostName = canonicalDomain(settings_.value("myhostname"));
    facts_.origin = origin();
    facts_.queueDirectory = settings_.value("queue_directory");
    facts_.extensions = settings_.value("recipient_delimiter").find('+') != std::string::npos;
    readDomains("mydestination", facts_.local);
    facts_.localPlace = settings_.place("mydestination");
    readDomains("virtual_alias_domains", facts_.virtualAlias);
    facts_.virtualAliasLine = settings_.value("virtual_alias_domains");
    readDomains("virtual_mailbox_domains", facts_.virtualMailbox);
    readDomains("relay_domains", facts_.relay);
    readAliasTables();
    readVirtualTables();
    facts_.milterPlace = settings_.place("smtpd_milters");
    readPostfixMilters(settings_, facts_);
    facts_.hopLimit = {parseUnsigned(settings_.value("hopcount_limit")).value_or(0),
                       settings_.place("hopcount_limit")};
    facts_.keepsOriginalRecipient = settings_.value("enable_original_recipient") != "no";
    facts_.originalRecipientPlace = settings_.place("enable_original_recipient");
    facts_.longQueueIds = settings_.value("enable_long_queue_ids") == "yes";
    facts_.longQueueIdsPlace = settings_.place("enable_long_queue_ids");
}

} // namespace

tl::expected<MtaFacts, ReadFailure> readPostfix(const std::string& directory) {
    FileReader files;
    const auto settings = PostfixSettings::read(directory, files);
    if (!settings)
        return tl::unexpected(settings.error());
    MtaFacts facts;
    facts.mta = Mta::postfix;
    facts.source = directory;
    PostfixReader(*settings, files, facts).read();
    return facts;
}

} // namespace sluice::ctl::audit
