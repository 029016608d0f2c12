// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/directory_file.hh"
#include "test/support/captured_stderr.hh"
#include "test/support/failing_memory.hh"
#include "test/support/scratch_directory.hh"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace sluice {
namespace {

using test::writeFile;
using Answer = Directory::Answer;

/// Calls `attempt` again and again, each time without the next piece of memory among those that
/// unlucky() takes, until there was memory for all of it. Answers how often there was none.
std::size_t withoutEachPiece(const std::function<void()>& attempt) {
    for (std::size_t which = 1;; ++which) {
        CAPTURE(which);
        test::forgetFailure();
        test::failAllocation(which);
        attempt();
        test::failAllocation(0);
        if (!test::allocationFailed())
            return which - 1;
    }
}

template<typename Work>
void unlucky(Work&& work) {
    const test::CountedMemory counted;
    work();
}

/// Puts a file in place as a whole.
void replaceFile(const std::string& path, const std::string& content) {
    writeFile(path + ".new", content);
    std::filesystem::rename(path + ".new", path);
}

TEST_CASE("directory file: a reading without memory is made up for") {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.path("users");
    const auto find = [](FileDirectory& directory, const char* address) {
        return directory.find(MailAddress::fromPath(address));
    };
    const std::string good = "b@example.org\n";
    for (const std::string& content : {std::string(), std::string("nonsense\n"), good}) {
        CAPTURE(content);
        const std::size_t failures = withoutEachPiece([&] {
            test::CapturedStderr log;
            replaceFile(path, "a@example.org\n");
            const auto directory = FileDirectory::open(path).value();
            if (content.empty())
                std::filesystem::remove(path);
            else
                replaceFile(path, content);
            unlucky([&] { directory->refresh(); });
            CHECK(find(*directory, "b@example.org") != Answer::unknown);
            if (content != good)
                replaceFile(path, good);
            for (unsigned call = 0; call <= FileDirectory::callsAtRest; ++call)
                directory->refresh();
            CHECK(find(*directory, "a@example.org") == Answer::unknown);
            CHECK(find(*directory, "b@example.org") == Answer::known);
        });
        CHECK(failures > 3);
    }
}

TEST_CASE("directory file: one that was away when memory was out is read anew") {
    const test::ScratchDirectory scratch;
    const std::string folder = scratch.path("folder");
    std::filesystem::create_directory(folder);
    writeFile(folder + "/users", "a@example.org\n");
    const auto failures = withoutEachPiece([&] {
        test::CapturedStderr log;
        const auto directory = FileDirectory::open(folder + "/users").value();
        std::filesystem::rename(folder, folder + ".away");
        unlucky([&] { directory->refresh(); });
        CHECK(directory->find(MailAddress::fromPath("b@example.org")) == Answer::unavailable);
        std::filesystem::rename(folder + ".away", folder); // the file looks as it did before
        for (unsigned call = 0; call <= FileDirectory::callsAtRest; ++call)
            directory->refresh();
        CHECK(directory->find(MailAddress::fromPath("b@example.org")) == Answer::unknown);
    });
    CHECK(failures > 3);
}

} // namespace
} // namespace sluice
