// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/badmail_command.hh"

#include "common/address_pattern.hh"
#include "common/host_port.hh"
#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/adapters/badmail_archive.hh"
#include "milter/ctl/badmail_release.hh"
#include "milter/ctl/badmail_show.hh"
#include "milter/ctl/daemon_config.hh"
#include "milter/ctl/json_text.hh"
#include "milter/ctl/time_words.hh"
#include "milter/ctl/usage.hh"

#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::ctl {
namespace {

using std::chrono::system_clock;

/// The mail server that has handed the mail to the filter is on the same machine.
constexpr const char* usualRelay = "127.0.0.1:25";

/// One call of the command.
class Call {
public:
    Call(const GivenWords& given, const BadmailArchive& archive, std::ostream& out,
         std::ostream& err)
        : given_(given), archive_(archive), out_(out), err_(err) {}

    int list();
    int show();
    int release();
    int purge();

private:
    [[nodiscard]] bool json() const { return given_.has("--json"); }
    /// Says it, and keeps the first such status as that of the command.
    void complain(int status, std::string_view message) {
        fmt::print(err_, "sluicectl badmail: {}\n", message);
        status_ = status_ == EX_OK ? status : status_;
    }
    [[nodiscard]] int misused(std::string_view message) const {
        return usageError("badmail", message, err_);
    }
    Result<std::vector<std::string>> idsOlderThan(system_clock::time_point time) const;
    Result<std::vector<std::string>> idsToPurge() const;
    void purgeOne(const std::string& id, Json& purged);
    void releaseOne(const std::string& id, const ReleaseTarget& target, Json& released, Json& kept);
    void noteRemovals();

    const GivenWords& given_;
    const BadmailArchive& archive_;
    std::ostream& out_;
    std::ostream& err_;
    int status_ = EX_OK;
};

/// Which messages `list` shows.
struct Filter {
    std::optional<AddressPattern> sender;
    std::string rule; ///< lower case
    system_clock::time_point since = system_clock::time_point::min();
    system_clock::time_point until = system_clock::time_point::max();

    [[nodiscard]] bool takes(const StoredBadmail& mail) const {
        const BadmailEnvelope envelope = mail.envelope.value_or(BadmailEnvelope{});
        return mail.time >= since && mail.time < until &&
               (!sender || sender->matches(MailAddress::fromPath(envelope.sender))) &&
               toLowerAscii(envelope.rule).find(rule) != std::string::npos;
    }
};

Result<void> readTime(const GivenWords& given, std::string_view option,
                      system_clock::time_point& into) {
    if (!given.has(option))
        return {};
    auto time = parseTimeWord(given.value(option), system_clock::now());
    if (!time)
        return fail(fmt::format("{}: {}", option, time.error().message));
    into = *time;
    return {};
}

Result<Filter> filterOf(const GivenWords& given) {
    Filter filter;
    if (given.has("--sender")) {
        auto pattern = AddressPattern::parse(given.value("--sender"));
        if (!pattern)
            return fail("--sender: " + pattern.error().message);
        filter.sender = *std::move(pattern);
    }
    filter.rule = toLowerAscii(given.value("--rule"));
    auto read = readTime(given, "--since", filter.since).and_then([&] {
        return readTime(given, "--until", filter.until);
    });
    if (!read)
        return tl::unexpected(read.error());
    return filter;
}

int Call::list() {
    if (!given_.operands().empty())
        return misused(quoteForDisplay(given_.operands().front()) + " is one word too many");
    const auto filter = filterOf(given_);
    if (!filter)
        return misused(filter.error().message);
    const auto ids = archive_.ids();
    if (!ids) {
        complain(EX_NOINPUT, ids.error().message);
        return status_;
    }
    Json all = Json::array();
    for (const std::string& id : *ids) {
        const auto mail = archive_.find(id);
        if (!mail || !filter->takes(*mail)) // what has just gone is no longer there to be listed
            continue;
        if (json())
            all.push_back(badmailJson(*mail));
        else
            showBadmailLine(*mail, out_);
    }
    if (json())
        out_ << jsonLine(all);
    return status_;
}

int Call::show() {
    if (given_.operands().size() != 1)
        return misused("show needs one ID");
    if (given_.has("--raw") && json())
        return misused("--raw is the message as it is, and no JSON");
    const std::string& id = given_.operands().front();
    const auto mail = archive_.find(id);
    const bool raw = given_.has("--raw");
    const auto text =
        archive_.text(id, raw ? std::numeric_limits<std::size_t>::max() : longestHeader);
    if (!mail || !text) {
        complain(EX_NOINPUT, mail ? text.error().message : mail.error().message);
        return status_;
    }
    if (raw)
        out_ << *text;
    else if (json())
        out_ << jsonLine(badmailJson(*mail, *text));
    else
        showBadmail(*mail, *text, out_);
    return status_;
}

Result<std::vector<std::string>> Call::idsOlderThan(system_clock::time_point time) const {
    auto ids = archive_.ids();
    if (!ids)
        return ids;
    ids->erase(std::remove_if(ids->begin(), ids->end(),
                              [&](const std::string& id) {
                                  const auto mail = archive_.find(id);
                                  return !mail || mail->time >= time;
                              }),
               ids->end());
    return ids;
}

Result<std::vector<std::string>> Call::idsToPurge() const {
    if (given_.has("--all"))
        return archive_.ids();
    if (!given_.has("--older-than"))
        return given_.operands();
    auto time = parseTimeWord(given_.value("--older-than"), system_clock::now());
    if (!time)
        return tl::unexpected(time.error());
    return idsOlderThan(*time);
}

void Call::purgeOne(const std::string& id, Json& purged) {
    if (const auto removed = archive_.remove(id); removed)
        purged.push_back(id);
    else
        complain(EX_NOINPUT, removed.error().message);
}

/// What is gone is gone: that the filter is not told of it changes the quota alone.
void Call::noteRemovals() {
    if (const auto noted = archive_.noteRemovals(); !noted)
        complain(EX_CANTCREAT,
                 "the filter notes what is deleted within the hour: " + noted.error().message);
}

int Call::purge() {
    const int ways = (given_.operands().empty() ? 0 : 1) + (given_.has("--all") ? 1 : 0) +
                     (given_.has("--older-than") ? 1 : 0);
    if (ways != 1)
        return misused("purge needs IDs, --older-than or --all");
    const auto ids = idsToPurge();
    if (!ids)
        return misused(ids.error().message);
    Json purged = Json::array();
    for (const std::string& id : *ids)
        purgeOne(id, purged);
    if (!purged.empty())
        noteRemovals();
    if (json())
        out_ << jsonLine(Json{{"purged", purged}});
    else
        fmt::print(out_, "{} deleted\n", purged.size());
    return status_;
}

int exitStatusOf(ReleaseOutcome::Kind kind) {
    switch (kind) {
    case ReleaseOutcome::Kind::released:
        break;
    case ReleaseOutcome::Kind::notFound:
        return EX_NOINPUT;
    case ReleaseOutcome::Kind::unusable:
    case ReleaseOutcome::Kind::refused:
        return EX_DATAERR;
    case ReleaseOutcome::Kind::deferred:
        return EX_TEMPFAIL;
    case ReleaseOutcome::Kind::remains:
        return EX_CANTCREAT;
    }
    return EX_OK;
}

void Call::releaseOne(const std::string& id, const ReleaseTarget& target, Json& released,
                      Json& kept) {
    const ReleaseOutcome outcome = releaseBadmail(archive_, id, target);
    if (outcome.kind != ReleaseOutcome::Kind::released) {
        const bool named = outcome.kind == ReleaseOutcome::Kind::notFound;
        complain(exitStatusOf(outcome.kind),
                 named ? outcome.reason : fmt::format("{}: {}", id, outcome.reason));
        kept.push_back({{"id", id}, {"reason", outcome.reason}});
        return;
    }
    released.push_back({{"id", id}, {"recipients", outcome.recipients}});
    std::vector<std::string> shown;
    std::transform(outcome.recipients.begin(), outcome.recipients.end(), std::back_inserter(shown),
                   [](const std::string& recipient) { return escapeForDisplay(recipient); });
    if (!json())
        fmt::print(out_, "{}: released to <{}>\n", id, fmt::join(shown, ">, <"));
}

int Call::release() {
    if (given_.operands().empty())
        return misused("release needs an ID");
    const auto relay =
        HostPort::parse(given_.has("--relay") ? given_.value("--relay") : usualRelay);
    if (!relay)
        return misused("--relay: " + relay.error().message);
    const ReleaseTarget target{relay->text(), given_.values("--to")};
    for (const std::string& recipient : target.to)
        if (const auto address = MailAddress::parse(recipient); !address)
            return misused("--to: " + address.error().message);
    Json released = Json::array();
    Json kept = Json::array();
    for (const std::string& id : given_.operands())
        releaseOne(id, target, released, kept);
    if (!released.empty())
        noteRemovals();
    if (json())
        out_ << jsonLine(Json{{"released", released}, {"kept", kept}});
    return status_;
}

/// Where the messages are. Error: it is not configured, or the configuration is wrong.
Result<std::string> directoryOf(const GivenWords& given) {
    if (given.has("--dir"))
        return given.value("--dir");
    const std::string file =
        given.has("--config") ? given.value("--config") : std::string(usualConfig);
    const auto config = readDaemonConfig(file);
    if (!config)
        return tl::unexpected(config.error());
    if (std::string directory = config->word("badmail-dir"); !directory.empty())
        return directory;
    return fail(escapeForDisplay(file) + ": badmail-dir is not set");
}

int runBadmail(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto given = givenWords(badmailCommand.usage, arguments);
    if (!given)
        return usageError("badmail", given.error().message, err);
    if (given->has("--dir") && given->has("--config"))
        return usageError("badmail", "--dir and --config exclude each other", err);
    const auto failed = [&](int status, const Error& error) {
        fmt::print(err, "sluicectl badmail: {}\n", error.message);
        return status;
    };
    const auto directory = directoryOf(*given);
    if (!directory)
        return failed(EX_CONFIG, directory.error());
    const auto archive = BadmailArchive::open(*directory);
    if (!archive)
        return failed(EX_NOINPUT, archive.error());
    Call call(*given, *archive, out, err);
    if (given->verb() == "list")
        return call.list();
    if (given->verb() == "show")
        return call.show();
    return given->verb() == "release" ? call.release() : call.purge();
}

} // namespace

const Command badmailCommand{
    "badmail",
    "List, show, release or delete the mail that sender-action = badmail has stored",
    "badmail list [--sender PATTERN] [--rule TEXT] [--since TIME] [--until TIME]"
    " [--dir DIR | --config FILE] [--json]\n"
    "badmail show ID [--raw] [--dir DIR | --config FILE] [--json]\n"
    "badmail release ID… [--to ADDRESS…] [--relay HOST:PORT] [--dir DIR | --config FILE] [--json]\n"
    "badmail purge ID…|--older-than TIME|--all [--dir DIR | --config FILE] [--json]",
    "list prints a line for each message, the latest first, with its ID in brackets. show prints\n"
    "what is known of one and its header, with --raw the message itself. release gives messages "
    "to\n"
    "the mail server on this machine, or to another, from their sender to their recipients or to\n"
    "ADDRESS; one is deleted here when the server has taken it, and kept otherwise. The filter "
    "sees\n"
    "it again on its way: change the rule that stored it first. purge deletes.\n"
    "TIME is 2h (ago), 2026-11-23 or 2026-11-23T14:05. The directory is badmail-dir of FILE, "
    "which\n"
    "is /etc/sluice/sluice-milter.conf unless it is given.\n\n"
    "  sluicectl badmail list --sender @example.com --since 1d\n"
    "  sluicectl badmail release 1795468289.M1P2R3Q4.mx --to user@example.org\n"
    "  sluicectl badmail purge --older-than 14d",
    runBadmail,
};

} // namespace sluice::ctl
