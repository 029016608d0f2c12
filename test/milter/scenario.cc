// SPDX-License-Identifier: BSD-2-Clause
#include "test/milter/scenario.hh"

#include "common/duration.hh"
#include "common/text.hh"
#include "milter/adapters/harvest_memory.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/config.hh"
#include "milter/options.hh"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>

namespace sluice::test {
namespace {

/// The words before `=>`, and what is expected behind it.
struct Step {
    std::string command;
    std::string rest;
    std::string expected;
    bool hasExpectation = false;
};

Step stepOf(const std::string& line) {
    Step step;
    const std::size_t arrow = line.find("=>");
    std::string_view text = trim(std::string_view(line).substr(0, arrow));
    if (arrow != std::string::npos) {
        step.expected = trim(std::string_view(line).substr(arrow + 2));
        step.hasExpectation = true;
    }
    const std::size_t blank = text.find(' ');
    step.command = text.substr(0, blank);
    step.rest = blank == std::string_view::npos ? "" : trim(text.substr(blank));
    return step;
}

/// DNS answers by zone name.
class WrittenAnswers : public DnsblAnswers {
public:
    WrittenAnswers(const DnsblRules& rules, const std::map<std::string, DnsblAnswer>& byZone)
        : rules_(rules), byZone_(byZone) {}

    DnsblAnswer answer(std::size_t zone) override {
        const auto found = byZone_.find(rules_.zones().at(zone).name);
        return found == byZone_.end() ? DnsblAnswer{DnsblAnswer::Status::notListed, {}}
                                      : found->second;
    }

private:
    const DnsblRules& rules_;
    const std::map<std::string, DnsblAnswer>& byZone_;
};

DnsblAnswer answerOf(const std::string& text) {
    if (text == "none")
        return {DnsblAnswer::Status::notListed, {}};
    if (text == "unknown")
        return {DnsblAnswer::Status::unknown, {}};
    if (text == "suspended")
        return {DnsblAnswer::Status::suspended, {}};
    DnsblAnswer answer{DnsblAnswer::Status::answered, {}};
    for (const auto code : split(text, ','))
        answer.codes.push_back(IpAddress::parse(code).value().v4Bits());
    return answer;
}

/// A signed address changes from day to day and from key to key.
std::string withoutSignature(const std::string& path) {
    const std::size_t plus = path.find("-bounces+");
    return plus == std::string::npos
               ? path
               : path.substr(0, plus + 9) + "SIGNED" + path.substr(path.find('@'));
}

std::string noteText(const Note& note) {
    switch (note.kind) {
    case Note::Kind::mark:
        return note.headerName.empty()
                   ? fmt::format("+mark ({})", note.rule)
                   : fmt::format("+mark {}: {} ({})", note.headerName, note.headerValue, note.rule);
    case Note::Kind::badmail:
        return fmt::format("+badmail ({})", note.rule);
    case Note::Kind::hold:
        return fmt::format("+hold ({})", note.rule);
    case Note::Kind::observe:
        return fmt::format("+observe ({})", note.rule);
    case Note::Kind::redirect:
        return fmt::format("+redirect {} {} ({})", note.recipient, note.becomes, note.rule);
    case Note::Kind::remove:
        return fmt::format("+remove {} ({})", note.recipient, note.rule);
    case Note::Kind::returnPath:
        return fmt::format("+return-path {} ({})", withoutSignature(note.becomes), note.rule);
    case Note::Kind::rewrite:
        return fmt::format("+rewrite {} ({})", note.becomes, note.rule);
    case Note::Kind::discard:
        return fmt::format("+discard ({})", note.rule);
    }
    return "";
}

std::string decisionText(const Decision& decision) {
    std::string text = "ok";
    if (const auto& verdict = decision.verdict)
        text = fmt::format("{} {}{}{} | {}", verdict->reply.code(), verdict->reply.enhancedCode(),
                           verdict->kind == Verdict::Kind::refuseAndDrop ? " drop" : "",
                           verdict->delay.count() != 0 ? " after " + formatDuration(verdict->delay)
                                                       : "",
                           verdict->rule);
    for (const Note& note : decision.notes)
        text += " " + noteText(note);
    for (const HeaderLine& line : decision.edits.append)
        text += fmt::format(" +header {}: {}", line.name, line.value);
    for (const EnvelopeAddress& added : decision.edits.addRecipients)
        if (!added.parameters.empty())
            text += fmt::format(" +rcpt {} {}", added.address, added.parameters);
    if (decision.edits.sender && !decision.edits.sender->parameters.empty())
        text += " +sender " + decision.edits.sender->parameters;
    return text;
}

/// `<written>`, and behind it in any order what the MTA makes of it, `via:NEXT-HOP` and `NOTIFY`.
Recipient recipientOf(const std::string& text) {
    const std::size_t end = text.find("> ");
    Recipient recipient;
    recipient.text = text.substr(0, end == std::string::npos ? end : end + 1);
    recipient.address = MailAddress::fromPath(recipient.text);
    if (end == std::string::npos)
        return recipient;
    for (const std::string_view word : split(std::string_view(text).substr(end + 2), ' '))
        if (word == "NOTIFY")
            recipient.dsnParameters = true;
        else if (word.starts_with("via:"))
            recipient.nextHop = word.substr(4);
        else
            recipient.resolved = MailAddress::fromPath(word);
    return recipient;
}

/// A directory for the files of a scenario, removed at the end.
class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "sluice-scenario-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no scratch directory");
        path_ = pattern;
    }
    ~ScratchDirectory() { std::filesystem::remove_all(path_); }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

class Replay {
public:
    /// The outcome of a step; empty for one that only sets facts.
    std::string run(const Step& step);

private:
    std::string inScratch(std::string text) const;
    void writeFile(const std::string& rest);
    void begin();
    std::string connect(const std::string& rest);
    std::string mail(const std::string& rest);
    [[nodiscard]] std::string recipient(const std::string& path);
    std::string endOfMessage(const std::string& rest);
    void header(const std::string& rest);
    [[nodiscard]] Now now() const { return {steady_, today_}; }

    ScratchDirectory scratch_;
    std::string configText_;
    std::unique_ptr<Config> config_;
    std::unique_ptr<Policy> policy_;
    std::map<std::string, DnsblAnswer> dns_;
    Client client_;
    Envelope envelope_;
    HeaderList headers_;
    std::string text_;
    std::shared_ptr<Store> store_ = makeMemoryStore();
    bool authenticated_ = false;
    CivilDay today_ = parseCivilDay("2026-06-15").value();
    SteadyTime steady_{std::chrono::hours(1000)};
};

std::string Replay::inScratch(std::string text) const {
    static const std::string mark = "@DIR@";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark))
        text.replace(at, mark.size(), scratch_.path());
    return text;
}

void Replay::writeFile(const std::string& rest) {
    const std::size_t blank = rest.find(' ');
    std::string text = rest.substr(blank + 1);
    for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n"))
        text.replace(at, 2, "\n");
    const std::string path = scratch_.path() + "/" + rest.substr(0, blank);
    std::ofstream(path) << text << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read); // it may be a key file
}

void Replay::begin() {
    if (policy_)
        return;
    const std::string path = scratch_.path() + "/sluice.conf";
    std::ofstream(path) << configText_;
    CommandLine line;
    line.configFile = path;
    std::vector<Problem> problems;
    config_ = std::make_unique<Config>(makeConfig(mergedSettings(line, problems), problems));
    if (!problems.empty())
        throw std::runtime_error(problems.front().line());
    config_->policy->recipient.harvest = makeMemoryHarvestCounter(config_->harvestWindow);
    policy_ = std::make_unique<Policy>(config_->policy);
}

std::string Replay::connect(const std::string& rest) {
    begin();
    const auto words = split(rest, ' ');
    client_ = Client();
    authenticated_ = false;
    client_.internal = words.at(0) == "internal";
    if (client_.internal)
        client_.address = IpAddress::parse("127.0.0.1").value();
    else if (words.at(0) != "unknown")
        client_.address = IpAddress::parse(words.at(0)).value();
    const auto rule = policy_->onConnect(client_, today_);
    const std::string listener(words.size() > 1 ? words[1] : "");
    policy_->admit(client_, listener, listener, {}, today_);
    return rule ? "refused | " + *rule : "ok";
}

std::string Replay::mail(const std::string& rest) {
    begin();
    static constexpr std::string_view parameter = " SIZE=";
    const std::size_t size = rest.find(parameter);
    envelope_ = Envelope();
    headers_.clear();
    text_.clear();
    envelope_.senderText = rest.substr(0, size);
    envelope_.sender = MailAddress::fromPath(envelope_.senderText);
    envelope_.authenticated = authenticated_;
    if (size != std::string::npos)
        envelope_.declaredSize = parseUnsigned(rest.substr(size + parameter.size()));
    return decisionText(policy_->onMail(client_, envelope_, now()));
}

std::string Replay::recipient(const std::string& path) {
    WrittenAnswers answers(*config_->policy->connection.dnsbl, dns_);
    Recipient recipient = recipientOf(path);
    const auto decision =
        policy_->onRecipient(client_, envelope_, recipient,
                             policy_->wantsDnsbl(client_) ? &answers : nullptr, BlockSet(), now());
    if (!decision.verdict) {
        ++envelope_.recipientsAccepted;
        envelope_.recipients.push_back(std::move(recipient));
    }
    return decisionText(decision);
}

std::string Replay::endOfMessage(const std::string& rest) {
    const std::uint64_t fixed = headers_.octets() + 2 + text_.size();
    const std::uint64_t octets = rest.empty() ? fixed : parseUnsigned(rest).value();
    const BodyFacts body{text_, octets - std::min(octets, headers_.octets() + 2), sha256(text_)};
    const Decision decision =
        policy_->onEndOfMessage(client_, envelope_, headers_, body, true, *store_, now());
    if (!decision.verdict) {
        ++client_.messagesDone;
        client_.octetsDone += octets;
    }
    return decisionText(decision);
}

void Replay::header(const std::string& rest) {
    const std::size_t colon = rest.find(':');
    headers_.add(rest.substr(0, colon), rest.substr(colon + 1));
}

std::string Replay::run(const Step& step) {
    if (step.command == "set") {
        configText_ += inScratch(step.rest) + "\n";
    } else if (step.command == "file") {
        writeFile(step.rest);
    } else if (step.command == "dns") {
        const std::size_t blank = step.rest.find(' ');
        dns_[step.rest.substr(0, blank)] = answerOf(step.rest.substr(blank + 1));
    } else if (step.command == "today") {
        today_ = parseCivilDay(step.rest).value();
    } else if (step.command == "later") {
        steady_ += parseDuration(step.rest).value();
    } else if (step.command == "auth") {
        authenticated_ = step.rest == "yes";
    } else if (step.command == "header") {
        header(step.rest);
    } else if (step.command == "client") {
        return connect(step.rest);
    } else if (step.command == "mail") {
        return mail(step.rest);
    } else if (step.command == "rcpt") {
        return recipient(step.rest);
    } else if (step.command == "refused") {
        return decisionText(policy_->onRefusedRecipient(client_, step.rest, now()));
    } else if (step.command == "end-of-headers") {
        return decisionText(policy_->onHeaders(client_, envelope_, headers_, now()));
    } else if (step.command == "end-of-message") {
        return endOfMessage(step.rest);
    } else if (step.command == "text") {
        text_ += step.rest + "\r\n";
    } else {
        throw std::runtime_error("unknown command " + step.command);
    }
    return "";
}

} // namespace

std::vector<ScenarioFailure> replayScenario(const std::string& path, std::size_t& checked) {
    std::vector<ScenarioFailure> failures;
    std::ifstream file(path);
    auto replay = std::make_unique<Replay>();
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (trim(line).empty() || line.front() == '#')
            continue;
        const Step step = stepOf(line);
        if (step.command == "scenario") {
            replay = std::make_unique<Replay>();
            continue;
        }
        std::string found;
        try {
            found = replay->run(step);
        } catch (const std::exception& error) {
            found = fmt::format("error: {}", error.what());
        }
        checked += step.hasExpectation ? 1U : 0U;
        const bool wrong =
            step.hasExpectation ? found != step.expected : found.rfind("error:", 0) == 0;
        if (wrong)
            failures.push_back(
                {fmt::format("{}:{}: {}", path, number, line), step.expected, found});
    }
    return failures;
}

} // namespace sluice::test
