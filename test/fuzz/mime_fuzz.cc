// SPDX-License-Identifier: BSD-2-Clause
// A whole message, to what looks for text, for the original in a report, and for HTML's text.

#include "milter/policy/classification.hh"
#include "milter/policy/html_text.hh"
#include "milter/policy/message_template.hh"
#include "milter/policy/mime_text.hh"
#include "milter/policy/report_scan.hh"
#include "milter/policy/trace_stamp.hh"
#include "test/fuzz/fuzz_support.hh"

using namespace sluice;

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const auto message = fuzz::messageOf(fuzz::textOf(octets, size));
    const std::string_view body = message.body.substr(0, maxScannedBody);
    for (const std::size_t limit : {std::size_t{0}, std::size_t{7}, maxTemplateInput}) {
        const std::string text = firstText(message.headers, body, limit);
        fuzz::require(text.size() <= limit);
        fuzz::require(messageTemplate(text).size() <= maxTemplateOctets);
        fuzz::require(textOfHtml(body, limit).size() <= limit);
    }
    const ReportFindings found = scanReport(message.headers, body);
    fuzz::require(found.failedRecipients.size() <= ReportFindings::maxRecipients);
    fuzz::require(found.originalStamps.size() <= ReportFindings::maxStamps);
    fuzz::require(found.originalMessageId.size() <= longestMessageId);
    static_cast<void>(classify(message.headers, true, body));
    return 0;
}
