// SPDX-License-Identifier: BSD-2-Clause
// A line of a tracking log: both its readers see the same, and what is written of it is read again.

#include "common/tracking_file_name.hh"
#include "common/tracking_record.hh"
#include "milter/ctl/usual_line.hh"
#include "test/fuzz/fuzz_support.hh"

#include <algorithm>

using namespace sluice;

int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    constexpr std::size_t uncut = 1900; // longer texts are cut when they are written
    const std::string_view line = fuzz::textOf(octets, size);
    const auto parsed = parseTracking(line);
    if (const auto usual = ctl::parseUsualLine(line))
        fuzz::require(parsed && *parsed == *usual);
    static_cast<void>(parseTrackingFileName(line, "t"));
    if (!parsed)
        return 0;
    const std::string written = formatTracking(*parsed);
    fuzz::require(written.size() <= maxTrackingLine);
    fuzz::require(
        std::all_of(written.begin(), written.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    const auto again = parseTracking(written);
    fuzz::require(again.has_value());
    fuzz::require(line.size() > uncut || formatTracking(*again) == written);
    return 0;
}
