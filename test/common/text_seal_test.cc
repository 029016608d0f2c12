// SPDX-License-Identifier: BSD-2-Clause
#include "common/text_seal.hh"

#include <doctest/doctest.h>

using namespace sluice;

namespace {

Digest keyOf(std::uint8_t octet) {
    Digest key{};
    key.fill(octet);
    return key;
}

} // namespace

TEST_CASE("text seal: what is sealed comes back, and differs each time") {
    const TextSeal seal({keyOf(1)});
    for (const std::string text : {"", "a", "list@example.org user@example.net", "\0\n\xff"}) {
        const std::string sealed = seal.seal(text);
        CHECK(sealed.size() == text.size() + 40);
        CHECK(seal.open(sealed) == text);
        CHECK(seal.seal(text) != sealed);
    }
    CHECK(seal.seal("list@example.org").find("example") == std::string::npos);
}

TEST_CASE("text seal: what was changed, cut or sealed by another key does not open") {
    const TextSeal seal({keyOf(1)});
    const std::string sealed = seal.seal("list@example.org");
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        CHECK_FALSE(seal.open(changed));
        CHECK_FALSE(seal.open(sealed.substr(0, at)));
    }
    CHECK_FALSE(seal.open(sealed + '\0'));
    CHECK_FALSE(TextSeal({keyOf(2)}).open(sealed));
}

TEST_CASE("text seal: a key that was put behind a new one still opens") {
    const std::string old = TextSeal({keyOf(1)}).seal("text");
    const TextSeal rotated({keyOf(2), keyOf(1)});
    CHECK(rotated.open(old) == "text");
    CHECK_FALSE(TextSeal({keyOf(1)}).open(rotated.seal("text")));
}
