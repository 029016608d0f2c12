// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What stays the same in the messages that a program makes of one pattern. Threads: any.
namespace sluice {

/// The most octets of a template.
constexpr std::size_t maxTemplateOctets = 4096;
/// The most octets of a text that are looked at: behind a long quotation there is nothing new.
constexpr std::size_t maxTemplateInput = 4 * maxTemplateOctets;

/// The first maxTemplateOctets of a text as its author wrote it, in a form in which two messages of
/// one pattern are equal: without quoted lines (`>` or `|`), the line that introduces them and what
/// stands behind a line like "----- Original Message -----"; ASCII in lower case, each run of
/// blanks one blank, words that have a digit or are hexadecimal one `#`. `text` is decoded already;
/// see firstText().
std::string messageTemplate(std::string_view text);

/// The subject of the matter, from the value of a Subject field: without `Re:`, `AW:`, `Out of
/// office:` and whatever else stands before a colon in front, without `[…]`, with the masks of
/// messageTemplate(). At most 250 octets.
std::string normalisedSubject(std::string_view headerValue);

} // namespace sluice
