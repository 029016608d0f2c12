// SPDX-License-Identifier: BSD-2-Clause
#include "milter/decision_counts.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

struct Case {
    std::string_view rule;
    std::string_view expected;
};

bool tells(const PrometheusMetrics& metrics, const std::string& line) {
    return metrics.text().find(line + '\n') != std::string::npos;
}

} // namespace

TEST_CASE("metrics: of a rule its kind is told, and nothing of the mail") {
    for (const auto& [rule, expected] : std::array<Case, 14>{{
             {"", ""},
             {" ", ""},
             {"dnsbl", "dnsbl"},
             {"dnsbl ", "dnsbl "},
             {"drop", "drop"},
             {"deny-ip 192.0.2.0/24", "deny-ip"},
             {"deny-ip 192.0.2.0/24 note", "deny-ip"},
             {"block-sender *@bad.example in From:", "block-sender"},
             {"dnsbl spam", "dnsbl spam"},
             {"dnsbl spam on-unknown=tempfail", "dnsbl spam"},
             {"loop: the post came back to the list", "loop"},
             {"duplicates: 3 copies", "duplicates"},
             {"list news@test.example null sender", "list"},
             {"max-hops 51", "max-hops"},
         }}) {
        CAPTURE_VALUE(rule);
        CHECK(ruleKind(rule) == expected);
    }
}

TEST_CASE("metrics: a refused expansion is one for the class of the message") {
    for (const auto& [rule, expected] : std::array<Case, 9>{{
             {"", ""},
             {"list", ""},
             {"list news@test.example", ""},
             {"list news@test.example accept-from=authenticated", ""},
             {"bounce address of news@test.example report", ""},
             {"list auto-reply", "auto-reply"},
             {"list my-report", ""},
             {"list news@test.example null sender", "null-sender"},
             {"robot build@test.example auto-reply", "auto-reply"},
         }}) {
        CAPTURE_VALUE(rule);
        CHECK(refusedClass(rule) == expected);
    }
}

TEST_CASE("metrics: what ends a message is counted once") {
    PrometheusMetrics metrics("1", [] { return MetricsSnapshot(); });
    MailRates rates;
    const DecisionCounts counts(rates, &metrics, false);
    const auto refused = SmtpReply::make<550, 5, 7, 1>("No");
    const auto later = SmtpReply::make<451, 4, 7, 1>("Later");
    counts.refused(Stage::connect, "restrict-ip 192.0.2.1", About::rule, nullptr);
    counts.refused(Stage::rcpt, "directory", About::rule, &refused);
    counts.refused(Stage::mail, "drop", About::rule, &later);
    CHECK(tells(metrics, R"(sluice_messages_total{outcome="refused"} 0)"));
    CHECK(tells(metrics, R"(sluice_messages_total{outcome="put_off"} 0)"));
    counts.refused(Stage::mail, "block-sender <>", About::rule, &refused);
    counts.refused(Stage::message, "loop: x", About::loop, &refused);
    counts.refused(Stage::headers, "max-size", About::rule, &later);
    CHECK(tells(metrics, R"(sluice_messages_total{outcome="refused"} 2)"));
    CHECK(tells(metrics, R"(sluice_messages_total{outcome="put_off"} 1)"));
    CHECK(tells(metrics, R"(sluice_loops_total{action="refuse"} 1)"));
    CHECK(tells(metrics,
                R"(sluice_decisions_total{action="put-off",rule="max-size",stage="headers"} 1)"));
    counts.overloaded();
    CHECK(tells(
        metrics,
        R"(sluice_decisions_total{action="put-off",rule="open-connections",stage="connect"} 1)"));
}

TEST_CASE("metrics: what would be done when observing ends no message") {
    PrometheusMetrics metrics("1", [] { return MetricsSnapshot(); });
    MailRates rates;
    const DecisionCounts counts(rates, &metrics, true);
    const auto refused = SmtpReply::make<550, 5, 7, 1>("No");
    counts.refused(Stage::mail, "deny-ip 192.0.2.0/24", About::rule, &refused);
    CHECK(tells(metrics, R"(sluice_messages_total{outcome="refused"} 0)"));
    CHECK(tells(metrics,
                R"(sluice_decisions_total{action="would-refuse",rule="deny-ip",stage="mail"} 1)"));
}

MailRates::Counts countedIn(const MailRates& rates) {
    return rates.within(std::chrono::hours(1), std::chrono::steady_clock::now());
}

TEST_CASE("rates: messages that are taken and refusals, without metrics too") {
    MailRates rates;
    const DecisionCounts counts(rates, nullptr, false);
    const auto later = SmtpReply::make<451, 4, 7, 1>("Later");
    counts.noted(Stage::mail, {Note::Kind::mark, "x"});
    counts.alerted();
    counts.refused(Stage::mail, "drop", About::rule, &later); // of the refusal before
    CHECK(countedIn(rates) == MailRates::Counts{0, 0});
    counts.refused(Stage::connect, "deny-ip 192.0.2.0/24", About::rule, nullptr);
    counts.refused(Stage::message, "loop: x", About::loop, &later);
    CHECK(countedIn(rates) == MailRates::Counts{0, 2});
    counts.overloaded();
    counts.ended(MessageOutcome::putOff);
    CHECK(countedIn(rates) == MailRates::Counts{0, 4});
    for (const MessageOutcome taken : {MessageOutcome::accepted, MessageOutcome::held,
                                       MessageOutcome::discarded, MessageOutcome::badmail})
        counts.ended(taken);
    CHECK(countedIn(rates) == MailRates::Counts{4, 4});
}

TEST_CASE("rates: what would be refused when observing is no refusal") {
    MailRates rates;
    DecisionCounts(rates, nullptr, true).refused(Stage::mail, "deny-ip", About::rule, nullptr);
    CHECK(countedIn(rates) == MailRates::Counts{0, 0});
}
