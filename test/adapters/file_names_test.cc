// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/file_names.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>

using sluice::forEachFileName;
using sluice::test::ScratchDirectory;
using sluice::test::writeFile;

namespace {

std::multiset<std::string> visited(const std::string& path) {
    std::multiset<std::string> names;
    const auto walked = forEachFileName(path, [&](std::string_view name) { names.emplace(name); });
    REQUIRE_MESSAGE(walked, walked.error().message);
    return names;
}

} // namespace

TEST_CASE("what cannot be read as a folder is named") {
    const ScratchDirectory scratch;
    writeFile(scratch.path("file"), "x");
    const auto never = [](std::string_view name) { FAIL("visited ", name); };
    const auto errorOf = [&](const char* name) {
        const auto walked = forEachFileName(scratch.path(name), never);
        return walked ? "" : walked.error().message;
    };
    CHECK(errorOf("none") == scratch.path("none") + ": No such file or directory");
    CHECK(errorOf("file") == scratch.path("file") + ": Not a directory");
    const auto walked = forEachFileName(sluice::Descriptor(-1), "shown", never);
    CHECK(walked.error().message.starts_with("shown: "));
}

TEST_CASE("each name is visited once, and may go meanwhile") {
    const ScratchDirectory scratch;
    CHECK(visited(scratch.path()).empty());
    const std::multiset<std::string> names{"a", ".hidden", "..c", "with space", "\xff", "folder"};
    for (const std::string& name : names)
        writeFile(scratch.path(name), "x");
    CHECK(visited(scratch.path()) == names);
    CHECK(forEachFileName(scratch.path(), [&](std::string_view name) {
        CHECK(std::filesystem::remove(scratch.path(name)));
    }));
    CHECK(visited(scratch.path()).empty());
}

TEST_CASE("an exception of the visitor passes") {
    const ScratchDirectory scratch;
    writeFile(scratch.path("a"), "x");
    CHECK_THROWS_AS(static_cast<void>(forEachFileName(
                        scratch.path(), [](std::string_view) { throw std::runtime_error("x"); })),
                    std::runtime_error);
}
