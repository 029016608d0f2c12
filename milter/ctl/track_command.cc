// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/track_command.hh"

#include "common/text.hh"
#include "milter/ctl/daemon_config.hh"
#include "milter/ctl/line_source.hh"
#include "milter/ctl/mta_log.hh"
#include "milter/ctl/progress.hh"
#include "milter/ctl/track_query.hh"
#include "milter/ctl/track_story.hh"

#include <fmt/ostream.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {
namespace {

using Clock = std::chrono::system_clock;

constexpr std::uint64_t mostMessages = 100'000;
/// How long a chain of messages made from messages is followed.
constexpr int mostGenerations = 8;
constexpr int nothingFound = 1;

struct Options {
    TrackQuery query;
    TimeRange range;
    std::vector<std::string> logs;
    std::vector<std::string> mailLogs;
    std::string config{usualConfig};
    std::uint64_t limit = 1000;
    bool json = false;
};

template<typename T>
Result<void> keep(Result<T> value, std::optional<T>& into) {
    if (!value)
        return tl::unexpected(value.error());
    into = *std::move(value);
    return {};
}

Result<void> setEvents(std::string_view names, TrackQuery& query) {
    for (const std::string_view name : split(names, ',')) {
        std::string upper(name);
        std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        const auto event = trackingEventFromName(upper);
        if (!event)
            return fail(quoteForDisplay(name) + " is no event of the tracking log");
        query.events.push_back(*event);
    }
    return {};
}

Result<void> setTime(const std::string& value, Clock::time_point now, Clock::time_point& into) {
    const auto time = parseWhen(value, now);
    if (!time)
        return tl::unexpected(time.error());
    into = *time;
    return {};
}

Result<void> setLimit(const std::string& value, std::uint64_t& limit) {
    const auto number = parseUnsigned(value);
    if (!number || *number == 0 || *number > mostMessages)
        return fail(
            fmt::format("{} is no number from 1 to {}", quoteForDisplay(value), mostMessages));
    limit = *number;
    return {};
}

Result<void> setOption(const std::string& name, const std::string& value, Clock::time_point now,
                       Options& options) {
    TrackQuery& query = options.query;
    if (name == "--sender")
        return keep(AddressPattern::parse(value), query.sender);
    if (name == "--recipient")
        return keep(AddressPattern::parse(value), query.recipient);
    if (name == "--client")
        return keep(IpNetwork::parse(value), query.client);
    if (name == "--event")
        return setEvents(value, query);
    if (name == "--since")
        return setTime(value, now, options.range.from);
    if (name == "--until")
        return setTime(value, now, options.range.until);
    if (name == "--limit")
        return setLimit(value, options.limit);
    if (name == "--message-id")
        query.messageId = value;
    else if (name == "--queue-id")
        query.queueId = value;
    else if (name == "--rule")
        query.rule = value;
    else if (name == "--config")
        options.config = value;
    else if (name == "--log")
        options.logs.push_back(value);
    else
        options.mailLogs.push_back(value);
    return {};
}

constexpr std::array optionNames{"--sender", "--recipient", "--client",     "--event",    "--since",
                                 "--until",  "--limit",     "--message-id", "--queue-id", "--rule",
                                 "--config", "--log",       "--mail-log"};

Result<Options> readOptions(const std::vector<std::string>& words, Clock::time_point now) {
    Options options;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string& word = words[at];
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(0, equals);
        if (word == "--json") {
            options.json = true;
            continue;
        }
        if (std::find(optionNames.begin(), optionNames.end(), name) == optionNames.end())
            return fail(quoteForDisplay(word) + " is no option");
        if (equals == word.npos && at + 1 == words.size())
            return fail(name + " needs a value");
        const std::string value = equals == word.npos ? words[++at] : word.substr(equals + 1);
        if (value.empty())
            return fail(name + " needs a value");
        if (const auto set = setOption(name, value, now, options); !set)
            return fail(name + ": " + set.error().message);
    }
    if (options.query.empty())
        return fail("say what to look for: a sender, a recipient, …");
    return options;
}

Result<void> findLog(Options& options) {
    if (!options.logs.empty())
        return {};
    const auto config = readDaemonConfig(options.config);
    if (!config)
        return tl::unexpected(config.error());
    std::string log = config->word("tracking-log");
    if (log.empty())
        return fail(fmt::format("{} sets no tracking-log: name the log with --log",
                                quoteForDisplay(options.config)));
    options.logs.push_back(std::move(log));
    return {};
}

Result<std::vector<LogFile>> filesOf(const Options& options) {
    std::vector<LogFile> files;
    for (const std::string& log : options.logs) {
        const auto found = logFilesOf(log, options.range);
        if (!found)
            return tl::unexpected(found.error());
        files.insert(files.end(), found->begin(), found->end());
    }
    return files;
}

TrackingTally readAll(const std::vector<LogFile>& files, const TimeRange& range,
                      TrackingReader::Visitor visitor, std::string_view what) {
    std::uint64_t octets = 0;
    for (const LogFile& file : files)
        octets += file.octets;
    Progress progress(what, ProgressUnit::octets, octets);
    visitor.advance = [&](std::uint64_t more) { progress.add(more); };
    TrackingReader reader(range, std::move(visitor));
    for (const LogFile& file : files)
        reader.read(file);
    return reader.tally();
}

/// The lines of a mail server's log, which `use` gets. Error: it cannot be read.
template<typename Use>
Result<void> readMailLog(const std::string& path, Use use) {
    constexpr std::size_t longestLine = 64UL * 1024;
    struct stat status {};
    const std::time_t last =
        ::stat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec : std::time(nullptr);
    std::tm when{};
    ::localtime_r(&last, &when);
    const int year = when.tm_year + 1900;
    auto source = LineSource::open(path, longestLine);
    if (!source)
        return tl::unexpected(source.error());
    while (const auto line = source->next()) {
        auto parsed = parseMtaLine(line->text, year);
        // a log that goes over the turn of the year
        if (parsed && parsed->time > Clock::from_time_t(last) + std::chrono::hours(24 * 30))
            parsed = parseMtaLine(line->text, year - 1);
        if (parsed)
            use(*std::move(parsed));
    }
    if (!source->trouble().empty())
        return fail(fmt::format("{}: {}", quoteForDisplay(path), source->trouble()));
    return {};
}

/// First the messages that others have become, then what was done with all of them.
Result<void> joinMailLogs(const Options& options, TrackStory& story) {
    bool more = true;
    for (int generation = 0; more && generation < mostGenerations; ++generation) {
        more = false;
        for (const std::string& path : options.mailLogs)
            if (auto read = readMailLog(
                    path, [&](const MtaLine& line) { more = story.addChild(line) || more; });
                !read)
                return read;
    }
    for (const std::string& path : options.mailLogs)
        if (auto read = readMailLog(path, [&](MtaLine&& line) { story.add(std::move(line)); });
            !read)
            return read;
    return {};
}

/// Whether all of the logs was read.
bool tellTrouble(const TrackingTally& tally, std::ostream& err) {
    for (const std::string& problem : tally.problems)
        fmt::print(err, "sluicectl track: {}\n", problem);
    if (tally.unreadable != 0)
        fmt::print(err, "sluicectl track: {} lines are no records, the first is {}\n",
                   tally.unreadable, tally.firstUnreadable);
    return tally.problems.empty();
}

/// Of what was found. False: not all could be read.
bool search(const Options& options, const std::vector<LogFile>& files, TrackStory& story,
            std::ostream& err) {
    TrackingReader::Visitor finding;
    const LineLook look(options.query);
    finding.look = [&](std::string_view line) { return look.mayMatch(line); };
    finding.take = [&](TrackingRecord&& record) {
        if (options.query.matches(record))
            story.want(record);
    };
    const bool whole = tellTrouble(readAll(files, options.range, finding, "searching"), err);
    if (story.empty())
        return whole;
    TrackingReader::Visitor gathering;
    gathering.look = [&](std::string_view line) { return story.mayBelong(line); };
    gathering.take = [&](TrackingRecord&& record) { story.add(std::move(record)); };
    readAll(files, options.range, gathering, "gathering");
    return whole;
}

int complain(const Error& error, int status, std::ostream& err) {
    fmt::print(err, "sluicectl track: {}\n", error.message);
    return status;
}

int runTrack(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    auto options = readOptions(arguments, Clock::now());
    if (!options)
        return usageError("track", options.error().message, err);
    if (const auto found = findLog(*options); !found)
        return complain(found.error(), EX_CONFIG, err);
    const auto files = filesOf(*options);
    if (!files)
        return complain(files.error(), EX_NOINPUT, err);
    TrackStory story(options->limit);
    const bool whole = search(*options, *files, story, err);
    if (const auto joined = joinMailLogs(*options, story); !joined)
        return complain(joined.error(), EX_NOINPUT, err);
    options->json ? story.printJson(out) : story.print(out);
    if (story.overflowed())
        fmt::print(err, "sluicectl track: there are more than {} messages (--limit)\n",
                   options->limit);
    if (!whole)
        return EX_NOINPUT;
    return story.empty() ? nothingFound : EX_OK;
}

} // namespace

const Command trackCommand{
    "track",
    "Find messages in the tracking log and tell what became of them",
    "track [--sender PATTERN] [--recipient PATTERN] [--message-id ID] [--queue-id ID]\n"
    "      [--client NET] [--rule TEXT] [--event NAME,…] [--since TIME] [--until TIME]\n"
    "      [--limit N] [--mail-log FILE]… [--log FILE]… [--config FILE] [--json]",
    "Messages that fit all that is given are shown with all that happened to them, on all nodes\n"
    "whose logs are named. TIME is 2026-11-23, 2026-11-23T10:20 or 2h (ago).\n"
    "--mail-log adds what Postfix or Sendmail did with them (EXPAND, SEND), from its log, plain "
    "or\n"
    "compressed. Without --log the log is that of the filter's configuration.\n"
    "Exit status 1: there is no such message; 66: a log cannot be read.\n"
    "\n"
    "  sluicectl track --recipient staff@example.org --since 2h --mail-log /var/log/mail.log",
    runTrack,
};

} // namespace sluice::ctl
