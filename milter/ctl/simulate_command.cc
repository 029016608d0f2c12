// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/simulate_command.hh"

#include "common/duration.hh"
#include "common/keyring.hh"
#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/adapters/store_memory.hh"
#include "milter/ctl/json_text.hh"
#include "milter/ctl/mail_archive.hh"
#include "milter/ctl/progress.hh"
#include "milter/ctl/stored_message.hh"
#include "milter/policy/classification.hh"
#include "milter/policy/header_addresses.hh"
#include "milter/policy/loop_detector.hh"
#include "milter/policy/message_template.hh"
#include "milter/policy/mime_text.hh"
#include "milter/policy/report_scan.hh"
#include "milter/policy/trace_stamp.hh"

#include <fmt/ostream.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    bool json = false;
    LoopSettings settings;
    std::vector<std::string> paths;
};

struct Summary {
    std::uint64_t messages = 0;
    std::uint64_t automatic = 0;
    std::uint64_t answers = 0;  ///< to a message that is remembered
    std::uint64_t repeated = 0; ///< the same message again
    std::uint64_t marked = 0;
    std::uint64_t cut = 0;
    unsigned deepest = 0;
};

std::string_view nameOf(LoopStep step) {
    switch (step) {
    case LoopStep::pass:
        return "pass";
    case LoopStep::mark:
        return "mark";
    case LoopStep::markAndNullSender:
        return "mark, null sender";
    case LoopStep::loop:
        return "cut";
    }
    return "";
}

/// Public archives write `user at example.org`.
std::vector<MailAddress> addressesIn(std::string_view value) {
    std::string text(value);
    constexpr std::string_view at = " at ";
    if (text.find('@') == std::string::npos)
        if (const std::size_t place = text.find(at); place != std::string::npos)
            text.replace(place, at.size(), "@");
    return headerAddresses(text);
}

class Simulation {
public:
    Simulation(const Options& options, std::ostream& out, std::ostream& err)
        : options_(options),
          out_(out),
          err_(err),
          store_(makeMemoryStore()),
          detector_(options.settings, KeyHasher(Key::random().secret)) {}

    void read(const std::vector<std::string>& paths);
    void run();
    [[nodiscard]] int status() const { return status_; }

private:
    void take(const MailArchive::Place& place, const std::string& text);
    void show(const MailArchive::Place& place, const LoopMessage& message,
              const LoopOutcome& outcome);
    void showSummary();
    void complain(const Error& error) {
        if (progress_)
            progress_->hide();
        fmt::print(err_, "sluicectl simulate: {}\n", error.message);
        status_ = EX_NOINPUT;
    }

    const Options& options_;
    std::ostream& out_;
    std::ostream& err_;
    MailArchive archive_;
    std::shared_ptr<Store> store_;
    LoopDetector detector_;
    std::optional<Progress> progress_; ///< of what is being done now
    Summary summary_;
    int status_ = EX_OK;
};

void Simulation::read(const std::vector<std::string>& paths) {
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        if (const auto found = storedFiles(path))
            files.insert(files.end(), found->begin(), found->end());
        else
            complain(found.error());
    }
    progress_.emplace("reading", ProgressUnit::octets, totalOctets(files));
    for (const std::string& file : files)
        if (const auto added = archive_.add(file, &*progress_); !added)
            complain(added.error());
    progress_.reset();
}

void Simulation::run() {
    archive_.sortByTime();
    progress_.emplace("simulating", ProgressUnit::messages, archive_.places().size());
    for (const MailArchive::Place& place : archive_.places()) {
        if (const auto text = archive_.read(place))
            take(place, *text);
        else
            complain(text.error());
        progress_->add();
    }
    progress_.reset();
    showSummary();
}

void Simulation::take(const MailArchive::Place& place, const std::string& text) {
    const StoredMessage stored = parseStoredMessage(text);
    const HeaderList& headers = stored.headers;
    const std::string_view body = std::string_view(stored.body).substr(0, maxScannedBody);
    const Classification found = classify(headers, stored.nullSender, body);
    const std::string ownText = firstText(headers, body, maxTemplateInput);
    const std::string references = headers.all("References") + headers.all("In-Reply-To");
    const auto authors = addressesIn(headers.first("From"));

    LoopMessage message;
    message.author = authors.empty() ? MailAddress() : authors.front();
    message.sender = stored.nullSender ? MailAddress() : message.author;
    message.recipients = addressesIn(headers.first("To"));
    for (MailAddress& copied : addressesIn(headers.first("Cc")))
        message.recipients.push_back(std::move(copied));
    message.messageId = canonicalMessageId(headers.first("Message-ID"));
    message.references = references;
    if (found.kind == MessageClass::report)
        message.reportedMessageId = scanReport(headers, body).originalMessageId;
    message.subject = headers.first("Subject");
    message.automatic = found.automatic();
    message.reaction = found.reaction();
    message.text = ownText;

    const SteadyTime time{std::chrono::seconds(place.seconds)};
    const LoopOutcome outcome = detector_.examine(*store_, message, time);
    ++summary_.messages;
    summary_.automatic += message.automatic ? 1U : 0U;
    summary_.answers += outcome.depth > 1 ? 1U : 0U;
    summary_.repeated += outcome.retry ? 1U : 0U;
    summary_.deepest = std::max(summary_.deepest, outcome.depth);
    if (outcome.step == LoopStep::pass || outcome.retry)
        return;
    ++(outcome.step == LoopStep::loop ? summary_.cut : summary_.marked);
    progress_->hideFromOutput();
    show(place, message, outcome);
}

void Simulation::show(const MailArchive::Place& place, const LoopMessage& message,
                      const LoopOutcome& outcome) {
    const std::string time =
        formatTimestamp(std::chrono::system_clock::time_point(std::chrono::seconds(place.seconds)));
    const std::string& file = archive_.fileOf(place);
    if (!options_.json) {
        fmt::print(out_, "{} {}:{}: {}: {}; from <{}>, Message-ID <{}>\n", time,
                   escapeForDisplay(file), place.number, nameOf(outcome.step), outcome.reason,
                   escapeForDisplay(message.author.text()), escapeForDisplay(message.messageId));
        return;
    }
    Json object;
    object["time"] = time;
    object["path"] = file;
    object["number"] = place.number;
    object["step"] = nameOf(outcome.step);
    object["reason"] = outcome.reason;
    object["depth"] = outcome.depth;
    object["author"] = message.author.text();
    object["messageId"] = message.messageId;
    out_ << jsonLine(object);
}

void Simulation::showSummary() {
    const Summary& sum = summary_;
    if (!options_.json) {
        fmt::print(out_,
                   "{} messages ({} automatic, {} without a date, {} seen before), {} answers, "
                   "deepest chain {}: {} would be marked, {} would be cut\n",
                   sum.messages, sum.automatic, archive_.undated(), sum.repeated, sum.answers,
                   sum.deepest, sum.marked, sum.cut);
        return;
    }
    Json object;
    object["summary"] = {{"messages", sum.messages},      {"automatic", sum.automatic},
                         {"undated", archive_.undated()}, {"repeated", sum.repeated},
                         {"answers", sum.answers},        {"deepest", sum.deepest},
                         {"marked", sum.marked},          {"cut", sum.cut}};
    out_ << object.dump() << '\n';
}

/// Sets what `--depth` or `--memory` says; the error is what is wrong with it.
Result<void> setLimit(const std::string& name, const std::string& value, LoopSettings& settings) {
    constexpr std::uint64_t mostDepth = 1000;
    if (name == "--depth") {
        const auto depth = parseUnsigned(value);
        if (!depth || *depth == 0 || *depth > mostDepth)
            return fail(quoteForDisplay(value) + " is no depth from 1 to 1000");
        settings.depth = static_cast<unsigned>(*depth);
        return {};
    }
    const auto memory = parseDuration(value);
    if (!memory)
        return tl::unexpected(memory.error());
    settings.memory = std::chrono::duration_cast<std::chrono::seconds>(*memory);
    return {};
}

Result<Options> readOptions(const std::vector<std::string>& arguments) {
    Options options;
    options.settings.duplicates = DuplicateMode::off; // nobody knows what the senders heard
    bool optionsEnded = false;
    for (auto word = arguments.begin(); word != arguments.end(); ++word) {
        if (optionsEnded || *word == "-" || !word->starts_with('-')) {
            options.paths.push_back(*word);
        } else if (*word == "--") {
            optionsEnded = true;
        } else if (*word == "--json") {
            options.json = true;
        } else if (*word == "--depth" || *word == "--memory") {
            const std::string& name = *word;
            if (++word == arguments.end())
                return fail(name + " needs a value");
            if (const auto set = setLimit(name, *word, options.settings); !set)
                return fail(name + ": " + set.error().message);
        } else {
            return fail(quoteForDisplay(*word) + " is no option");
        }
    }
    if (options.paths.empty())
        return fail("a file is missing");
    return options;
}

int runSimulate(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto options = readOptions(arguments);
    if (!options)
        return usageError("simulate", options.error().message, err);
    Simulation simulation(*options, out, err);
    simulation.read(options->paths);
    simulation.run();
    return simulation.status();
}

} // namespace

const Command simulateCommand{
    "simulate",
    "Run stored mail through the loop engine in its own time",
    "simulate [--json] [--depth N] [--memory TIME] FILE…",
    "FILE is an mbox or one message; a directory, a Maildir for instance, stands for all files\n"
    "below it, - for standard input. The messages are taken in the order of their dates. A line "
    "for\n"
    "each that would be marked or cut, and why; then a summary. --depth and --memory stand for "
    "the\n"
    "options loop-depth (3) and loop-memory (6h). --json writes one object a line.\n\n"
    "  sluicectl simulate --depth 2 /var/mail/archive.mbox",
    runSimulate,
};

} // namespace sluice::ctl
