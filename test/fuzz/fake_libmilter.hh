// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/edits.hh"

#include <libmilter/mfapi.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

/// The calls of libmilter, in the order of a session.
enum class Call {
    negotiate,
    connect,
    helo,
    mail,
    rcpt,
    data,
    header,
    eoh,
    body,
    eom,
    abort,
    close
};

/// The texts of smfi_setreply().
struct FakeReply {
    std::string code;
    std::string enhanced;
    std::string text;
};

} // namespace sluice::fuzz

/// A connection of the MTA, as libmilter holds it for the filter: the functions smfi_* of this
/// target work on it, and stop the process when one is called as it must not be.
struct smfi_str { // NOLINT: the name is libmilter's
    using Call = sluice::fuzz::Call;

    // what the MTA offers and sends
    unsigned long offeredActions = 0x1ff;
    unsigned long offeredSteps = 0x1fffff;
    std::map<std::string, std::string, std::less<>> macros;

    // what was agreed on
    bool negotiated = false;
    unsigned long actions = 0;
    unsigned long steps = 0;

    void* session = nullptr; ///< smfi_setpriv()
    bool observing = false;  ///< the session was begun in mode observe
    Call call = Call::close; ///< under way, or the last one
    std::optional<sluice::fuzz::FakeReply> reply;
    std::size_t editUntilFailure = 0; ///< the MTA does not get that edit; 0: it gets all
    bool editFailed = false;
    bool memoryFailed = false; ///< while the message was handed over

    // the message
    std::vector<std::string> headers;    ///< names
    std::vector<std::string> recipients; ///< that the filter took

    /// Before a call, and behind it with what it returned.
    void begin(Call next);
    void end(sfsistat status);
    void forgetMessage();
    /// False: the edit has not reached the MTA.
    bool takeEdit(unsigned long action);
    /// The filter may leave this call without an answer, and does so.
    [[nodiscard]] bool isSilent() const { return (steps & silentStep()) != 0; }

private:
    [[nodiscard]] unsigned long silentStep() const;
    [[nodiscard]] bool mayReturn(sfsistat status) const;
    void requireFittingReply(sfsistat status) const;
};
