// SPDX-License-Identifier: BSD-2-Clause
#include "milter/explainer.hh"

#include "common/text.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/policy/explanation.hh"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace sluice {
namespace {

using control::Reply;
using control::Request;
using nlohmann::json;

std::string argumentOf(const Request& request, const char* name) {
    const auto found = request.arguments.find(name);
    return found == request.arguments.end() ? std::string() : found->second;
}

/// As MAIL and RCPT have it.
std::string pathOf(const std::string& address) {
    return address.starts_with('<') ? address : fmt::format("<{}>", address);
}

/// A connection that is thought up, and what the policy said of it so far.
class Case {
public:
    Case(SessionServices& services, const Request& request)
        : services_(services), runtime_(services.runtime.get()), request_(request) {
        client_.explanation = &explanation_;
    }

    Result<json> run();

private:
    Result<void> readClient();
    Result<void> readMessage();
    [[nodiscard]] std::vector<std::string> recipients() const;

    /// Each goes on to the next stage where the filter would.
    void connect();
    void mail();
    void recipientStage();
    void recipient(const std::string& text);
    void headersStage();
    void endOfMessage();

    /// Keeps what the stage said. True: it goes on.
    bool take(Stage stage, const Decision& decision, const std::string& recipient = {});
    void conclude(const Decision& decision);
    void decide(const char* action, const std::string& rule = {}, const std::string& reply = {});

    SessionServices& services_;
    const std::shared_ptr<const Runtime> runtime_;
    const Request& request_;
    Explanation explanation_;
    Client client_;
    std::unique_ptr<DnsblAnswers> answers_;
    Envelope envelope_;
    HeaderList headers_;
    std::string body_;
    std::uint64_t bodyOctets_ = 0;
    std::vector<Note> notes_;
    json stages_ = json::array();
    json verdict_;
};

Result<void> Case::readClient() {
    if (const std::string address = argumentOf(request_, "client_ip"); !address.empty()) {
        const auto parsed = IpAddress::parse(address);
        if (!parsed)
            return tl::unexpected(parsed.error());
        client_.address = *parsed;
    }
    client_.name = argumentOf(request_, "client_name");
    client_.helo = argumentOf(request_, "helo");
    envelope_.senderText = pathOf(argumentOf(request_, "from"));
    envelope_.sender = MailAddress::fromPath(envelope_.senderText);
    envelope_.authenticated = argumentOf(request_, "authenticated") == "yes";
    return {};
}

/// Fields as libmilter hands them over, one by one; what is no field begins the body.
Result<void> Case::readMessage() {
    const auto octets = control::disarm(argumentOf(request_, "message"));
    if (!octets)
        return tl::unexpected(octets.error());
    std::string_view rest = *octets;
    while (!rest.empty()) {
        std::size_t end = rest.find('\n');
        while (end != rest.npos && end + 1 < rest.size() &&
               (rest[end + 1] == ' ' || rest[end + 1] == '\t'))
            end = rest.find('\n', end + 1);
        std::string_view field = rest.substr(0, end);
        const std::string_view behind = end == rest.npos ? "" : rest.substr(end + 1);
        if (field.ends_with('\r'))
            field.remove_suffix(1);
        const std::size_t colon = field.find(':');
        if (field.empty()) {
            rest = behind;
            break;
        }
        if (colon == field.npos)
            break;
        headers_.add(field.substr(0, colon), field.substr(colon + 1));
        rest = behind;
    }
    body_ = rest.substr(0, maxScannedBody);
    bodyOctets_ = rest.size();
    if (const auto all = parseUnsigned(argumentOf(request_, "octets")))
        bodyOctets_ += *all > octets->size() ? *all - octets->size() : 0;
    return {};
}

std::vector<std::string> Case::recipients() const {
    std::vector<std::string> found;
    const std::string given = argumentOf(request_, "rcpt");
    for (const std::string_view each : split(given, '\n'))
        if (!each.empty())
            found.push_back(pathOf(std::string(each)));
    return found;
}

void Case::decide(const char* action, const std::string& rule, const std::string& reply) {
    verdict_ = {{"action", action}};
    if (!rule.empty())
        verdict_["rule"] = rule;
    if (!reply.empty())
        verdict_["reply"] = reply;
}

bool Case::take(Stage stage, const Decision& decision, const std::string& recipient) {
    auto rules = json::array();
    for (const ExplainedRule& each : explanation_.take())
        rules.push_back({{"rule", each.rule}, {"outcome", each.outcome}});
    auto notes = json::array();
    for (const Note& note : decision.notes) {
        json told{{"action", actionName(note.kind)}, {"rule", note.rule}};
        if (!note.headerName.empty())
            told["header"] = note.headerName + ": " + note.headerValue;
        if (!note.becomes.empty())
            told["becomes"] = note.becomes;
        notes.push_back(std::move(told));
        notes_.push_back(note);
    }
    json shown{{"stage", stageName(stage)}, {"rules", std::move(rules)}, {"notes", notes}};
    if (!recipient.empty())
        shown["recipient"] = recipient;
    if (decision.verdict) {
        shown["rule"] = decision.verdict->rule;
        shown["reply"] = decision.verdict->reply.line();
    }
    stages_.push_back(std::move(shown));
    return !decision.verdict || runtime_->config.observe;
}

void Case::connect() {
    const Now now = services_.calendar.now();
    const auto rule = runtime_->policy.onConnect(client_, now.today);
    if (!rule || runtime_->config.observe) {
        runtime_->policy.admit(client_, argumentOf(request_, "listener"),
                               argumentOf(request_, "port"), *services_.operatorLists->networks(),
                               now.today);
        if (services_.dnsbl != nullptr && runtime_->policy.wantsDnsbl(client_))
            answers_ = services_.dnsbl->start(runtime_->config.policy->connection.dnsbl,
                                              *client_.address, runtime_->config.resolver.timeout);
    }
    take(Stage::connect, {});
    if (rule) {
        stages_.back()["rule"] = *rule;
        if (!runtime_->config.observe)
            return decide("refuse", *rule);
    }
    mail();
}

void Case::mail() {
    const Decision decision = runtime_->policy.onMail(client_, envelope_, services_.calendar.now());
    if (take(Stage::mail, decision))
        return recipientStage();
    decide("refuse", decision.verdict->rule, decision.verdict->reply.line());
}

void Case::recipient(const std::string& text) {
    Recipient recipient;
    recipient.text = text;
    recipient.address = MailAddress::fromPath(text);
    recipient.nextHop = argumentOf(request_, "next_hop");
    static const BlockSet none;
    const auto blocks = services_.loops == nullptr ? nullptr : services_.loops->blocks();
    const Decision decision =
        runtime_->policy.onRecipient(client_, envelope_, recipient, answers_.get(),
                                     blocks ? *blocks : none, services_.calendar.now());
    if (take(Stage::rcpt, decision, text)) {
        ++envelope_.recipientsAccepted;
        envelope_.recipients.push_back(std::move(recipient));
    } else if (verdict_.is_null()) { // of the first one, should none be accepted
        decide("refuse", decision.verdict->rule, decision.verdict->reply.line());
    }
}

void Case::recipientStage() {
    const auto given = recipients();
    for (const std::string& each : given)
        recipient(each);
    if (envelope_.recipients.empty() && !given.empty())
        return;
    decide("accept");
    if (!envelope_.recipients.empty() && request_.arguments.count("message") != 0)
        headersStage();
}

void Case::headersStage() {
    const Decision decision =
        runtime_->policy.onHeaders(client_, envelope_, headers_, services_.calendar.now());
    if (take(Stage::headers, decision))
        return endOfMessage();
    decide("refuse", decision.verdict->rule, decision.verdict->reply.line());
}

void Case::endOfMessage() {
    RunningDigest digest;
    digest.add(body_);
    const BodyFacts body{body_, bodyOctets_, digest.finish()};
    bool passesOn = true;
    for (const Note& note : notes_)
        passesOn = passesOn && note.kind != Note::Kind::badmail;
    const auto store = makeMemoryStore({.maxOctets = 1U << 20, .maxBookEntries = 1});
    const Decision decision = runtime_->policy.onEndOfMessage(
        client_, envelope_, headers_, body, passesOn, *store, services_.calendar.now());
    if (take(Stage::message, decision))
        return conclude(decision);
    decide("refuse", decision.verdict->rule, decision.verdict->reply.line());
}

void Case::conclude(const Decision& decision) {
    const bool observe = runtime_->config.observe;
    const auto first = [&](Note::Kind kind) -> const Note* {
        for (const Note& note : notes_)
            if (note.kind == kind)
                return &note;
        return nullptr;
    };
    if (decision.messageClass)
        stages_.back()["class"] = nameOf(*decision.messageClass);
    if (observe)
        return decide("accept");
    if (const Note* const note = first(Note::Kind::badmail))
        return decide("badmail", note->rule);
    if (decision.discard) {
        const Note* const note = first(Note::Kind::discard);
        return decide("discard", note == nullptr ? "" : note->rule);
    }
    if (const Note* const note = first(Note::Kind::hold))
        decide("hold", note->rule);
}

Result<json> Case::run() {
    if (auto read = readClient(); !read)
        return tl::unexpected(read.error());
    if (auto read = readMessage(); !read)
        return tl::unexpected(read.error());
    connect();
    return json{{"mode", runtime_->config.observe ? "observe" : "enforce"},
                {"stages", std::move(stages_)},
                {"verdict", std::move(verdict_)}};
}

} // namespace

Reply Explainer::explain(const Request& request) {
    auto result = Case(services_, request).run();
    if (!result)
        return {result.error().message};
    return {"", std::move(*result)};
}

} // namespace sluice
