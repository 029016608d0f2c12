// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/answer_cache.hh"

#include <doctest/doctest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

AnswerCache::Time at(std::chrono::seconds second) {
    return AnswerCache::Time(second);
}

AnswerCache::Answer answer(std::uint32_t address) {
    return std::make_shared<const AddressAnswer>(
        AddressAnswer{AddressAnswer::Status::found, {address}, {}});
}

TEST_CASE("nothing is found in a cache that keeps nothing") {
    AnswerCache cache(0);
    CHECK_FALSE(cache.find("a.", at(0s)));
    cache.keep("a.", answer(1), at(10s));
    CHECK_FALSE(cache.find("a.", at(0s)));
    CHECK(cache.size() == 0);
}

TEST_CASE("an answer is good until its time, and not at it") {
    AnswerCache cache(10);
    const auto kept = answer(1);
    cache.keep("a.", kept, at(10s));
    CHECK(cache.find("a.", at(9s)) == kept);
    CHECK_FALSE(cache.find("b.", at(9s)));
    CHECK_FALSE(cache.find("a.", at(10s)));
    CHECK(cache.size() == 0); // what is over is not kept on
}

TEST_CASE("a newer answer replaces the old one") {
    AnswerCache cache(1);
    const auto newer = answer(2);
    cache.keep("a.", answer(1), at(10s));
    cache.keep("a.", newer, at(20s));
    CHECK(cache.find("a.", at(15s)) == newer);
    CHECK(cache.size() == 1);
}

TEST_CASE("the one that was not used for longest makes room") {
    AnswerCache cache(3);
    for (const char* name : {"a.", "b.", "c."})
        cache.keep(name, answer(1), at(100s));
    CHECK(cache.find("a.", at(0s)));
    cache.keep("d.", answer(1), at(100s));
    CHECK(cache.size() == 3);
    CHECK_FALSE(cache.find("b.", at(0s)));
    for (const char* name : {"a.", "c.", "d."})
        CHECK(cache.find(name, at(0s)));
}

TEST_CASE("it stays within its bound") {
    AnswerCache cache(100);
    for (int i = 0; i < 1000; ++i)
        cache.keep(std::to_string(i) + ".a.name.that.is.longer.than.a.short.string.", answer(1),
                   at(100s));
    CHECK(cache.size() == 100);
    CHECK(cache.find("999.a.name.that.is.longer.than.a.short.string.", at(0s)));
    CHECK_FALSE(cache.find("899.a.name.that.is.longer.than.a.short.string.", at(0s)));
}

} // namespace
} // namespace sluice
