// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/descriptor.hh"
#include "common/result.hh"

#include <functional>
#include <string>
#include <string_view>

namespace sluice {

using VisitName = std::function<void(std::string_view)>;

/// Calls `visit` with each name in the folder `path` but "." and "..", in no order; it may delete
/// the file. Error: the folder cannot be read (to its end), with its path. Exceptions are those of
/// `visit`: the iterators of the standard library end the process where memory is short.
Result<void> forEachFileName(const std::string& path, const VisitName& visit);
/// The same of an open folder, whose position is taken over; `shown` stands in the error.
Result<void> forEachFileName(Descriptor folder, std::string_view shown, const VisitName& visit);

} // namespace sluice
