// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/running_digest.hh"
#include "milter/adapters/badmail_maildir.hh"
#include "milter/policy/facts.hh"
#include "milter/policy/verdict.hh"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// The part of a message that the filter keeps: begins at MAIL, ends with the message.
struct Message {
    Envelope envelope;
    HeaderList headers;
    std::uint64_t bodyOctets = 0;
    std::string bodyPrefix; ///< at most maxScannedBody octets
    RunningDigest bodyDigest;
    std::vector<Note> notes;        ///< what must be done at end of message
    std::optional<Verdict> verdict; ///< decided where no reply was possible
    std::unique_ptr<BadmailMessage> badmail;
    bool failed = false; ///< a callback could not do its work

    void clear();
    /// Keeps those notes that ask for something at end of message, each once.
    void keep(std::vector<Note> found);
    [[nodiscard]] const Note* firstNote(Note::Kind kind) const;
};

} // namespace sluice
