// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/base64.hh"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::mta {
namespace {

TEST_CASE("base64: what is not its canonical form is refused") {
    for (const std::string_view bad :
         {"Z", "Zg", "Zg=", "=", "====", "Zg==Zg==", "Zh==", "Z===", "Zm9v\n", "Zm 9", "Zm9\xc3"}) {
        CAPTURE(bad);
        CHECK_FALSE(decodeBase64(bad).has_value());
    }
}

TEST_CASE("base64: the examples of RFC 4648 section 10") {
    struct Row {
        std::string_view octets;
        std::string_view text;
    };
    const Row rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(encodeBase64(row.octets) == row.text);
        CHECK(decodeBase64(row.text) == row.octets);
    }
}

TEST_CASE("base64: every octet survives") {
    std::string octets;
    for (int i = 0; i < 256; ++i)
        octets += static_cast<char>(i);
    CHECK(decodeBase64(encodeBase64(octets)) == octets);
}

} // namespace
} // namespace sluice::mta
