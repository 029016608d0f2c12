// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/report_command.hh"

#include "common/text.hh"
#include "milter/adapters/spool_file.hh"
#include "milter/ctl/daemon_config.hh"
#include "milter/ctl/progress.hh"
#include "milter/ctl/report.hh"
#include "milter/ctl/report_json.hh"
#include "milter/ctl/report_page.hh"

#include <fmt/ostream.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {
namespace {

constexpr int mostDays = 31;
constexpr CivilDay lastDay{100'000}; // the clock counts nanoseconds, to 2262
constexpr std::uint64_t mostDaysBefore = 62;

struct Options {
    ReportRequest request;
    std::optional<CivilDay> from;
    std::optional<CivilDay> until;
    std::string config{usualConfig};
    std::string output; ///< empty: standard output
    bool json = false;
};

Result<CivilDay> readDay(const std::string& word, CivilDay today) {
    if (word == "today")
        return today;
    if (word == "yesterday")
        return today + -1;
    auto day = parseCivilDay(word);
    if (day && (*day < CivilDay{} || *day > lastDay))
        return fail(quoteForDisplay(word) + " is not in the years from 1970 to 2243");
    return day;
}

Result<void> setDay(const std::string& name, const std::string& value, Options& options) {
    const auto day = readDay(value, localDay(options.request.now));
    if (!day)
        return tl::unexpected(day.error());
    if (name != "--until")
        options.from = *day;
    if (name != "--from")
        options.until = *day;
    return {};
}

constexpr std::array optionNames{"--log",   "--config",      "--day",    "--from",
                                 "--until", "--days-before", "--output", "--title"};

/// One of these and its value.
Result<void> setOption(const std::string& name, const std::string& value, Options& options) {
    if (name == "--log") {
        options.request.logs.push_back(value);
    } else if (name == "--config") {
        options.config = value;
    } else if (name == "--output") {
        options.output = value;
    } else if (name == "--title") {
        options.request.title = value;
    } else if (name == "--days-before") {
        const auto days = parseUnsigned(value);
        if (!days || *days > mostDaysBefore)
            return fail(fmt::format("{} is no number of days from 0 to {}", quoteForDisplay(value),
                                    mostDaysBefore));
        options.request.daysBefore = static_cast<unsigned>(*days);
    } else {
        return setDay(name, value, options);
    }
    return {};
}

Result<void> settleDays(Options& options) {
    const CivilDay today = localDay(options.request.now);
    options.request.last = options.until.value_or(today);
    options.request.first = options.from.value_or(options.request.last);
    const int days =
        static_cast<int>(options.request.last) - static_cast<int>(options.request.first) + 1;
    if (days < 1)
        return fail("--until is a day before --from");
    if (days > mostDays)
        return fail(fmt::format("{} days are too many for one report: {} at most", days, mostDays));
    return {};
}

Result<Options> readOptions(const std::vector<std::string>& arguments,
                            std::chrono::system_clock::time_point now) {
    Options options;
    options.request.now = now;
    bool optionsEnded = false;
    for (auto word = arguments.begin(); word != arguments.end(); ++word) {
        if (optionsEnded || !word->starts_with('-')) {
            options.request.logs.push_back(*word);
        } else if (*word == "--") {
            optionsEnded = true;
        } else if (*word == "--json") {
            options.json = true;
        } else if (std::find(optionNames.begin(), optionNames.end(), *word) == optionNames.end()) {
            return fail(quoteForDisplay(*word) + " is no option");
        } else {
            const std::string& name = *word;
            if (++word == arguments.end())
                return fail(name + " needs a value");
            if (const auto set = setOption(name, *word, options); !set)
                return fail(name + ": " + set.error().message);
        }
    }
    if (const auto settled = settleDays(options); !settled)
        return tl::unexpected(settled.error());
    return options;
}

/// The log of this machine's filter where none is named.
Result<void> findLog(Options& options) {
    if (!options.request.logs.empty())
        return {};
    const auto config = readDaemonConfig(options.config);
    if (!config)
        return tl::unexpected(config.error());
    std::string log = config->word("tracking-log");
    if (log.empty())
        return fail(fmt::format("{} sets no tracking-log: name the log with --log",
                                quoteForDisplay(options.config)));
    options.request.logs.push_back(std::move(log));
    return {};
}

/// All files of all logs. A log that is not there is a problem of the report, and the rest goes on.
TrackingTally readLogs(Report& report) {
    std::vector<LogFile> files;
    std::vector<std::string> problems;
    std::uint64_t octets = 0;
    for (const std::string& log : report.request().logs) {
        const auto found = logFilesOf(log, report.traffic().range());
        if (!found) {
            problems.push_back(found.error().message);
            continue;
        }
        for (const LogFile& file : *found) {
            files.push_back(file);
            octets += file.octets;
        }
    }
    Progress progress("report", ProgressUnit::octets, octets);
    TrackingReader reader(report.traffic().range(),
                          {{},
                           [&](const TrackingRecord& record) { report.add(record); },
                           [&](std::uint64_t done) { progress.add(done); }});
    for (const LogFile& file : files)
        reader.read(file);
    TrackingTally tally = reader.tally();
    tally.problems.insert(tally.problems.begin(), problems.begin(), problems.end());
    return tally;
}

/// The file is replaced at once or not at all. It tells who writes to whom: mode 0600, unless it
/// was there with another.
Result<void> writeFile(const std::string& path, std::string_view text) {
    struct stat before {};
    const bool replaces = ::stat(path.c_str(), &before) == 0;
    if (replaces && !S_ISREG(before.st_mode))
        return fail(path + ": it is no regular file");
    const std::string newPath = fmt::format("{}.{}.new", path, ::getpid());
    auto file = SpoolFile::create(newPath);
    if (!file)
        return tl::unexpected(file.error());
    if (auto written = file->write(text); !written)
        return written;
    if (replaces && (::chmod(newPath.c_str(), before.st_mode & 0777U) != 0 ||
                     ::chown(newPath.c_str(), before.st_uid, before.st_gid) != 0))
        return failBySystem(newPath);
    if (auto synced = file->sync(); !synced)
        return synced;
    if (auto moved = file->moveTo(path); !moved)
        return moved;
    file->keep();
    return {};
}

void complain(const std::string& message, std::ostream& err) {
    fmt::print(err, "sluicectl report: {}\n", message);
}

int runReport(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    auto options = readOptions(arguments, std::chrono::system_clock::now());
    if (!options)
        return usageError("report", options.error().message, err);
    if (const auto found = findLog(*options); !found) {
        complain(found.error().message, err);
        return EX_CONFIG;
    }
    Report report(options->request);
    const TrackingTally tally = readLogs(report);
    for (const std::string& problem : tally.problems)
        complain(problem, err);
    if (tally.unreadable > 0)
        complain(fmt::format("{} could not be read; the first is {}",
                             counted(tally.unreadable, "line", "lines"), tally.firstUnreadable),
                 err);
    const std::string text =
        options->json ? reportJson(report, tally) : reportPage(report, tally).text;
    if (options->output.empty()) {
        out << text;
    } else if (const auto written = writeFile(options->output, text); !written) {
        complain(escapeForDisplay(written.error().message), err);
        return EX_CANTCREAT;
    }
    return tally.problems.empty() ? EX_OK : EX_NOINPUT;
}

} // namespace

const Command reportCommand{
    "report",
    "Show a day of mail, or several, on a page: traffic, storms, loops, refusals",
    "report [--day DAY|--from DAY --until DAY] [--days-before N] [--log FILE…|--config FILE] "
    "[--output FILE] [--title TEXT] [--json]",
    "The page is one HTML file that needs no network. It tells of today unless days are named, as\n"
    "2026-12-31, today or yesterday; 31 at most. What is usual is the median of the same quarter "
    "of\n"
    "an hour of N days before (7). The tracking log is that of the configuration of the filter on\n"
    "this machine, or FILE, with its files of earlier days (FILE.2026-12-31, also .gz); several, "
    "one\n"
    "a node, are taken together. --json writes the same numbers as an object.",
    runReport,
};

} // namespace sluice::ctl
