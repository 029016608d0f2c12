// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/badmail_release.hh"

#include "common/text.hh"
#include "milter/adapters/host_name.hh"
#include "milter/adapters/smtp_delivery.hh"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace sluice::ctl {
namespace {

using Kind = ReleaseOutcome::Kind;

/// A server may take ten minutes for its reply to the message (RFC 5321 section 4.5.3.2.6).
constexpr SmtpPatience patience{std::chrono::seconds(30), std::chrono::minutes(15)};
/// What a sidecar has in place of octets that are no UTF-8.
constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Without `<>`. Error: it cannot be given to a server as it was.
Result<std::string> addressOf(std::string_view path) {
    const bool control = std::any_of(path.begin(), path.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    });
    if (control || path.find(replacement) != std::string_view::npos)
        return fail(fmt::format("{} is not the address as it was sent", quoteForDisplay(path)));
    const bool bracketed = path.size() >= 2 && path.front() == '<' && path.back() == '>';
    return std::string(bracketed ? path.substr(1, path.size() - 2) : path);
}

Result<SmtpLetter> addressed(const StoredBadmail& stored, const ReleaseTarget& target) {
    if (!stored.envelope)
        return fail("its sidecar, which has the envelope, cannot be read");
    SmtpLetter letter{target.relay, systemHostName(), target.to, {}};
    auto sender = addressOf(stored.envelope->sender);
    if (!sender)
        return tl::unexpected(sender.error());
    letter.sender = *std::move(sender);
    if (!target.to.empty())
        return letter;
    for (const std::string& path : stored.envelope->recipients) {
        auto recipient = addressOf(path);
        if (!recipient)
            return fail(recipient.error().message + ": name the recipients with --to");
        letter.recipients.push_back(*std::move(recipient));
    }
    if (letter.recipients.empty())
        return fail("its sidecar names no recipient: name them with --to");
    return letter;
}

std::string markOf(const std::string& id) {
    return fmt::format("{}: {}\r\n", releasedHeader, id);
}

std::set<std::string> idsOf(const BadmailArchive& archive) {
    auto ids = archive.ids();
    return ids ? std::set<std::string>(ids->begin(), ids->end()) : std::set<std::string>();
}

/// The copy that the filter has stored in place of letting it through, if it has: that is there
/// before the mail server answers.
std::optional<StoredBadmail> storedAgain(const BadmailArchive& archive, const std::string& id,
                                         const std::set<std::string>& before) {
    const std::string mark = markOf(id);
    for (const std::string& candidate : idsOf(archive)) {
        if (before.count(candidate) != 0)
            continue;
        const auto head = archive.text(candidate, mark.size());
        if (head && *head == mark)
            if (auto found = archive.find(candidate))
                return *std::move(found);
    }
    return std::nullopt;
}

ReleaseOutcome refusedByFilter(const BadmailArchive& archive, const StoredBadmail& copy,
                               std::vector<std::string> recipients) {
    const auto removed = archive.remove(copy.id);
    const std::string rule = copy.envelope ? escapeForDisplay(copy.envelope->rule) : "?";
    return {Kind::refused,
            fmt::format("the filter stores it again ({}): change that rule first, or name a "
                        "--relay that has no filter{}",
                        rule, removed ? "" : "; the copy remains as " + copy.id),
            std::move(recipients)};
}

ReleaseOutcome deliver(const BadmailArchive& archive, const std::string& id,
                       const SmtpLetter& letter) {
    std::vector<std::string> recipients = letter.recipients;
    const auto before = idsOf(archive);
    initialiseSmtp();
    const std::atomic<bool> stopping{false};
    const SmtpOutcome outcome = tryDelivery(letter, patience, stopping);
    switch (outcome.kind) {
    case SmtpOutcome::Kind::delivered:
        break;
    case SmtpOutcome::Kind::refused:
        return {Kind::refused, outcome.reason, std::move(recipients)};
    case SmtpOutcome::Kind::deferred:
    case SmtpOutcome::Kind::stopped:
        return {Kind::deferred, outcome.reason, std::move(recipients)};
    }
    if (const auto copy = storedAgain(archive, id, before))
        return refusedByFilter(archive, *copy, std::move(recipients));
    if (const auto removed = archive.remove(id); !removed)
        return {Kind::remains, "released, but not deleted: " + removed.error().message,
                std::move(recipients)};
    return {Kind::released, {}, std::move(recipients)};
}

} // namespace

ReleaseOutcome releaseBadmail(const BadmailArchive& archive, const std::string& id,
                              const ReleaseTarget& target) {
    const auto held = archive.hold(id);
    if (!held)
        return {Kind::notFound, held.error().message, {}};
    const auto stored = archive.find(id);
    if (!stored)
        return {Kind::notFound, stored.error().message, {}};
    auto letter = addressed(*stored, target);
    if (!letter)
        return {Kind::unusable, letter.error().message, {}};
    const auto text = archive.text(id, std::numeric_limits<std::size_t>::max());
    if (!text)
        return {Kind::notFound, text.error().message, {}};
    letter->message = markOf(id) + withLineEnds(*text);
    return deliver(archive, id, *letter);
}

std::string withLineEnds(std::string_view message) {
    std::string text;
    text.reserve(message.size() + 2);
    for (std::size_t at = 0; at < message.size(); ++at) {
        if (message[at] != '\r' && message[at] != '\n') {
            text += message[at];
            continue;
        }
        if (message[at] == '\r' && at + 1 < message.size() && message[at + 1] == '\n')
            ++at;
        text += "\r\n";
    }
    if (!text.ends_with("\r\n"))
        text += "\r\n";
    return text;
}

} // namespace sluice::ctl
