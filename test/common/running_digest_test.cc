// SPDX-License-Identifier: BSD-2-Clause
#include "common/running_digest.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>

namespace sluice {
namespace {

TEST_CASE("running digest: where the text is cut makes no difference") {
    RunningDigest digest;
    CHECK(digest.finish() == sha256(""));
    const std::string text(1000, 'x');
    for (const std::size_t piece : {1U, 63U, 64U, 65U, 999U, 1000U}) {
        CAPTURE(piece);
        for (std::size_t at = 0; at < text.size(); at += piece)
            digest.add(std::string_view(text).substr(at, piece));
        CHECK(digest.finish() == sha256(text));
    }
    digest.add("other");
    CHECK(digest.finish() == sha256("other"));
}

} // namespace
} // namespace sluice
