// SPDX-License-Identifier: BSD-2-Clause
// A header section, to all that reads its fields: the class of a message, its references, what its
// signatures cover, and the templates of its subject.

#include "milter/policy/classification.hh"
#include "milter/policy/message_template.hh"
#include "milter/policy/signed_headers.hh"
#include "milter/policy/trace_stamp.hh"
#include "test/fuzz/fuzz_support.hh"

using namespace sluice;

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    const auto message = fuzz::messageOf(fuzz::textOf(octets, size));
    const HeaderList& headers = message.headers;
    fuzz::require(headers.fieldsKept() <= HeaderList::maxFields + HeaderList::authorFields);
    fuzz::require(headers.text().size() <= HeaderList::maxOctets + HeaderList::authorOctets);
    fuzz::require(headers.text().size() <= headers.octets());
    for (const bool nullSender : {false, true}) {
        const Classification found = classify(headers, nullSender, message.body);
        fuzz::require(found.certainty <= 100);
        fuzz::require((found.kind == MessageClass::ordinary) || !found.evidence.empty());
    }
    static_cast<void>(isSignedHeader(headers, "Precedence"));
    for (std::size_t i = 0; i < headers.fieldsKept(); ++i) {
        const auto field = headers.field(i);
        fuzz::require(canonicalMessageId(field.value).size() <= longestMessageId);
        fuzz::require(normalisedSubject(field.value).size() <= 250);
        fuzz::require(messageTemplate(field.value).size() <= maxTemplateOctets);
    }
    return 0;
}
