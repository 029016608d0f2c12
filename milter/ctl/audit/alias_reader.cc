// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/alias_reader.hh"

#include "common/text.hh"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::ctl::audit {
namespace {

using Kind = WrittenMember::Kind;

/// Names in aliases(5) have no domain; those of tables may be `user@domain`, `@domain`, `user` or
/// `domain`, of which the last is no address.
bool isAddressName(const std::string& name, Alias::Source source) {
    return source == Alias::Source::local || name.find('@') != std::string::npos ||
           name.find('.') == std::string::npos;
}

MailAddress nameOf(const std::string& name, Alias::Source source) {
    if (source == Alias::Source::local)
        return {toLowerAscii(name), ""};
    if (name.starts_with('@'))
        return {"", MailAddress::fromPath("x" + name).domain()};
    return MailAddress::fromPath(name);
}

} // namespace

void AliasReader::remark(Severity severity, std::string_view code, Place place, std::string what,
                         std::string why) {
    facts_.remarks.push_back(
        {severity, code, std::move(place), std::move(what), std::move(why), {}, {}, {}});
}

void AliasReader::readAliases(const std::string& path) {
    const auto text = files_.read(path);
    if (text) {
        take(parseAliases(*text), path, Alias::Source::local);
        return;
    }
    facts_.aliasesComplete = false;
    remark(Severity::medium, "file-unreadable", {path, 0}, path + " " + text.error().message,
           "the aliases in it are not reviewed, and the mail server may not find them either");
}

void AliasReader::readTable(const std::string& path, Alias::Source source) {
    const auto text = files_.read(path);
    if (text) {
        take(parseVirtual(*text), path, source);
        return;
    }
    facts_.aliasesComplete = false;
    remark(Severity::medium, "file-unreadable", {path, 0}, path + " " + text.error().message,
           "the aliases in it are not reviewed, and the mail server may not find them either");
}

void AliasReader::take(const AliasesText& text, const std::string& path, Alias::Source source) {
    for (const TextProblem& problem : text.problems)
        remark(Severity::low, "alias-syntax", {path, problem.line}, problem.what,
               "the mail server skips the line, or takes it for something else");
    for (const WrittenAlias& written : text.aliases) {
        if (!isAddressName(written.name, source))
            continue;
        Alias alias;
        alias.source = source;
        alias.name = nameOf(written.name, source);
        alias.place = {path, written.line};
        Path inside;
        addMembers(written.members, alias, inside);
        facts_.aliases.push_back(std::move(alias));
    }
}

void AliasReader::addMembers(const std::vector<WrittenMember>& written, Alias& alias,
                             Path& inside) {
    for (const WrittenMember& member : written) {
        if (full_)
            return;
        if (member.kind == Kind::include) {
            addInclude(member.text, alias, inside);
        } else if (member.kind == Kind::address) {
            addMember(member, alias);
        } else {
            alias.programs = true;
        }
    }
}

void AliasReader::addMember(const WrittenMember& member, Alias& alias) {
    alias.members.push_back({MailAddress::fromPath(member.text), member.final});
    if (++members_ < mostMembers)
        return;
    full_ = true;
    facts_.aliasesComplete = false;
    remark(Severity::info, "limit-reached", alias.place,
           fmt::format("the aliases have more than {} members", mostMembers),
           "the rest of them is not reviewed");
}

void AliasReader::addInclude(const std::string& path, Alias& alias, Path& inside) {
    alias.includes = true;
    if (std::find(inside.begin(), inside.end(), path) != inside.end()) {
        remark(Severity::medium, "include-loop", {inside.back(), 0},
               fmt::format("{} includes {}, by which it is included", inside.back(), path),
               "who expands the list goes round in a circle, and defers its mail");
        return;
    }
    if (inside.size() >= deepestInclude) {
        remark(Severity::low, "include-depth", {inside.back(), 0},
               fmt::format("files include each other more than {} deep", deepestInclude),
               "the members behind that are not reviewed");
        return;
    }
    const IncludeText& text = includeOf(path, alias);
    inside.push_back(path);
    addMembers(text.members, alias, inside);
    inside.pop_back();
}

const IncludeText& AliasReader::includeOf(const std::string& path, const Alias& alias) {
    if (const auto found = includes_.find(path); found != includes_.end())
        return found->second;
    IncludeText& kept = includes_[path];
    const auto text = files_.read(path);
    if (!text) {
        facts_.aliasesComplete = false;
        remark(Severity::medium, "file-unreadable", alias.place, path + " " + text.error().message,
               "the members in it are not reviewed, and mail to the list is deferred if the mail "
               "server cannot read it either");
        return kept;
    }
    kept = parseInclude(*text);
    for (const TextProblem& problem : kept.problems)
        remark(Severity::low, "alias-syntax", {path, problem.line}, problem.what,
               "the mail server skips the line, or takes it for something else");
    return kept;
}

void AliasReader::checkDatabase(const std::string& path, const std::string& suffix,
                                const std::string& command) {
    struct stat source {};
    struct stat made {};
    if (::stat(path.c_str(), &source) != 0)
        return;
    const bool there = ::stat((path + suffix).c_str(), &made) == 0;
    if (there && std::tie(made.st_mtim.tv_sec, made.st_mtim.tv_nsec) >=
                     std::tie(source.st_mtim.tv_sec, source.st_mtim.tv_nsec))
        return;
    remark(Severity::medium, "database-stale", {path, 0},
           fmt::format("{}{} is {}", path, suffix,
                       there ? "older than the text it is made from" : "not there"),
           "the mail server works with other aliases than those reviewed here");
    facts_.remarks.back().mend = {command};
}

} // namespace sluice::ctl::audit
