// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"
#include "milter/ctl/report_traffic.hh"
#include "milter/ctl/top_table.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What a report tells besides the traffic. All texts are as the log has them, unfit to be shown.
namespace sluice::ctl {

/// When something was seen first and last.
struct Span {
    std::chrono::system_clock::time_point first = std::chrono::system_clock::time_point::max();
    std::chrono::system_clock::time_point last = std::chrono::system_clock::time_point::min();

    void include(std::chrono::system_clock::time_point time) {
        first = std::min(first, time);
        last = std::max(last, time);
    }
};

/// Mail between two addresses that was found in a loop.
struct LoopPair {
    std::string from;    ///< return path; empty is the null one
    std::string to;      ///< the first recipient
    bool others = false; ///< there are more recipients
    std::string reason;  ///< of the last one
    Span span;
    std::map<std::string, std::uint64_t> actions; ///< what was done, how often
};

/// Copies of one message.
struct Copies {
    std::string messageId;
    std::string client;
    std::string from;
    Span span;
    std::vector<std::chrono::system_clock::time_point> times; ///< of the first ones
    std::uint64_t dropped = 0; ///< the others were only told to the operator

    /// The time between two copies when it is nearly always the same.
    [[nodiscard]] std::optional<std::chrono::seconds> interval() const;
};

struct RuleUse {
    std::string rule;
    TrackingEvent event = TrackingEvent::refuse;
    std::uint64_t observed = 0; ///< of them in mode observe: nothing was done
    Span span;
};

/// Mail to a list or a robot that it was not given.
struct RefusedExpansion {
    std::string address;
    std::string why;
    std::string action;
    Span span;
};

struct FailingMember {
    std::string list;
    std::string member;
    Span span;
};

/// A client or a sender whose mail was refused.
struct RefusedParty {
    std::string name;
    std::string lastRule;
    Span span;
};

/// The tables of the reported days. One thread.
class ReportTotals {
public:
    ReportTotals();

    void add(const TrackingRecord& record);

    /// Octets of accepted messages.
    [[nodiscard]] std::uint64_t octets() const { return octets_; }
    /// What mode observe let pass.
    [[nodiscard]] std::uint64_t observed() const { return observed_; }
    [[nodiscard]] const std::optional<Span>& span() const { return span_; }

    static constexpr std::size_t mostKeys = 8192;
    TopTable<char> nodes{256};
    TopTable<LoopPair> loops{mostKeys};
    TopTable<Copies> copies{mostKeys};
    TopTable<RuleUse> rules{mostKeys};
    TopTable<ZoneCounts> zones{256};
    TopTable<RefusedExpansion> expansions{mostKeys};
    TopTable<FailingMember> members{mostKeys};
    TopTable<RefusedParty> clients{mostKeys};
    TopTable<RefusedParty> senders{mostKeys};

private:
    void addLoop(const TrackingRecord& record);
    void addCopy(const TrackingRecord& record);
    void addRule(const TrackingRecord& record);
    void addExpansion(const TrackingRecord& record);
    void addRefused(const TrackingRecord& record);
    void addBounces(const TrackingRecord& record);
    void addZones(const TrackingRecord& record);

    std::uint64_t octets_ = 0;
    std::uint64_t observed_ = 0;
    std::optional<Span> span_;
};

/// A rule without what changes from message to message: "loop", "duplicates", "max-hops".
std::string ruleName(const std::string& rule);

} // namespace sluice::ctl
