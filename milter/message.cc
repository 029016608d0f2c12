// SPDX-License-Identifier: BSD-2-Clause
#include "milter/message.hh"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// Lists of this size are kept between messages; larger ones are given back.
constexpr std::size_t keptListCapacity = 64;
constexpr std::size_t keptBodyCapacity = 8UL * 1024;

/// Notes that ask for something at end of message; the others are for the log alone.
bool isKept(const Note& note) {
    return (note.kind == Note::Kind::mark && !note.headerName.empty()) ||
           note.kind == Note::Kind::badmail || note.kind == Note::Kind::hold;
}

} // namespace

void Message::clear() {
    std::vector<Recipient> recipients = std::move(envelope.recipients);
    envelope = Envelope();
    recipients.clear();
    if (recipients.capacity() <= keptListCapacity)
        envelope.recipients = std::move(recipients);
    headers.clear();
    if (bodyOctets != 0)
        bodyDigest.begin();
    bodyOctets = 0;
    bodyPrefix.clear();
    if (bodyPrefix.capacity() > keptBodyCapacity)
        bodyPrefix.shrink_to_fit();
    notes.clear();
    verdict.reset();
    badmail.reset();
    failed = false;
}

const Note* Message::firstNote(Note::Kind kind) const {
    const auto found = std::find_if(notes.begin(), notes.end(),
                                    [&](const Note& note) { return note.kind == kind; });
    return found == notes.end() ? nullptr : &*found;
}

void Message::keep(std::vector<Note> found) {
    for (Note& note : found) {
        const bool known = std::any_of(notes.begin(), notes.end(), [&](const Note& other) {
            return other.kind == note.kind && other.headerName == note.headerName &&
                   other.headerValue == note.headerValue;
        });
        if (!known && isKept(note))
            notes.push_back(std::move(note));
    }
}

} // namespace sluice
