// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/signed_headers.hh"

#include "common/text.hh"

#include <algorithm>

namespace sluice {
namespace {

/// The value of the tag `h` of a signature.
std::string_view signedNames(std::string_view signature) {
    for (const std::string_view tag : split(signature, ';')) {
        const std::size_t equals = tag.find('=');
        if (equals != std::string_view::npos && trim(tag.substr(0, equals)) == "h")
            return tag.substr(equals + 1);
    }
    return {};
}

} // namespace

bool isSignedHeader(const HeaderList& headers, std::string_view name) {
    for (std::size_t i = 0; i < headers.fieldsKept(); ++i) {
        const HeaderList::Field field = headers.field(i);
        if (!equalsIgnoringCase(field.name, "DKIM-Signature"))
            continue;
        const auto names = split(signedNames(field.value), ':');
        if (std::any_of(names.begin(), names.end(), [&](std::string_view each) {
                return equalsIgnoringCase(trim(each), name);
            }))
            return true;
    }
    return false;
}

void addWhereAbsent(const HeaderList& headers, HeaderLine line, Edits& edits) {
    const bool planned =
        std::any_of(edits.append.begin(), edits.append.end(), [&](const HeaderLine& other) {
            return equalsIgnoringCase(other.name, line.name);
        });
    if (!planned && !headers.has(line.name) && !isSignedHeader(headers, line.name))
        edits.append.push_back(std::move(line));
}

} // namespace sluice
