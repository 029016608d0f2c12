// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/bench/load_letter.hh"
#include "test/bench/load_plan.hh"
#include "test/support/milter_client.hh"
#include "test/support/trouble.hh"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

/// What a worker saw in a turn.
struct LoadResult {
    std::vector<std::uint32_t> latencies;         ///< microseconds a message
    std::map<std::string, std::uint64_t> replies; ///< stage and reply that ended a message
    std::optional<std::string> trouble;           ///< why the thread stopped early
    std::optional<mta::Negotiation> negotiated;   ///< in the first session
};

/// One connection after the other, message after message, as an MTA does it. A turn runs in a
/// thread of its own; the first trouble of any worker ends the whole load. The latency of a message
/// is the time from its MAIL to the last answer; for the first one of a connection it begins with
/// connecting.
class LoadWorker {
public:
    /// The first connection carries `fewer` messages less than the others: workers that begin
    /// together shall not all connect again at the same time.
    LoadWorker(const LoadPlan& plan, LoadBudget& budget, std::uint64_t fewer);
    LoadWorker(const LoadWorker&) = delete;
    LoadWorker& operator=(const LoadWorker&) = delete;
    ~LoadWorker() { endSession(); }

    /// Until the budget says that the turn is over. An open connection stays open.
    LoadResult takeTurn();

private:
    /// How a message ended before its time, or with its last answer.
    struct Ending {
        std::string reply;
        bool endsSession = false;
        bool isTrouble = false;
    };
    using Step = tl::expected<void, Ending>;
    using Clock = std::chrono::steady_clock;

    static Step judged(std::string_view stage, const mta::Outcome<mta::Reply>& reply);
    static Step judged(const mta::Outcome<void>& sent);

    /// False when the filter broke off.
    bool deliver(const Letter& letter);
    Step openSession();
    void endSession();
    Ending sendMessage(const Letter& letter);
    Step sendEnvelope(const Letter& letter);
    Step sendRecipients(const Letter& letter);
    Step sendContent(const Letter& letter);
    Ending endMessage(const Letter& letter);
    void record(Clock::time_point start, const Ending& ending);

    const LoadPlan& plan_;
    LoadBudget& budget_;
    const std::string body_;
    std::optional<mta::MilterClient> mta_;
    std::uint64_t sentHere_; ///< messages of the open connection
    LoadResult result_;
};

} // namespace sluice::bench
