// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/badmail_archive.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

/// Stands on top of a released message, with the id that it had in the store.
constexpr std::string_view releasedHeader = "X-Sluice-Released";

/// Where released mail goes.
struct ReleaseTarget {
    std::string relay;           ///< `HOST:PORT`
    std::vector<std::string> to; ///< in place of the recipients in the sidecar, unless empty
};

struct ReleaseOutcome {
    enum class Kind : std::uint8_t {
        released,
        notFound, ///< no such message
        unusable, ///< its envelope is not known
        refused,  ///< for good, by the mail server or by a filter that has stored it again
        deferred, ///< the mail server cannot be reached, or puts it off
        remains,  ///< released, but it cannot be deleted from the store
    };
    Kind kind = Kind::released;
    std::string reason; ///< empty when released; fit for a terminal
    std::vector<std::string> recipients;
};

/// Gives the message to a mail server in one transaction, and deletes it from the store once that
/// has taken it for all recipients. Whatever else happens, it is kept.
ReleaseOutcome releaseBadmail(const BadmailArchive& archive, const std::string& id,
                              const ReleaseTarget& target);

/// The message as it may go over SMTP: each CR, LF or CRLF is one line end (RFC 5321 section
/// 2.3.8), so that no server sees the end of the message where another does not.
std::string withLineEnds(std::string_view message);

} // namespace sluice::ctl
