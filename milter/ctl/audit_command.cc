// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit_command.hh"

#include "common/text.hh"
#include "milter/ctl/audit/audit_report.hh"
#include "milter/ctl/audit/readers.hh"
#include "milter/ctl/audit/rules.hh"

#include <fmt/ostream.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace sluice::ctl {
namespace {

constexpr int somethingFound = 1;
constexpr const char* usualConfig = "/etc/sluice/sluice-milter.conf";
constexpr const char* usualPostfix = "/etc/postfix";
constexpr const char* usualSendmail = "/etc/mail/sendmail.cf";

struct AuditWords {
    std::string config = usualConfig;
    std::string postfix;
    std::string sendmail;
    bool json = false;
};

Result<AuditWords> parseWords(const std::vector<std::string>& arguments) {
    AuditWords found;
    const std::pair<std::string_view, std::string*> valued[]{
        {"--config", &found.config},
        {"--postfix", &found.postfix},
        {"--sendmail", &found.sendmail},
    };
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& word = arguments[at];
        const std::string name = word.substr(0, word.find('='));
        const auto* const option =
            std::find_if(std::begin(valued), std::end(valued),
                         [&](const auto& each) { return each.first == name; });
        if (word == "--json") {
            found.json = true;
            continue;
        }
        if (option == std::end(valued))
            return fail(quoteForDisplay(word) + " is not known");
        const bool joined = name.size() < word.size();
        if (!joined && at + 1 < arguments.size())
            *option->second = arguments[++at];
        else
            *option->second = joined ? word.substr(name.size() + 1) : "";
        if (option->second->empty())
            return fail(name + " needs a value");
    }
    if (!found.postfix.empty() && !found.sendmail.empty())
        return fail("--postfix and --sendmail exclude each other");
    return found;
}

/// What postconf and the findings name must not depend on where this runs.
std::string absolute(const std::string& path) {
    std::error_code error;
    const auto whole = std::filesystem::absolute(path, error).lexically_normal();
    std::string text = error ? path : whole.string();
    while (text.size() > 1 && text.back() == '/')
        text.pop_back();
    return text;
}

bool isThere(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

tl::expected<audit::MtaFacts, audit::ReadFailure> readMta(const AuditWords& words) {
    if (!words.postfix.empty())
        return audit::readPostfix(absolute(words.postfix));
    if (!words.sendmail.empty())
        return audit::readSendmail(absolute(words.sendmail));
    if (isThere(std::string(usualPostfix) + "/main.cf"))
        return audit::readPostfix(usualPostfix);
    if (isThere(usualSendmail))
        return audit::readSendmail(usualSendmail);
    return tl::unexpected(audit::ReadFailure{
        EX_NOINPUT, std::string("there is neither ") + usualPostfix + "/main.cf nor " +
                        usualSendmail + " (--postfix or --sendmail names another)"});
}

int complain(int status, std::string_view message, std::ostream& err) {
    for (const std::string_view line : split(trim(message), '\n'))
        fmt::print(err, "sluicectl audit: {}\n", escapeForDisplay(line));
    return status;
}

int runAudit(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto words = parseWords(arguments);
    if (!words)
        return usageError("audit", words.error().message, err);
    const auto settings = audit::readSettings(absolute(words->config));
    if (!settings)
        return complain(settings.error().status, settings.error().message, err);
    const auto facts = readMta(*words);
    if (!facts)
        return complain(facts.error().status, facts.error().message, err);
    const audit::Review review(*facts, *settings);
    const audit::Findings findings = audit::reviewAll(review);
    if (words->json)
        audit::showJson(review, findings, out);
    else
        audit::showText(review, findings, out);
    const bool found = std::any_of(findings.begin(), findings.end(), [](const auto& finding) {
        return finding.severity != audit::Severity::info;
    });
    return found ? somethingFound : EX_OK;
}

} // namespace

const Command auditCommand{
    "audit",
    "Review the mail server's lists, aliases and milter settings",
    "audit [--config FILE] [--postfix DIR | --sendmail FILE] [--json]",
    "Reads the configuration of Postfix (/etc/postfix, by postconf) or Sendmail\n"
    "(/etc/mail/sendmail.cf) with its aliases, :include: files and virtual tables, and sluice's "
    "own\n"
    "(--config, /etc/sluice/sluice-milter.conf). Changes nothing, and asks neither of them while "
    "it\n"
    "runs. For each finding: how grave it is, where it stands, why it matters and the line to "
    "write.\n"
    "Exit status 0: nothing to mend, at most remarks (info); 1: findings; more: nothing was "
    "reviewed.",
    runAudit,
};

} // namespace sluice::ctl
