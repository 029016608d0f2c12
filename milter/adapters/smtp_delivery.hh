// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

namespace sluice {

/// A message on its way. Addresses are those of RFC 5321, without `<>` and control characters.
struct SmtpLetter {
    std::string relay;                   ///< `HOST:PORT`, `[IPv6]:PORT`
    std::string helo;                    ///< our name: letters, digits, dots and hyphens
    std::vector<std::string> recipients; ///< at least one
    std::string message;                 ///< RFC 5322, lines end in CRLF
    std::string sender = {};             ///< empty: the null sender
};

/// The longest waits.
struct SmtpPatience {
    std::chrono::milliseconds connect = std::chrono::seconds(10); ///< until EHLO is answered
    std::chrono::milliseconds total = std::chrono::seconds(30);
};

/// What became of one try.
struct SmtpOutcome {
    enum class Kind : unsigned char {
        delivered,
        refused,  ///< for good (5xx): another try would end alike
        deferred, ///< anything else
        stopped,  ///< because `stopping` was set
    };
    Kind kind;
    std::string reason; ///< for a log line, escaped; empty where delivered
};

/// Must have returned before the first tryDelivery(); more calls do no harm.
void initialiseSmtp();

/// Delivers without TLS and authentication (RFC 5321), to all recipients or, when the server does
/// not take one of them, to none. Ends within 1.5 s after `stopping` is set,
/// even while a server or a name server is silent. Throws std::bad_alloc. Any thread.
SmtpOutcome tryDelivery(const SmtpLetter& letter, const SmtpPatience& patience,
                        const std::atomic<bool>& stopping);

} // namespace sluice
