// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/progress.hh"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace sluice::ctl;

TEST_CASE("how far the work has come, in so many columns") {
    struct Row {
        ProgressUnit unit;
        std::uint64_t done;
        std::uint64_t total;
        std::size_t columns;
        std::string expected;
    };
    const Row rows[] = {
        {ProgressUnit::files, 3, 4, 0, ""},
        {ProgressUnit::files, 3, 4, 6, "read  "},
        {ProgressUnit::files, 3, 4, 20, "read  75% 3 of 4 fil"},
        {ProgressUnit::files, 3, 4, 29, "read  75% 3 of 4 files"},
        {ProgressUnit::files, 3, 4, 30, "read [###--]  75% 3 of 4 files"},
        {ProgressUnit::files, 3, 4, 34, "read [######---]  75% 3 of 4 files"},
        {ProgressUnit::files, 0, 4, 33, "read [--------]   0% 0 of 4 files"},
        {ProgressUnit::files, 4, 4, 33, "read [########] 100% 4 of 4 files"},
        {ProgressUnit::files, 5, 4, 33, "read [########] 100% 5 of 4 files"},
        {ProgressUnit::messages, 5, 0, 80, "read: 5 messages"},
        {ProgressUnit::lines, 5, 0, 7, "read: 5"},
        {ProgressUnit::octets, 0, 0, 80, "read: 0.0 kB"},
        {ProgressUnit::octets, 999'949, 0, 80, "read: 999.9 kB"},
        {ProgressUnit::octets, 1'500'000, 0, 80, "read: 1.5 MB"},
        {ProgressUnit::octets, UINT64_MAX, UINT64_MAX, 10, "read 100% "},
        {ProgressUnit::octets, 1'000'000, 2'000'000, 40,
         "read [#####------]  50% 1.0 MB of 2.0 MB"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.columns);
        CAPTURE(row.done);
        const std::string text = progressText("read", row.unit, row.done, row.total, row.columns);
        CHECK(text == row.expected);
        CHECK(text.size() <= row.columns);
    }
    CHECK(progressText("read", ProgressUnit::lines, 1, 2, 500).size() < 80);
}
