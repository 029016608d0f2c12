// SPDX-License-Identifier: BSD-2-Clause
#include "milter/esmtp_arguments.hh"
#include "test/support/capture_value.hh"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace sluice;

namespace {

/// As libmilter hands them over.
class Arguments {
public:
    explicit Arguments(std::vector<std::string> texts) : texts_(std::move(texts)) {
        for (std::string& text : texts_)
            pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
    }
    char** get() { return pointers_.data(); }

private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

} // namespace

TEST_CASE("the declared size of a message") {
    struct Case {
        std::vector<std::string> arguments;
        std::optional<std::uint64_t> size;
    };
    const auto largest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [arguments, size] : std::vector<Case>{
             {{}, std::nullopt},
             {{"<a@b>"}, std::nullopt},
             {{"SIZE=5"}, std::nullopt}, // an address, however odd
             {{"<a@b>", "SIZE"}, std::nullopt},
             {{"<a@b>", "SIZE="}, std::nullopt},
             {{"<a@b>", "SIZE=-1"}, std::nullopt},
             {{"<a@b>", "SIZE=1x"}, std::nullopt},
             {{"<a@b>", "XSIZE=1"}, std::nullopt},
             {{"<a@b>", "SIZE=0"}, 0},
             {{"<a@b>", "BODY=8BITMIME", "size=1000"}, 1000},
             {{"<a@b>", "SIZE=18446744073709551615"}, largest},
             {{"<a@b>", "SIZE=18446744073709551616"}, largest},
         }) {
        CAPTURE_VALUE(arguments.size());
        CHECK(declaredSize(Arguments(arguments).get()) == size);
    }
}

TEST_CASE("parameters by their keyword") {
    const auto has = [](std::vector<std::string> arguments) {
        return hasParameter(Arguments(std::move(arguments)).get(), {"NOTIFY", "ORCPT"});
    };
    CHECK_FALSE(has({}));
    CHECK_FALSE(has({"NOTIFY=NEVER"}));
    CHECK_FALSE(has({"<a@b>", "NOTIFYX=NEVER", "XORCPT=x", "="}));
    CHECK(has({"<a@b>", "notify=NEVER"}));
    CHECK(has({"<a@b>", "X=Y", "ORCPT"}));
}
