// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Postfix and Sendmail write into the system's log about a message.
namespace sluice::ctl {

/// One line of a mail server about one message; empty where the line does not say it.
struct MtaLine {
    std::chrono::system_clock::time_point time;
    std::string queueId;
    std::string from;       ///< the return path, with brackets
    std::string to;         ///< whom it was sent to, without brackets
    std::string originalTo; ///< whom that was before an alias
    std::string relay;
    std::string status; ///< "sent (250 2.0.0 Ok)"
    std::string child;  ///< queue id of the message that this one became, or that reports on it
};

/// Nothing when the line is about no message of a mail server. `year`: of syslog's dates, which
/// have none.
std::optional<MtaLine> parseMtaLine(std::string_view line, int year);

} // namespace sluice::ctl
