// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/smtp_reply.hh"
#include "milter/adapters/metrics_prometheus.hh"
#include "milter/decision_log.hh"
#include "milter/mail_rates.hh"
#include "milter/policy/verdict.hh"

#include <string_view>

namespace sluice {

/// What a rule is for the metrics: its kind, "deny-ip" of "deny-ip 192.0.2.0/24", and of a DNSBL
/// its name. Nothing of mail is in it.
std::string_view ruleKind(std::string_view rule);

/// The class of a message that a list or a robot was not given for `rule`: "null-sender",
/// "auto-reply", … Empty: the rule is about something else.
std::string_view refusedClass(std::string_view rule);

/// Counts what a session decides, for the metrics if there are any.
class DecisionCounts {
public:
    DecisionCounts(MailRates& rates, PrometheusMetrics* metrics, bool observing)
        : rates_(rates), metrics_(metrics), observing_(observing) {}

    /// `reply`: null for a connection.
    void refused(Stage stage, std::string_view rule, About about, const SmtpReply* reply) const;
    /// A connection is put off because too many are open.
    void overloaded() const;
    void noted(Stage stage, const Note& note) const;
    /// The message is taken, or put off for a trouble of ours.
    void ended(MessageOutcome outcome) const;
    /// Equal copies come in, and are not dropped for it.
    void alerted() const;

private:
    void measured(MessageOutcome outcome) const;
    void decided(Stage stage, std::string_view action, std::string_view rule, About about) const;

    MailRates& rates_;
    PrometheusMetrics* metrics_;
    bool observing_;
};

} // namespace sluice
