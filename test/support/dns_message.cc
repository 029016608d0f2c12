// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/dns_message.hh"

#include "common/text.hh"

#include <cstddef>

namespace sluice::test {

namespace {

constexpr std::size_t headerSize = 12;
constexpr unsigned typeA = 1;
constexpr unsigned typeSoa = 6;
constexpr unsigned classIn = 1;
constexpr unsigned pointerToQuestion = 0xc000 | headerSize;

void put16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8U & 0xffU);
    out += static_cast<char>(value & 0xffU);
}

void put32(std::string& out, std::uint32_t value) {
    put16(out, value >> 16U);
    put16(out, value & 0xffffU);
}

void putRecordHead(std::string& out, unsigned type, std::uint32_t ttl, std::size_t length) {
    put16(out, pointerToQuestion);
    put16(out, type);
    put16(out, classIn);
    put32(out, ttl);
    put16(out, static_cast<unsigned>(length));
}

/// Owned by the name itself, which is enough for a resolver to take it.
void putSoa(std::string& out, std::uint32_t ttl) {
    constexpr std::size_t length = 2 + 2 + 5 * 4;
    putRecordHead(out, typeSoa, ttl, length);
    put16(out, pointerToQuestion);
    put16(out, pointerToQuestion);
    for (const std::uint32_t value : {1U, 600U, 300U, 86400U, ttl})
        put32(out, value);
}

unsigned responseCode(DnsReply::Kind kind) {
    switch (kind) {
    case DnsReply::Kind::addresses:
    case DnsReply::Kind::noData:
    case DnsReply::Kind::silence:
        return 0;
    case DnsReply::Kind::serverFailure:
        return 2;
    case DnsReply::Kind::noSuchName:
        return 3;
    case DnsReply::Kind::refused:
        return 5;
    }
    return 0;
}

/// Where the question ends; 0 when there is none.
std::size_t endOfQuestion(std::string_view query) {
    std::size_t at = headerSize;
    while (at < query.size() && query[at] != 0)
        at += 1U + static_cast<unsigned char>(query[at]);
    at += 1 + 4;
    return at <= query.size() ? at : 0;
}

} // namespace

std::optional<std::string> questionName(std::string_view query) {
    if (endOfQuestion(query) == 0)
        return std::nullopt;
    std::string name;
    for (std::size_t at = headerSize; query[at] != 0;) {
        const std::size_t length = static_cast<unsigned char>(query[at]);
        name += toLowerAscii(query.substr(at + 1, length));
        name += '.';
        at += 1 + length;
    }
    return name;
}

std::string encodeReply(std::string_view query, const DnsReply& reply) {
    constexpr unsigned responseAuthoritative = 0x8400;
    constexpr unsigned recursionDesired = 0x0100;
    constexpr unsigned recursionAvailable = 0x0080;
    const bool found = reply.kind == DnsReply::Kind::addresses;
    const bool negative =
        reply.kind == DnsReply::Kind::noSuchName || reply.kind == DnsReply::Kind::noData;
    std::string out(query.substr(0, 2));
    put16(out,
          responseAuthoritative | recursionDesired | recursionAvailable | responseCode(reply.kind));
    put16(out, 1);
    put16(out, found ? static_cast<unsigned>(reply.addresses.size()) : 0);
    put16(out, negative ? 1 : 0);
    put16(out, 0);
    out += query.substr(headerSize, endOfQuestion(query) - headerSize);
    if (found)
        for (const std::uint32_t address : reply.addresses) {
            putRecordHead(out, typeA, reply.ttl, 4);
            put32(out, address);
        }
    if (negative)
        putSoa(out, reply.ttl);
    return out;
}

std::string encodeQuestion(std::string_view name, std::uint16_t id) {
    constexpr unsigned recursionDesired = 0x0100;
    std::string out;
    for (const unsigned value : {static_cast<unsigned>(id), recursionDesired, 1U, 0U, 0U, 0U})
        put16(out, value);
    for (const std::string_view label : split(name, '.'))
        if (!label.empty()) {
            out += static_cast<char>(label.size());
            out += label;
        }
    out += '\0';
    put16(out, typeA);
    put16(out, classIn);
    return out;
}

} // namespace sluice::test
