// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/loop_detector.hh"
#include "test/support/map_store.hh"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// A site whose mail goes through the loop detector, for its tests.
namespace sluice::test {

using namespace std::chrono_literals;
using Steps = std::vector<LoopStep>;

inline constexpr auto pass = LoopStep::pass;
inline constexpr auto mark = LoopStep::mark;
inline constexpr auto markNull = LoopStep::markAndNullSender;
inline constexpr auto loop = LoopStep::loop;

struct Mail {
    std::string from = "a@example.org";
    std::string to = "b@example.com";
    std::string subject = " Printer";
    std::string id = {};
    std::string references = {};
    std::string text = {};
    bool automatic = false;
    bool reaction = false;
    std::string sender = {}; ///< of the envelope; `from` when empty, "<>" for null
    bool toList = false;
};

/// A site with its clock.
class Site {
public:
    explicit Site(LoopSettings settings = {})
        : detector_(settings, KeyHasher(sha256("a secret"))) {}

    LoopOutcome outcomeOf(const Mail& mail) {
        LoopMessage message;
        message.client = IpAddress::v4(0xC0000201);
        message.author = MailAddress::fromPath(mail.from);
        message.sender = MailAddress::fromPath(mail.sender.empty() ? mail.from : mail.sender);
        message.recipients = {MailAddress::fromPath(mail.to)};
        message.messageId = mail.id;
        message.references = mail.references;
        message.subject = mail.subject;
        if (mail.toList)
            message.lists = message.recipients;
        message.automatic = mail.automatic || mail.reaction;
        message.reaction = mail.reaction;
        message.text = mail.text;
        message.bodyDigest = sha256(mail.text);
        message.bodyOctets = mail.text.size();
        return detector_.examine(store, message, now);
    }
    LoopStep send(const Mail& mail) { return outcomeOf(mail).step; }
    void wait(std::chrono::seconds time) { now += time; }

    MapStore store;
    SteadyTime now{1000h};

private:
    LoopDetector detector_;
};

/// How one side of a conversation writes.
struct Party {
    std::string address;
    std::string text; ///< `%` becomes the number of the message
    bool refers = true;
    bool reaction = false;
    std::string sender = {};
};

inline std::string numbered(std::string text, int number) {
    if (const auto at = text.find('%'); at != std::string::npos)
        text.replace(at, 1, std::to_string(number));
    return text;
}

/// What becomes of `count` messages when each party answers the one before it.
inline Steps converse(Site& site, const std::vector<Party>& parties, int count,
                      std::chrono::seconds between) {
    Steps steps;
    std::string previous;
    for (int number = 0; number < count; ++number) {
        const Party& own = parties[static_cast<std::size_t>(number) % parties.size()];
        const Party& other = parties[static_cast<std::size_t>(number + 1) % parties.size()];
        Mail mail;
        mail.from = own.address;
        mail.to = other.address;
        mail.subject = number == 0 ? " Printer" : " Re: Printer";
        mail.id = std::to_string(number) + "@" + own.address;
        mail.references = own.refers && !previous.empty() ? " <" + previous + ">" : "";
        mail.text = numbered(own.text, number);
        mail.reaction = own.reaction;
        mail.sender = own.sender;
        steps.push_back(site.send(mail));
        if (steps.back() == loop)
            break;
        previous = mail.id;
        site.wait(between);
    }
    return steps;
}

inline const std::string deskText = "Your mail % has been received by the service desk.";
inline const std::string ruleText = "I am on holiday until the end of the month.";

} // namespace sluice::test
