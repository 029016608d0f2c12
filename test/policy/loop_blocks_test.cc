// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/loop_blocks.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <optional>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const KeyHasher hasher(sha256("a secret"));
const MailAddress a("a", "example.org");
const MailAddress b("b", "example.com");

std::optional<IpAddress> client(const char* text) {
    return IpAddress::parse(text).value();
}

TEST_CASE("blocks: what is one loop") {
    const StoreKey key = loopKey(hasher, a, b, client("192.0.2.1"));
    CHECK(key == loopKey(hasher, a, b, client("192.0.2.200")));
    CHECK_FALSE(key == loopKey(hasher, b, a, client("192.0.2.1")));
    CHECK_FALSE(key == loopKey(hasher, a, b, client("192.0.3.1")));
    CHECK_FALSE(key == loopKey(hasher, MailAddress(), b, client("192.0.2.1")));
    CHECK_FALSE(key == loopKey(KeyHasher(sha256("other")), a, b, client("192.0.2.1")));
    CHECK(clientKey(hasher, client("2001:db8::1")) == clientKey(hasher, client("2001:db8::2:1")));
    CHECK_FALSE(clientKey(hasher, client("2001:db8::1")) ==
                clientKey(hasher, client("2001:db8:1::1")));
    CHECK_FALSE(clientKey(hasher, std::nullopt) == clientKey(hasher, client("192.0.2.1")));
}

TEST_CASE("blocks: the first recipient stands for all") {
    const Cut cut = cutOf(hasher, MailAddress(), {b, a}, client("192.0.2.1"));
    CHECK(cut.loop == loopKey(hasher, MailAddress(), a, client("192.0.2.1")));
    CHECK(cut.loop == cutOf(hasher, MailAddress(), {a, b}, client("192.0.2.1")).loop);
    CHECK(cut.label == "<> to <a@example.org> from 192.0.2.1");
    CHECK(cutOf(hasher, a, {}, std::nullopt).label == "<a@example.org> to <> from local");
}

TEST_CASE("blocks: who is blocked when") {
    enum class Who { nobody, loop, client };
    struct Case {
        LoopBlockMode mode;
        CutCount count;
        Who who;
    };
    const Case cases[] = {
        {LoopBlockMode::off, {1000, 100}, Who::nobody},
        {LoopBlockMode::pair, {49, 100}, Who::nobody},
        {LoopBlockMode::pair, {50, 1}, Who::loop},
        {LoopBlockMode::client, {49, 2}, Who::nobody},
        {LoopBlockMode::client, {50, 2}, Who::loop},
        {LoopBlockMode::client, {1, 3}, Who::client},
    };
    const Cut cut = cutOf(hasher, a, {b}, client("192.0.2.1"));
    for (const auto& [mode, count, who] : cases) {
        CAPTURE_VALUE(static_cast<int>(mode));
        CAPTURE_VALUE(count.ofLoop);
        const auto key = toBlock(mode, cut, count);
        CHECK(key.has_value() == (who != Who::nobody));
        if (key)
            CHECK(*key == (who == Who::loop ? cut.loop : cut.client));
    }
}

TEST_CASE("blocks: last as long as they say") {
    const SteadyTime now{1000h};
    const Cut cut = cutOf(hasher, a, {b}, client("192.0.2.1"));
    CHECK(BlockSet().empty());
    CHECK_FALSE(BlockSet().has(cut.loop, now));
    BlockSet set({{cut.loop, 10min, 10min, ""}}, now);
    CHECK(set.has(cut.loop, now + 10min - 1s));
    CHECK_FALSE(set.has(cut.loop, now + 10min));
    CHECK_FALSE(set.has(cut.client, now));
    set.add({cut.client, 20min, 20min, ""}, now);
    CHECK(set.has(cut.client, now + 19min));
}

} // namespace
} // namespace sluice
