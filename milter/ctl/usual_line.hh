// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"

#include <optional>
#include <string_view>

namespace sluice::ctl {

/// The record that parseTracking() reads, several times as fast, of a line that has the form in
/// which the filter writes nearly all of them: no blank between the values, nothing escaped, no
/// list but that of the recipients. nullopt: it has not, or is no record; parseTracking() knows.
std::optional<TrackingRecord> parseUsualLine(std::string_view line);

} // namespace sluice::ctl
