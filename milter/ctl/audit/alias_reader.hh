// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/aliases_text.hh"
#include "milter/ctl/audit/config_text.hh"
#include "milter/ctl/audit/mta_facts.hh"

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::ctl::audit {

constexpr std::size_t deepestInclude = 16;
constexpr std::size_t mostMembers = 500'000;

/// Reads alias files with the files that they include into the facts. What cannot be read, or is
/// no alias, becomes a remark. One thread.
class AliasReader {
public:
    AliasReader(FileReader& files, MtaFacts& facts) : files_(files), facts_(facts) {}

    /// A file in the form of aliases(5).
    void readAliases(const std::string& path);
    /// A file in the form of virtual(5); `source`: what its entries are.
    void readTable(const std::string& path, Alias::Source source);

    /// The source of a table was changed after the data base that the MTA looks into, or that is
    /// not there. `command` makes it anew.
    void checkDatabase(const std::string& path, const std::string& suffix,
                       const std::string& command);

private:
    using Path = std::vector<std::string>;

    void take(const AliasesText& text, const std::string& path, Alias::Source source);
    void addMembers(const std::vector<WrittenMember>& written, Alias& alias, Path& inside);
    void addMember(const WrittenMember& member, Alias& alias);
    void addInclude(const std::string& path, Alias& alias, Path& inside);
    const IncludeText& includeOf(const std::string& path, const Alias& alias);
    void remark(Severity severity, std::string_view code, Place place, std::string what,
                std::string why);

    FileReader& files_;
    MtaFacts& facts_;
    std::unordered_map<std::string, IncludeText> includes_; ///< by path
    std::size_t members_ = 0;
    bool full_ = false;
};

} // namespace sluice::ctl::audit
