# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic and the tables of scripts/bench, without a filter."""

import pathlib
import sys
import unittest

TEST = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TEST / part) for part in ("support", "system")]

from bench_milter import summary_of  # noqa: E402
from bench_report import aligned, table_of  # noqa: E402

MACHINE = {"processor": "CPU", "cores": 2, "load_before": 0.5}


def report(rate, cpu=10.0):
    return {"messages_per_second": rate, "p50_us": 1, "p99_us": 2, "cpu_us_per_message": cpu}


class BenchReportTest(unittest.TestCase):
    def test_ratio_is_the_median_of_rounds_not_the_ratio_of_medians(self):
        summary = summary_of({"null": [report(100), report(1000), report(10)],
                              "sluice": [report(90), report(100), report(9.5)]})
        self.assertAlmostEqual(summary["ratio"], 0.9)
        self.assertEqual(summary["null"]["messages_per_second"], 100)
        self.assertEqual(summary["sluice"]["messages_per_second"], 90)

    def test_cpu_ratio_leaves_out_rounds_too_short_to_measure(self):
        summary = summary_of({"null": [report(1, 0), report(1, 10)], "sluice": [report(1, 20), report(1, 15)]})
        self.assertAlmostEqual(summary["cpu_ratio"], 1.5)
        self.assertIsNone(summary_of({"null": [report(1, 0)], "sluice": [report(1, 5)]})["cpu_ratio"])

    def test_columns_are_aligned(self):
        self.assertEqual(aligned([("a", "bb"), ("ccc", 1)]), "a    bb\nccc   1")

    def test_all_parts_are_shown_and_none_is_needed(self):
        cell = {"socket": "unix", "connections": 8, "messages": 100, "steps": 0x80,
                **summary_of({"null": [report(2000)], "sluice": [report(1500, 12)]})}
        tables = {"start_seconds": 1.0, "start_cpu_seconds": 0.9, "start_in_time": True, "resident_megabytes": 400,
                  "memory_in_bounds": False}
        for name in ("networks", "addresses"):
            look_up = {"median_ns": 100, "p99_ns": 200}
            tables[name] = {"entries": 1_000_000, "read_seconds": 1.5, "contains": look_up, "find": look_up}
        postfix = {"messages_per_second": {"none": 800, "null": 600, "sluice": 500},
                   "ratios": {"null to none": 0.75, "sluice to none": 0.62, "sluice to null": 0.83}}
        whole = table_of({"machine": MACHINE, "gate": [cell], "milter": [cell], "postfix": postfix, "tables": tables,
                          "redis": [{"connections": 8, "messages": 100,
                                     **summary_of({"memory": [report(2000)], "redis": [report(1700)]}, "redis", "memory")}],
                          "large": {"octets": 10_000, "null": 100.0, "sluice": 350.0, "ratio": 0.9},
                          "memory": {"messages": 75_000, "megabytes": 101.2, "in_bounds": False}})
        for wanted in ("0x80", "all filters in use", "all filters but lists and loops in use", "1,500   0.75", "1.20", "0.83", "1,700   0.85", "1,000,000", "1.00 s (within bounds)",
                       "400 MB resident (OUT OF BOUNDS)", "350 µs, 250 µs above", "75,000 messages: 101 MB (OUT"):
            self.assertIn(wanted, whole)
        self.assertEqual(table_of({"machine": MACHINE}), "CPU, 2 cores, load 0.5 before")


if __name__ == "__main__":
    unittest.main()
