// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/smtp_delivery.hh"
#include "test/support/capture_value.hh"
#include "test/support/smtp_stub.hh"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

using Kind = SmtpOutcome::Kind;
using test::SmtpStub;

SmtpOutcome deliver(const SmtpLetter& letter) {
    initialiseSmtp();
    const std::atomic<bool> stopping{false};
    return tryDelivery(letter, SmtpPatience{}, stopping);
}

SmtpLetter letterFor(const SmtpStub& server) {
    return {server.address(),
            "host.example",
            {"a@example.org", "\"b c\"@example.org"},
            "Subject: x\r\n\r\n.\r\n\xe4\r\n",
            "from@example.com"};
}

TEST_CASE("smtp delivery: one transaction for all recipients, with the sender") {
    SmtpStub server;
    const auto outcome = deliver(letterFor(server));
    CHECK(outcome.kind == Kind::delivered);
    const auto mails = server.mails();
    REQUIRE(mails.size() == 1);
    CHECK(mails[0].helo == "host.example");
    CHECK(mails[0].from.starts_with("FROM:<from@example.com>"));
    CHECK(mails[0].recipients ==
          std::vector<std::string>{"TO:<a@example.org>", "TO:<\"b c\"@example.org>"});
    CHECK(mails[0].data == "Subject: x\r\n\r\n.\r\n\xe4\r\n");
}

TEST_CASE("smtp delivery: a recipient that is not taken keeps the message from all") {
    for (const auto& [reply, kind] : {std::pair{"550 5.1.1 unknown", Kind::refused},
                                      std::pair{"452 4.5.3 later", Kind::deferred}}) {
        CAPTURE_VALUE(reply);
        unsigned asked = 0;
        SmtpStub server([&, text = reply](std::string_view verb,
                                          unsigned /*unused*/) -> std::optional<std::string> {
            if (verb == "RCPT" && ++asked == 2)
                return text;
            return std::nullopt;
        });
        const auto outcome = deliver(letterFor(server));
        CHECK(outcome.kind == kind);
        CHECK(outcome.reason.find(reply) != std::string::npos);
        CHECK(server.mails().empty());
    }
}

} // namespace
} // namespace sluice
