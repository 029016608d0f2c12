// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/book_entries.hh"

#include <algorithm>

namespace sluice {

/// RFC 3629: 10xxxxxx goes on.
std::string boundedLabel(const std::string& label) {
    std::size_t end = std::min(label.size(), Store::maxLabelOctets);
    while (end > 0 && end < label.size() && (static_cast<unsigned char>(label[end]) & 0xC0) == 0x80)
        --end;
    return label.substr(0, end);
}

void sortAndBound(std::vector<StoreEntry>& entries) {
    std::sort(entries.begin(), entries.end(), [](const StoreEntry& a, const StoreEntry& b) {
        return a.lastAge != b.lastAge ? a.lastAge < b.lastAge : a.label < b.label;
    });
    entries.resize(std::min(entries.size(), Store::maxEntriesListed));
}

} // namespace sluice
