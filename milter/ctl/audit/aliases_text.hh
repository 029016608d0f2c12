// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The text of alias files: aliases(5), its :include: files, and virtual(5). Pure.
namespace sluice::ctl::audit {

/// One of those that an alias stands for, as it is written.
struct WrittenMember {
    enum class Kind : std::uint8_t {
        address, ///< `anna`, `anna@example.org`, `Anna <anna@example.org>`
        include, ///< `:include:/path`
        program, ///< `|command`
        file,    ///< `/path`
    };
    Kind kind;
    std::string text;   ///< address, path or command, without quotes that belong to the file
    bool final = false; ///< `\anna`: delivered here, whatever the aliases say of that name
};

struct WrittenAlias {
    std::string name; ///< without its quotes
    std::vector<WrittenMember> members;
    std::size_t line = 0;
};

struct TextProblem {
    std::size_t line = 0;
    std::string what; ///< fit for a terminal
};

struct AliasesText {
    std::vector<WrittenAlias> aliases;
    std::vector<TextProblem> problems;
};

/// `NAME: MEMBER, MEMBER …`. A line that is none goes to the problems, and the others count.
AliasesText parseAliases(std::string_view text);

/// `PATTERN MEMBER, MEMBER …`; a colon behind the pattern is dropped, as for texthash aliases.
AliasesText parseVirtual(std::string_view text);

/// Error: a quote, a comment or a bracket is not closed, or a control character.
Result<std::vector<WrittenMember>> parseMembers(std::string_view text);

/// The lines of an :include: file, each with one member or several.
struct IncludeText {
    std::vector<WrittenMember> members;
    std::vector<TextProblem> problems;
};
IncludeText parseInclude(std::string_view text);

} // namespace sluice::ctl::audit
