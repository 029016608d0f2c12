// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/ip_network.hh"
#include "milter/adapters/smtp_answer.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// One step of a conversation with a mail server, and how it ended.
struct SmtpStep {
    enum class End : std::uint8_t {
        notTried, ///< an earlier step ended otherwise than it should
        done,     ///< connected, or `answer` is whole
        timedOut,
        closed, ///< the server ended the connection
        failed, ///< `error` says why
        noSmtp, ///< the last line of `answer` is no SMTP
        tooLong,
    };

    End end = End::notTried;
    int error = 0;                     ///< of errno, where it failed
    bool begun = false;                ///< a part of the answer came
    SmtpAnswer answer;                 ///< its whole lines; of connect none
    std::chrono::microseconds took{0}; ///< since the end of the step before
};

/// What a server said from the handshake on, up to the first step that went wrong. HELO is tried
/// only where EHLO is refused.
struct SmtpProbe {
    SmtpStep connect;
    SmtpStep banner;
    SmtpStep ehlo;
    SmtpStep helo;
};

struct SmtpProbeSettings {
    std::string helo; ///< the name by which we greet: no control characters
    std::uint16_t port = 25;
    std::chrono::milliseconds timeout{15'000}; ///< of each step
    int interrupt = -1;                        ///< a descriptor: ends at once when it is readable
};

/// The most servers that are probed at a time.
constexpr std::size_t mostProbesAtOnce = 256;

/// Greets each server and takes leave (RFC 5321 section 3.1), in the order of the addresses; no
/// mail is sent. mostProbesAtOnce run together, each for three times the timeout at most.
/// Blocks until all have ended. Threads: any.
std::vector<SmtpProbe> probeSmtp(const std::vector<IpAddress>& addresses,
                                 const SmtpProbeSettings& settings);

} // namespace sluice
