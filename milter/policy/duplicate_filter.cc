// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/duplicate_filter.hh"

#include <fmt/format.h>

namespace sluice {
namespace {

bool drops(DuplicateMode mode, const CopyAnswer& answer) {
    switch (mode) {
    case DuplicateMode::evidence:
        return answer.before > 0 && answer.lost >= lostAcknowledgements;
    case DuplicateMode::always:
        return answer.before > 0;
    case DuplicateMode::alert:
    case DuplicateMode::off:
        return false;
    }
    return false;
}

std::string reasonOf(const CopyAnswer& answer) {
    return fmt::format(
        "{} equal {} taken before, {} without the sender hearing it; {} nearly equal "
        "{} of {} s",
        answer.before, answer.before == 1 ? "copy was" : "copies were", answer.lost,
        answer.constantIntervals, answer.constantIntervals == 1 ? "interval" : "intervals",
        answer.interval.count());
}

} // namespace

const std::string_view duplicateAdvice =
    "The sender repeats the same message and seems not to see the reply to the end of DATA. The "
    "likely cause is a firewall or a proxy between the two that tampers with SMTP (\"SMTP fixup\", "
    "\"mailguard\", inspection of ESMTP): switch that off, on both sides. If the sender sees the "
    "reply, something behind this filter defers the message: look for a 4xx in the log of the MTA.";

DuplicateDecision judgeCopy(DuplicateMode mode, const CopyAnswer& answer) {
    if (mode == DuplicateMode::off)
        return {};
    DuplicateDecision decision;
    decision.drop = drops(mode, answer);
    decision.alert = answer.constantIntervals == alertAtInterval;
    if (decision.drop || decision.alert)
        decision.reason = reasonOf(answer);
    return decision;
}

} // namespace sluice
