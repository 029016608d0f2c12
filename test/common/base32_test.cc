// SPDX-License-Identifier: BSD-2-Clause
#include "common/base32.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using sluice::decodeBase32;
using sluice::decodeBase32Number;
using sluice::encodeBase32;
using sluice::encodeBase32Number;

namespace {

std::vector<std::uint8_t> octetsOf(std::string_view text) {
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("texts that no octets make are refused") {
    for (const char* text : {
             "a",        // no octet needs one digit
             "mzx",      // nor three
             "mzxw6y",   // nor six
             "m=",       // padding
             "mzxw6===", //
             "mz xw",    // a blank
             "m0",       // digits outside the alphabet
             "m1", "m8", //
             "mz",       // bits at the end: "my" is the text of "f"
             "mzxr",     // "mzxq"
             "\xC3\xBF"  // not ASCII
         }) {
        CAPTURE(text);
        CHECK_FALSE(decodeBase32(text));
    }
}

TEST_CASE("octets and texts: the vectors of RFC 4648 section 10") {
    struct Row {
        std::string_view octets;
        std::string_view text;
    };
    for (const auto& [octets, text] :
         {Row{"", ""}, Row{"f", "my"}, Row{"fo", "mzxq"}, Row{"foo", "mzxw6"},
          Row{"foob", "mzxw6yq"}, Row{"fooba", "mzxw6ytb"}, Row{"foobar", "mzxw6ytboi"}}) {
        CAPTURE_VALUE(text);
        CHECK(encodeBase32(octetsOf(octets)) == text);
        CHECK(decodeBase32(text) == octetsOf(octets));
    }
    CHECK(decodeBase32("MzXw6YtB") == octetsOf("fooba"));
}

TEST_CASE("every octet at every place comes back") {
    for (std::size_t size = 1; size <= 11; ++size) {
        for (unsigned value = 0; value <= 0xFF; ++value) {
            std::vector<std::uint8_t> octets(size, 0xA5);
            octets[value % size] = static_cast<std::uint8_t>(value);
            CHECK(decodeBase32(encodeBase32(octets)) == octets);
        }
    }
}

TEST_CASE("texts that are no number are refused") {
    for (const char* text : {"", "aaaaaaaaaaaaa", "a1", "-a", " a", "a ", "a=", "0"}) {
        CAPTURE(text);
        CHECK_FALSE(decodeBase32Number(text));
    }
}

TEST_CASE("numbers have a fixed number of digits") {
    struct Row {
        std::uint64_t number;
        std::size_t digits;
        std::string_view text;
    };
    constexpr std::uint64_t largest = (std::uint64_t{1} << 60) - 1;
    for (const auto& [number, digits, text] :
         {Row{0, 1, "a"}, Row{31, 1, "7"}, Row{32, 2, "ba"}, Row{1, 4, "aaab"},
          Row{20'780, 4, "aujm"}, Row{1023, 2, "77"}, Row{largest, 12, "777777777777"}}) {
        CAPTURE_VALUE(number);
        CHECK(encodeBase32Number(number, digits) == text);
        CHECK(decodeBase32Number(text) == number);
    }
    CHECK(decodeBase32Number("AUJM") == 20'780);
    CHECK(encodeBase32Number(1024, 2) == "77");
    CHECK(encodeBase32Number(std::numeric_limits<std::uint64_t>::max(), 12) == "777777777777");
}

TEST_CASE("digits and nothing else") {
    CHECK(sluice::isBase32("az27AZ"));
    for (const char* text : {"", "a b", "a1", "0", "a-b", "a\n"}) {
        CAPTURE(text);
        CHECK_FALSE(sluice::isBase32(text));
    }
}
