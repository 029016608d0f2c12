// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <string>
#include <string_view>
#include <vector>

/// The lexical rules that the configuration file, its tables and the command line share.
namespace sluice {

/// The line without its comment and without blanks at its ends. A `#` starts a comment at the start
/// of the line or after a blank, and never inside quotes.
std::string_view withoutComment(std::string_view line);

/// The words of a value. Blanks separate; `"` quotes (also a part of a word: reply="two words"),
/// and inside quotes `\"` and `\\` stand for themselves. Error: a quote that is not closed.
Result<std::vector<std::string>> splitWords(std::string_view text);

/// The same words as they are written, quotes included: for values in which a quote has a meaning
/// of its own (`"Ted Bremer"@example.org`). The views are into `text`.
Result<std::vector<std::string_view>> splitRawWords(std::string_view text);

/// What splitWords() makes of one raw word.
std::string unquoteWord(std::string_view rawWord);

/// A raw word that is quoted from its first octet to its last ("a b", not "a b"@c) without its
/// quotes; any other as it is written: for values in which a quote has a meaning of its own.
std::string unquoteWhole(std::string_view rawWord);

/// The parts of a raw word between separators that stand outside quotes, empty parts included.
std::vector<std::string_view> splitOutsideQuotes(std::string_view rawWord, char separator);

/// A word that splitWords() reads back as `text`: quoted only where that is needed.
std::string quoteWord(std::string_view text);

} // namespace sluice
