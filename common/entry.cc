// SPDX-License-Identifier: BSD-2-Clause
#include "common/entry.hh"

#include "common/text.hh"
#include "common/words.hh"

#include <cstddef>

namespace sluice {

namespace {

constexpr std::string_view expiresName = "expires=";
constexpr std::string_view noteName = "note=";

Result<void> readExpires(std::string_view text, EntryAttributes& attributes) {
    if (attributes.expires)
        return fail("expires= is given twice");
    const auto day = parseCivilDay(text);
    if (!day)
        return fail("expires=: " + day.error().message);
    attributes.expires = *day;
    return {};
}

Result<void> readAttribute(std::string_view rawWord, EntryAttributes& attributes, bool& hasNote) {
    const std::string word = unquoteWord(rawWord);
    if (rawWord.starts_with(expiresName))
        return readExpires(std::string_view(word).substr(expiresName.size()), attributes);
    if (!rawWord.starts_with(noteName))
        return fail(quoteForDisplay(rawWord) + " is neither expires= nor note=");
    if (hasNote)
        return fail("note= is given twice");
    hasNote = true;
    attributes.note = word.substr(noteName.size());
    return {};
}

} // namespace

Result<Entry> parseEntry(std::string_view text) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty() || words->front().starts_with(expiresName) ||
        words->front().starts_with(noteName))
        return fail("an entry has no value: " + quoteForDisplay(text));

    Entry entry;
    entry.value = unquoteWhole(words->front());
    if (entry.value.empty())
        return fail("an entry has an empty value: " + quoteForDisplay(text));
    bool hasNote = false;
    for (std::size_t at = 1; at < words->size(); ++at)
        if (const auto done = readAttribute((*words)[at], entry.attributes, hasNote); !done)
            return tl::unexpected(done.error());
    return entry;
}

} // namespace sluice
