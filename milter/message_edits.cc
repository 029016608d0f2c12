// SPDX-License-Identifier: BSD-2-Clause
#include "milter/message_edits.hh"

#include "common/text.hh"

#include <algorithm>

namespace sluice {
namespace {

template<typename Range, typename Apply>
bool all(const Range& range, Apply apply) {
    return std::all_of(range.begin(), range.end(), apply);
}

/// The value as smfi_chgheader() wants it: its lines end in LF alone.
std::string withLineFeeds(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (std::size_t at = 0; at < value.size(); ++at)
        if (value[at] != '\r' || value.substr(at, 2) != "\r\n")
            text += value[at];
    return text;
}

} // namespace

bool applyEdits(const MtaContext& mta, const Edits& edits, bool leadingSpace) {
    const std::string blank = leadingSpace ? " " : "";
    const auto insert = [&](const HeaderLine& line) {
        return mta.insertHeaderOnTop(line.name, blank + line.value);
    };
    const auto append = [&](const HeaderLine& line) {
        return mta.addHeader(line.name, blank + line.value);
    };
    const auto change = [&](const HeaderChange& field) {
        std::string_view value = field.value;
        if (!leadingSpace && value.starts_with(' '))
            value.remove_prefix(1);
        return mta.changeHeader(field.name, field.index, withLineFeeds(value));
    };
    const auto add = [&](const EnvelopeAddress& recipient) { return mta.addRecipient(recipient); };
    const auto remove = [&](const std::string& path) { return mta.removeRecipient(path); };
    return all(edits.onTop, insert) && all(edits.append, append) &&
           all(edits.changeHeaders, change) && (!edits.sender || mta.changeSender(*edits.sender)) &&
           all(edits.removeRecipients, remove) && all(edits.addRecipients, add) &&
           (edits.quarantine.empty() || mta.quarantine(escapeForDisplay(edits.quarantine)));
}

} // namespace sluice
