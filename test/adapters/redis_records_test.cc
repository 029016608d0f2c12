// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_records.hh"

#include <doctest/doctest.h>
#include <hiredis/hiredis.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

using namespace sluice;
using namespace sluice::redis;

namespace {

struct FreeReader {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
};

/// What hiredis makes of an answer of the server (RESP).
RedisReply answer(std::string_view octets) {
    const std::unique_ptr<redisReader, FreeReader> reader(redisReaderCreate());
    REQUIRE(redisReaderFeed(reader.get(), octets.data(), octets.size()) == REDIS_OK);
    void* reply = nullptr;
    REQUIRE(redisReaderGetReply(reader.get(), &reply) == REDIS_OK);
    return RedisReply(static_cast<redisReply*>(reply));
}

std::string bulk(const std::string& octets) {
    return "$" + std::to_string(octets.size()) + "\r\n" + octets + "\r\n";
}

} // namespace

TEST_CASE("an answer is what it is, and nothing else") {
    const RedisReply nil = answer("$-1\r\n");
    CHECK(nil.value().isNil());
    CHECK(RedisValue(nullptr).isNil());
    CHECK_FALSE(RedisValue(nullptr).error());
    CHECK_FALSE(RedisValue(nullptr).integer());
    CHECK_FALSE(RedisValue(nullptr).text());
    CHECK(RedisValue(nullptr)[0].isNil());
    const RedisReply error = answer("-READONLY no\r\n");
    CHECK(error.value().error() == "READONLY no");
    CHECK_FALSE(error.value().text());
    CHECK_FALSE(error.value().isNil());
    const RedisReply array = answer("*3\r\n:7\r\n+OK\r\n$2\r\nab\r\n");
    CHECK(array.value().size() == 3);
    CHECK(array.value()[0].integer() == 7);
    CHECK_FALSE(array.value()[0].text());
    CHECK(array.value()[0].size() == 0);
    CHECK(array.value()[1].text() == "OK");
    CHECK(array.value()[2].text() == "ab");
    CHECK_FALSE(array.value()[2].integer());
    CHECK(array.value()[3].isNil());
}

TEST_CASE("records of another length are none") {
    for (const std::size_t length :
         std::initializer_list<std::size_t>{0, 1, 11, 13, 15, 17, 1000}) {
        CAPTURE(length);
        const std::string octets(length, 'x');
        CHECK_FALSE(storeKey(octets));
        CHECK_FALSE(postState(octets));
        const RedisReply both = answer("*2\r\n" + bulk(octets) + ":1\r\n");
        CHECK_FALSE(knownLink(both.value()[0], both.value()[1]));
    }
    CHECK_FALSE(bookEntry(""));
    CHECK_FALSE(bookEntry(std::string(39, 'x')));
    CHECK(bookEntry(std::string(40, 'x')));
}

TEST_CASE("numbers that are none, or too large, make no record") {
    ChainLink link;
    const std::string octetsOfLink = octets(link);
    for (const char* const age : {":-1\r\n", ":4294967296\r\n", "+1\r\n", "$-1\r\n", "*0\r\n"}) {
        CAPTURE(age);
        const RedisReply both = answer("*2\r\n" + bulk(octetsOfLink) + age);
        CHECK_FALSE(knownLink(both.value()[0], both.value()[1]));
    }
    for (const char* const turn : {"*0\r\n", "*1\r\n:1\r\n", "*2\r\n:65536\r\n:0\r\n",
                                   "*2\r\n:1\r\n:256\r\n", "*2\r\n:1\r\n:-1\r\n", ":1\r\n"}) {
        CAPTURE(turn);
        CHECK_FALSE(turnAnswer(answer(turn).value()));
    }
    for (const char* const copy :
         {"*0\r\n", "*3\r\n:1\r\n:1\r\n:1\r\n", "*4\r\n:1\r\n:1\r\n:1\r\n+1\r\n",
          "*4\r\n:1\r\n:4294967296\r\n:1\r\n:1\r\n"}) {
        CAPTURE(copy);
        CHECK_FALSE(copyAnswer(answer(copy).value()));
    }
}

TEST_CASE("records come out as they went in") {
    const StoreKey key{0x0102030405060708U, 0xfffefdfcfbfaf9f8U};
    CHECK(octets(key) == std::string("\x01\x02\x03\x04\x05\x06\x07\x08\xff\xfe\xfd\xfc\xfb\xfa\xf9"
                                     "\xf8"));
    CHECK(storeKey(octets(key)) == key);
    CHECK(hexadecimal(key) == "0102030405060708fffefdfcfbfaf9f8");
    CHECK(octets(std::uint64_t{1}) == std::string("\0\0\0\0\0\0\0\1", 8));

    PostState post;
    post.received = 3;
    post.stamps = 0xff00000000000001U;
    CHECK(postState(octets(post)) == post);

    for (const bool set : {false, true}) {
        ChainLink link;
        link.author = 1;
        link.previousAuthor = 2;
        link.templates.back() = 0xffffffffffffffffU;
        link.depth = 65535;
        link.automatic = set;
        link.chainAutomatic = !set;
        link.prompt = set;
        const RedisReply both = answer("*2\r\n" + bulk(octets(link)) + ":4294967295\r\n");
        const auto known = knownLink(both.value()[0], both.value()[1]);
        REQUIRE(known);
        CHECK(known->link == link);
        CHECK(known->age.count() == 4294967295);
    }
    CHECK(turnAnswer(answer("*2\r\n:65535\r\n:31\r\n").value()) ==
          TurnAnswer{65535, true, true, true, true, true});
    const auto copy = copyAnswer(answer("*4\r\n:1\r\n:2\r\n:3\r\n:60\r\n").value());
    REQUIRE(copy);
    CHECK(copy->interval == std::chrono::seconds(60));
    const std::string octets = std::string("\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\6", 24) +
                               std::string(16, 'k') + "label";
    const auto entry = bookEntry(octets);
    REQUIRE(entry);
    CHECK(entry->count == 1);
    CHECK(entry->ends == 6);
    CHECK(entry->label == "label");
}
