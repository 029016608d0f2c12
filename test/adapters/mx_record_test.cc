// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/mx_record.hh"

#include <doctest/doctest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::string_literals;
using Target = MxRecord::Target;

TEST_CASE("MX records that are none") {
    const std::string label63 = "\x3F" + std::string(63, 'a');
    const std::string cases[] = {
        ""s,
        "\0"s,
        "\0\0"s,
        "\0\x0A\x02mx"s,                                   // no end
        "\0\x0A\x03mx"s,                                   // a label that is cut
        "\0\x0A\x03mx\0"s,                                 // the end within a label
        "\0\x0A\xC0\x0C"s,                                 // compressed
        "\0\x0A\x40"s + std::string(64, 'a') + "\0"s,      // a label of 64 octets
        "\0\x0A\x02mx\0\0"s,                               // more behind the name
        "\0\x0A"s + label63 + label63 + label63 + label63, // a name of 256 octets
        "\0\x0A"s + std::string(100'000, '\x01'),
    };
    for (const std::string& data : cases) {
        CAPTURE(data.substr(0, 20));
        CHECK_FALSE(parseMxRecord(data));
    }
}

TEST_CASE("MX records") {
    struct Row {
        std::string data;
        MxRecord record;
    };
    const Row rows[] = {
        {"\0\0\0"s, {0, Target::root, ""}},
        {"\0\x0A\x02m \0"s, {10, Target::noName, "m "}},
        {"\0\x0A\x03m.\x1B\x02mx\0"s, {10, Target::noName, "m.\x1B.mx"}},
        {"\0\x0A\x03\0\n\r\0"s, {10, Target::noName, "\0\n\r"s}},
        {"\0\x0A\x03m.x\0"s, {10, Target::host, "m.x"}},
        {"\xFF\xFF\x03"
         "192\x01"
         "0\x01"
         "2\x01"
         "1\0"s,
         {65535, Target::address, "192.0.2.1"}},
        {"\0\x0A\x0B"
         "2001:DB8::1\0"s,
         {10, Target::address, "2001:db8::1"}},
        {"\0\x0A\x03"
         "192\x01"
         "0\x01"
         "2\x01"
         "1\x01"
         "A\0"s,
         {10, Target::host, "192.0.2.1.a"}},
        {"\x01\x02\x02MX\x07"
         "Example\0"s,
         {258, Target::host, "mx.example"}},
        {"\0\0\x03_mx\0"s, {0, Target::host, "_mx"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.record.name);
        const auto record = parseMxRecord(row.data);
        REQUIRE(record);
        CHECK(*record == row.record);
    }
}

} // namespace
} // namespace sluice
