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

} // namespace

bool applyEdits(const MtaContext& mta, const Edits& edits, bool leadingSpace) {
    const std::string blank = leadingSpace ? " " : "";
    const auto insert = [&](const HeaderLine& line) {
        return mta.insertHeaderOnTop(line.name, blank + line.value);
    };
    const auto append = [&](const HeaderLine& line) {
        return mta.addHeader(line.name, blank + line.value);
    };
    const auto add = [&](const EnvelopeAddress& recipient) { return mta.addRecipient(recipient); };
    const auto remove = [&](const std::string& path) { return mta.removeRecipient(path); };
    return all(edits.onTop, insert) && all(edits.append, append) &&
           (!edits.sender || mta.changeSender(*edits.sender)) &&
           all(edits.removeRecipients, remove) && all(edits.addRecipients, add) &&
           (edits.quarantine.empty() || mta.quarantine(escapeForDisplay(edits.quarantine)));
}

} // namespace sluice
