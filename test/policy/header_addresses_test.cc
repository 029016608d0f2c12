// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/header_addresses.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>
#include <pthread.h>

#include <string>
#include <vector>

using sluice::headerAddresses;

namespace {

std::string keysOf(std::string_view value) {
    std::string text;
    for (const auto& address : headerAddresses(value))
        text += "[" + address.key() + "]";
    return text;
}

std::string repeated(const std::string& part, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += part;
    return text;
}

} // namespace

TEST_CASE("addresses of From and Sender") {
    struct Case {
        const char* value;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"", ""},
        {"  \r\n ", ""},
        {" <>", "[]"},
        {" \"Nobody\" <>", "[]"},
        {" undisclosed-recipients:;", ""},
        {" A <a@b.example", "[a@b.example]"},
        {" a@b.example", "[a@b.example]"},
        {" A@B.Example", "[a@b.example]"},
        {" O'Brien-Smith 2nd <A+tag@B.Example>\r\n ", "[a+tag@b.example]"},
        {"<a@b.example>", "[a@b.example]"},
        {" a@b.example.", "[a@b.example]"},
        {" a@b.example, ", "[a@b.example]"},
        {" x@spam.example <a@b.example>", "[a@b.example]"},
        {" x; <evil@bad.example>", "[x@][evil@bad.example]"},
        {" \"<good@ok.example>\" evil@bad.example", "[evil@bad.example]"},
        {" a:b:c:d:e:f:evil@bad.example;;;;;;", "[evil@bad.example]"},
        {" A <x@spam.example> <a@b.example>", "[x@spam.example][a@b.example]"},
        {" \"x@spam.example\" <a@b.example>", "[a@b.example]"},
        {" =?utf-8?q?x=40spam=2Eexample?= <a@b.example>", "[a@b.example]"},
        {" a@b.example, C <c@d.example>", "[a@b.example][c@d.example]"},
        {" Friends: a@b.example, c@d.example;", "[a@b.example][c@d.example]"},
        {" (comment) a@b.example (another (nested))", "[a@b.example]"},
        {" A\r\n <a@b.example>", "[a@b.example]"},
        {" \"Ted Bremer\"@b.example", "[ted bremer@b.example]"},
    };
    for (const auto& [value, expected] : cases) {
        CAPTURE_VALUE(value);
        CHECK(keysOf(value) == expected);
    }
}

/// On a stack as small as that of a callback.
TEST_CASE("groups in groups need no stack") {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512UL * 1024);
    pthread_t thread{};
    const auto read = [](void* found) -> void* {
        *static_cast<std::string*>(found) = keysOf(repeated("a:", 30'000) + "evil@bad.example");
        return nullptr;
    };
    std::string found;
    REQUIRE(pthread_create(&thread, &attributes, read, &found) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    CHECK(found.find("[evil@bad.example]") != std::string::npos);
}

TEST_CASE("hostile values end, and quickly") {
    const std::size_t many = 20'000;
    for (const std::string& value :
         {repeated("(", many), repeated("a:", many), repeated("<", many), repeated("\"", many),
          repeated("a@b.example,", many), repeated("@a,", many), repeated("=?utf-8?b?", many),
          repeated("a(b)", many), repeated(".", many), std::string(300'000, 'a'),
          std::string("a\0b@c.example", 13), std::string("\xff\xfe\x80@\xff")}) {
        INFO(value.substr(0, 20));
        CHECK_NOTHROW(headerAddresses(value));
    }
}
