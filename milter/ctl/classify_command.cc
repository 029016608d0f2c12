// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/classify_command.hh"

#include "common/text.hh"
#include "milter/ctl/json_text.hh"
#include "milter/ctl/progress.hh"
#include "milter/ctl/stored_message.hh"
#include "milter/policy/classification.hh"
#include "milter/policy/report_scan.hh"
#include "milter/policy/trace_stamp.hh"

#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace sluice::ctl {
namespace {

/// A header and as much of the body as is ever looked at.
constexpr std::size_t longestMessage = HeaderList::maxOctets + maxScannedBody;

struct Verdict {
    std::string file;
    Classification classification;
    std::optional<ReportFindings> findings; ///< of reports
};

Verdict verdictOn(const std::string& file, std::string_view text) {
    const StoredMessage message = parseStoredMessage(text);
    const std::string_view body = std::string_view(message.body).substr(0, maxScannedBody);
    Verdict verdict{file, classify(message.headers, message.nullSender, body), std::nullopt};
    if (verdict.classification.kind == MessageClass::report)
        verdict.findings = scanReport(message.headers, body);
    return verdict;
}

nlohmann::ordered_json asJson(const ReportFindings& findings) {
    nlohmann::ordered_json object;
    std::vector<std::string> recipients;
    std::transform(findings.failedRecipients.begin(), findings.failedRecipients.end(),
                   std::back_inserter(recipients),
                   [](const MailAddress& address) { return address.text(); });
    object["failedRecipients"] = recipients;
    object["delayed"] = findings.delayed;
    object["deliveryStatus"] = findings.deliveryStatus;
    object["originalReturned"] = findings.originalReturned;
    object["originalMessageId"] = findings.originalMessageId;
    object["originalSender"] = findings.originalSender;
    object["originalStamps"] = findings.originalStamps;
    return object;
}

void showJson(const Verdict& verdict, std::ostream& out) {
    nlohmann::ordered_json object;
    object["path"] = verdict.file;
    object["class"] = nameOf(verdict.classification.kind);
    object["certainty"] = verdict.classification.certainty;
    object["declared"] = verdict.classification.declared;
    object["automatic"] = verdict.classification.automatic();
    object["evidence"] = verdict.classification.evidence;
    if (verdict.findings)
        object["report"] = asJson(*verdict.findings);
    out << jsonLine(object);
}

void showLine(const Verdict& verdict, std::ostream& out) {
    const Classification& found = verdict.classification;
    fmt::print(out, "{}: {} {}%", escapeForDisplay(verdict.file), nameOf(found.kind),
               found.certainty);
    if (!found.evidence.empty())
        fmt::print(out, "; {}", fmt::join(found.evidence, ", "));
    if (verdict.findings && !verdict.findings->originalMessageId.empty())
        fmt::print(out, "; about <{}>", escapeForDisplay(verdict.findings->originalMessageId));
    fmt::print(out, "\n");
}

class Classifier {
public:
    Classifier(bool json, std::ostream& out, std::ostream& err)
        : json_(json), out_(out), err_(err) {}

    void take(const std::vector<std::string>& paths) {
        std::vector<std::string> files;
        for (const std::string& path : paths) {
            if (const auto found = storedFiles(path))
                files.insert(files.end(), found->begin(), found->end());
            else
                complain(found.error());
        }
        Progress progress("classifying", ProgressUnit::files, files.size());
        for (const std::string& file : files) {
            takeFile(file, progress);
            progress.add();
        }
    }

    [[nodiscard]] int status() const { return status_; }

private:
    void takeFile(const std::string& file, Progress& progress) {
        const auto text = readStoredText(file, longestMessage);
        if (!text) {
            progress.hide();
            complain(text.error());
            return;
        }
        progress.hideFromOutput();
        const Verdict verdict = verdictOn(file, *text);
        if (json_)
            showJson(verdict, out_);
        else
            showLine(verdict, out_);
    }

    void complain(const Error& error) {
        fmt::print(err_, "sluicectl classify: {}\n", error.message);
        status_ = EX_NOINPUT;
    }

    bool json_;
    std::ostream& out_;
    std::ostream& err_;
    int status_ = EX_OK;
};

int runClassify(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    bool json = false;
    bool optionsEnded = false;
    std::vector<std::string> paths;
    for (const std::string& word : arguments) {
        if (optionsEnded || word == "-" || !word.starts_with('-'))
            paths.push_back(word);
        else if (word == "--")
            optionsEnded = true;
        else if (word == "--json")
            json = true;
        else
            return usageError("classify", quoteForDisplay(word) + " is no option", err);
    }
    if (paths.empty())
        return usageError("classify", "a file is missing", err);
    Classifier classifier(json, out, err);
    classifier.take(paths);
    return classifier.status();
}

} // namespace

const Command classifyCommand{
    "classify",
    "Say what stored messages are: a report, an auto-reply, a list post …",
    "classify [--json] FILE…",
    "A line for each message: class, certainty and the rules that speak for it, and for a report\n"
    "the Message-ID of the message it is about. FILE holds one message; a directory stands for "
    "all\n"
    "files below it, - for standard input. The null sender is taken from Return-Path, or from the\n"
    "From line of an mbox in front of the message. --json writes one object a line.\n\n"
    "  sluicectl classify Maildir/new",
    runClassify,
};

} // namespace sluice::ctl
