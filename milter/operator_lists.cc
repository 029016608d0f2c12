// SPDX-License-Identifier: BSD-2-Clause
#include "milter/operator_lists.hh"

#include "common/entry.hh"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// A label is an entry as a table has it: `192.0.2.0/24 note="…"`.
NetworkSet networksOf(const std::vector<StoreEntry>& entries) {
    NetworkSet::Builder builder;
    for (const StoreEntry& each : entries)
        if (auto entry = parseEntry(each.label))
            if (const auto network = IpNetwork::parse(entry->value))
                builder.add(*network, std::move(entry->attributes));
    return builder.build();
}

/// What there is to tell apart.
void addLabels(const std::vector<StoreEntry>& entries, char book,
               std::vector<std::string>& labels) {
    for (const StoreEntry& entry : entries)
        labels.push_back(book + entry.label);
}

} // namespace

void OperatorLists::refresh(SteadyTime now) {
    const auto allowed = store_.list(Store::Book::allowed, now);
    const auto denied = store_.list(Store::Book::denied, now);
    if (!allowed || !denied)
        return;
    std::vector<std::string> labels;
    addLabels(*allowed, 'a', labels);
    addLabels(*denied, 'd', labels);
    std::sort(labels.begin(), labels.end());
    auto known = known_.lock();
    if (*known == labels)
        return;
    networks_.set(std::make_shared<const OperatorNetworks>(
        OperatorNetworks{networksOf(*allowed), networksOf(*denied)}));
    *known = std::move(labels);
}

} // namespace sluice
