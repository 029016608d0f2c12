// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/store.hh"

#include <string>
#include <vector>

/// What all stores do alike with what they list for the operator.
namespace sluice {

/// At most Store::maxLabelOctets, and no character split.
std::string boundedLabel(const std::string& label);

/// The latest first, at most Store::maxEntriesListed.
void sortAndBound(std::vector<StoreEntry>& entries);

} // namespace sluice
