// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"
#include "milter/decision_counts.hh"
#include "milter/decision_log.hh"
#include "milter/message.hh"
#include "milter/mta_context.hh"
#include "milter/runtime.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Where in a session something happens.
struct Scene {
    const MtaContext& mta;
    const Client& client;
    const Message& message;
    Stage stage;
};

struct Refusal {
    std::string_view rule;
    const SmtpReply* reply = nullptr; ///< null: of a connection, which has no reply of ours
    std::string_view recipient = {};  ///< as RCPT gave it; empty: it is about all of the message
    About about = About::rule;
};

/// Tells the log, the tracking log and the metrics what a session decides. One for each session,
/// used like it by one thread at a time.
class Journal {
public:
    /// `metrics`: null where there are none.
    Journal(const Runtime& runtime, std::uint64_t session, MailRates& rates,
            PrometheusMetrics* metrics)
        : runtime_(runtime), session_(session), counts_(rates, metrics, runtime.config.observe) {}

    /// A connection, a command or the message is refused; in mode observe, it would be.
    void refused(const Scene& scene, const Refusal& refusal);
    /// The connection is put off: `open` others are.
    void overloaded(std::size_t open) const;
    /// A rule said something without ending the evaluation.
    void noted(const Scene& scene, const Note& note, std::string_view recipient);

    /// The message is taken and goes on, or `discarded` says that nobody gets it.
    void taken(const Scene& scene, bool discarded);
    /// It is taken, and lies in the badmail directory as `file`.
    void stored(const Scene& scene, const Note& note, const std::string& file);
    /// The rules are done with the message but it could not be handled: it is put off with `reply`.
    void failed(const Scene& scene, std::string_view what, const SmtpReply& reply);
    /// It should lie there, and cannot: it is put off.
    void notStored(const Scene& scene, const std::string& trouble, const SmtpReply& reply);
    /// A report says that `member` of `list` could not be reached.
    void bounced(const Scene& scene, const MailAddress& list, const MailAddress& member);

    /// Equal copies come in; they are not dropped for it.
    void alerted(const Scene& scene, std::string_view alert);

    /// What is known of the message by its headers, where somebody wants to know.
    void describe(const HeaderList& headers);
    /// A name that lasts.
    void classify(std::string_view messageClass) { messageClass_ = messageClass; }
    /// The next message begins.
    void forget();

private:
    [[nodiscard]] DecisionLine line(const Scene& scene, std::string_view rule,
                                    std::string_view action) const;
    [[nodiscard]] TrackingRecord record(const Scene& scene, TrackingEvent event) const;
    [[nodiscard]] TrackingRecord recordOf(const Scene& scene, const Note& note,
                                          std::string_view recipient) const;
    void track(TrackingRecord record) const;
    void receive(const Scene& scene) const;
    void putOff(const Scene& scene, std::string_view what, const SmtpReply& reply) const;

    const Runtime& runtime_;
    const std::uint64_t session_;
    const DecisionCounts counts_;
    /// Of the message's end, told when it is taken.
    std::vector<TrackingRecord> waiting_;
    std::string messageId_;
    std::string_view messageClass_;
    std::string sender_;
    std::string subject_;
};

} // namespace sluice
