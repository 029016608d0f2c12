// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/bench_tables.hh"

#include "common/table_file.hh"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <utility>

namespace sluice::bench {
namespace {

constexpr std::size_t addressesADomain = 20;
constexpr std::size_t entriesADomainPattern = 50;

/// Any number, the same for the same argument (the finish of SplitMix64).
std::uint64_t scattered(std::uint64_t number) {
    number += 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31U);
}

/// From the high bits, between 1.0.0.0 and 223.255.255.255.
IpAddress publicAddress(std::uint64_t bits) {
    return IpAddress::v4(static_cast<std::uint32_t>(0x01000000 + (bits >> 32U) % 0xdf000000));
}

/// In 2001:db8::/32, the next 32 bits from the high ones of `bits`.
IpAddress documentationAddress(std::uint64_t bits) {
    std::array<std::uint8_t, 16> octets{0x20, 0x01, 0x0d, 0xb8};
    for (std::size_t i = 0; i < 4; ++i)
        octets[4 + i] = static_cast<std::uint8_t>(bits >> (56U - 8U * i));
    return IpAddress::v6(octets);
}

template<typename Make>
Result<void> writeLines(const std::string& path, std::size_t lines, Make make) {
    std::ofstream file(path);
    for (std::size_t number = 0; number < lines; ++number)
        file << make(number) << '\n';
    file.close();
    if (!file)
        return fail("cannot write " + path);
    return {};
}

/// Hands each entry of the table to `take`, which may refuse it.
template<typename Take>
Result<void> readEntries(const std::string& path, Take take) {
    std::optional<Error> firstError;
    const auto done = readTableFile(path, [&](std::size_t number, std::string_view line) {
        auto entry = parseEntry(line);
        auto taken = entry ? take(std::move(*entry)) : Result<void>(fail(entry.error().message));
        if (!taken && !firstError)
            firstError = Error{fmt::format("{}:{}: {}", path, number, taken.error().message)};
    });
    if (!done)
        return fail(done.error().message);
    if (firstError)
        return fail(firstError->message);
    return {};
}

} // namespace

IpNetwork EntryMaker::network(std::size_t number) {
    const auto bits = scattered(number);
    const auto kind = bits % 10;
    if (kind == 0)
        return IpNetwork::around(documentationAddress(bits), 64);
    const int prefix = kind < 6 ? 32 : static_cast<int>(20 + (bits >> 8U) % 9);
    return IpNetwork::around(publicAddress(bits), prefix);
}

IpAddress EntryMaker::client() {
    return below(2) == 0 ? network(below(entries_)).first() : publicAddress(random_());
}

std::string EntryMaker::pattern(std::size_t number) {
    if (number % entriesADomainPattern == 0)
        return fmt::format("@blocked{}.example", number);
    return fmt::format("user{}@domain{}.example", number, number / addressesADomain);
}

std::string EntryMaker::path() {
    const auto entry = pattern(below(entries_));
    const auto* user = entry.front() == '@' ? "someone" : "";
    return fmt::format("<{}{}{}>", below(2) == 0 ? "" : "not.", user, entry);
}

Result<void> writeNetworks(const std::string& path, std::size_t entries) {
    return writeLines(path, entries,
                      [](std::size_t number) { return EntryMaker::network(number).text(); });
}

Result<void> writePatterns(const std::string& path, std::size_t entries) {
    return writeLines(path, entries, &EntryMaker::pattern);
}

Result<NetworkSet> readNetworks(const std::string& path) {
    NetworkSet::Builder builder;
    const auto read = readEntries(path, [&builder](Entry&& entry) -> Result<void> {
        const auto network = IpNetwork::parse(entry.value);
        if (!network)
            return fail(network.error().message);
        builder.add(*network, std::move(entry.attributes));
        return {};
    });
    if (!read)
        return fail(read.error().message);
    return builder.build();
}

Result<PatternSet> readPatterns(const std::string& path) {
    PatternSet set;
    const auto read = readEntries(path, [&set](Entry&& entry) -> Result<void> {
        const auto pattern = AddressPattern::parse(entry.value);
        if (!pattern)
            return fail(pattern.error().message);
        set.add(*pattern, std::move(entry.attributes));
        return {};
    });
    if (!read)
        return fail(read.error().message);
    return set;
}

} // namespace sluice::bench
