# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic, the tables, the verdicts and the chart of scripts/bench, without a filter."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree as xml

TEST = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TEST / part) for part in ("support", "system")]

from bench_chart import chart_of  # noqa: E402
from bench_growth import growth_of  # noqa: E402
from bench_milter import summary_of  # noqa: E402
from bench_postfix import alternating, summary_of_rates  # noqa: E402
from bench_report import aligned, table_of  # noqa: E402
from bench_targets import targets_of  # noqa: E402

MACHINE = {"processor": "CPU", "cores": 2, "load_before": 0.5}
SVG = "{http://www.w3.org/2000/svg}"


def report(rate, cpu=10.0, p99=2):
    return {"messages_per_second": rate, "p50_us": 1, "p99_us": p99, "cpu_us_per_message": cpu}


def cell(sluice, redis, connections=64, messages=100, socket="unix"):
    rounds = {"null": [report(2000)], "memory": [sluice], "redis": [redis]}
    return {"socket": socket, "connections": connections, "messages": messages, "steps": 0x80,
            "filters": summary_of(rounds), "rounds": rounds}


def growth(entries=1.0, idle_ratio=1.2, idle_kib=3.0, megabytes=20.0):
    def grown(factor):
        return {"cpu_us": 100 * factor, "cpu_growth": factor, "rate_growth": 1 / factor}

    def level(cpu):
        return summary_of({"null": [report(100, 100)], "memory": [report(90, cpu)]})
    return {"entries": {10: grown(1.0), 1_000_000: grown(entries)}, "lists": {10: grown(1.0), 10_000: grown(1.05)},
            "idle": {1: level(120), 1_000: level(100 * idle_ratio)},
            "idle_memory": {"sessions": 1000, "null": 1.0, "memory": idle_kib},
            "default": {"start": 12.0, "messages": 10_000, "after": megabytes}}


def postfix(**rates):
    return summary_of_rates({name: [rate] for name, rate in rates.items()})


def verdicts(**results):
    return {target: good for target, _, good in targets_of(results)}


class SummaryTest(unittest.TestCase):
    def test_ratio_is_the_median_of_rounds_not_the_ratio_of_medians(self):
        summary = summary_of({"null": [report(100), report(1000), report(10)],
                              "sluice": [report(90), report(100), report(9.5)]})
        self.assertAlmostEqual(summary["sluice"]["ratio"], 0.9)
        self.assertEqual(summary["null"]["messages_per_second"], 100)
        self.assertEqual(summary["sluice"]["messages_per_second"], 90)

    def test_ratios_leave_out_rounds_too_short_to_measure(self):
        summary = summary_of({"null": [report(1, 0), report(1, 10)], "sluice": [report(1, 20), report(1, 15)]})
        self.assertAlmostEqual(summary["sluice"]["cpu_ratio"], 1.5)
        self.assertIsNone(summary_of({"null": [report(1, 0)], "sluice": [report(1, 5)]})["sluice"]["cpu_ratio"])

    def test_tail_and_cpu_time_beside_the_null_filter(self):
        summary = summary_of({"null": [report(1, 10, 100)] * 3,
                              "sluice": [report(1, 40, 110), report(1, 30, 150), report(1, 90, 90)]})["sluice"]
        self.assertAlmostEqual(summary["p99_ratio"], 1.1)
        self.assertAlmostEqual(summary["cpu_above_us"], 30)

    def test_growth_is_told_beside_the_least(self):
        grown = growth_of({10: [report(100, 10), report(50, 20)], 20: [report(50, 15), report(50, 30)]})
        self.assertEqual((grown[10]["cpu_growth"], grown[20]["cpu_growth"]), (1.0, 1.5))
        self.assertAlmostEqual(grown[20]["rate_growth"], 0.75)

    def test_filters_of_postfix_take_turns(self):
        order = []
        found = alternating(["a", "b", "c"], 3, lambda name, number: order.append(name) or number)
        self.assertEqual("".join(order), "abccbaabc")
        self.assertEqual(found, {name: [0, 1, 2] for name in "abc"})

    def test_rates_of_postfix(self):
        summary = summary_of_rates({"null": [100, 10], "sluice": [90, 8], "rspamd": [45, 5]})
        self.assertAlmostEqual(summary["to_null"]["sluice"], 0.85)
        self.assertAlmostEqual(summary["sluice_to"]["rspamd"], 1.8)
        self.assertNotIn("null", summary["to_null"])


class TargetsTest(unittest.TestCase):
    def test_each_target_can_be_met(self):
        met = verdicts(milter=[cell(report(1900, 110, 2.2), report(1900, 110, 2.2))], growth=growth(),
                       postfix=postfix(none=150, null=100, replying=90, sluice=90, rspamd=64))
        self.assertEqual(len(met), 6 + 5 + 2)
        self.assertEqual([target for target, good in met.items() if not good], [])

    def test_one_bad_row_is_enough(self):
        good, bad = report(1900, 110, 2.2), report(1899, 111, 2.3)
        for slow in (cell(bad, good), cell(good, bad)):
            missed = [target for target, met in verdicts(milter=[cell(good, good), slow]).items() if not met]
            self.assertEqual(len(missed), 3, missed)
            self.assertEqual(len({"Redis" in target for target in missed}), 1, missed)

    def test_tail_counts_at_64_connections(self):
        for connections, met in ((8, None), (64, False)):
            row = cell(report(2000, 10, 9), report(2000), connections=connections)
            found = [good for target, good in verdicts(milter=[row]).items() if "p99" in target and "memory" in target]
            self.assertEqual(found, [] if met is None else [met])

    def test_growth_and_memory(self):
        for name, bad in (("entries", 1.11), ("idle_ratio", 1.4), ("idle_kib", 16.1), ("megabytes", 40.1)):
            missed = [target for target, good in verdicts(growth=growth(**{name: bad})).items() if not good]
            self.assertEqual(len(missed), 1, (name, missed))

    def test_postfix(self):
        self.assertEqual(list(verdicts(postfix=postfix(none=1, null=1, replying=1, sluice=0.99)).values()), [False])
        with_rspamd = postfix(none=1, null=1, replying=1, sluice=1, rspamd=0.72)
        self.assertEqual(list(verdicts(postfix=with_rspamd).values()), [True, False])
        for rate, met in ((0.89, False), (0.91, True)):
            with_redis = postfix(none=1, null=1, replying=1, sluice=1, redis=rate)
            self.assertEqual(list(verdicts(postfix=with_redis).values()), [True, met])


class ReportTest(unittest.TestCase):
    def setUp(self):
        tables = {"start_seconds": 1.0, "start_cpu_seconds": 0.9, "start_in_time": True, "resident_megabytes": 400,
                  "memory_in_bounds": False}
        for name in ("networks", "addresses"):
            look_up = {"median_ns": 100, "p99_ns": 200}
            tables[name] = {"entries": 1_000_000, "read_seconds": 1.5, "contains": look_up, "find": look_up}
        gate_rounds = {"null": [report(2000)], "gate": [report(1980)]}
        gate = {**cell(report(1), report(1)), "filters": summary_of(gate_rounds), "rounds": gate_rounds}
        self.results = {
            "machine": MACHINE, "milter": [cell(report(1500, 122), report(1350))], "gate": [gate],
            "large": {"octets": 10_000, "cpu_us": 350.0, "cpu_above_us": 250.0, "ratio": 0.9},
            "memory": {"messages": 75_000, "megabytes": 101.2, "in_bounds": False}, "growth": growth(),
            "postfix": postfix(none=800, null=600, replying=400, sluice=500, rspamd=250), "tables": tables}

    def test_columns_are_aligned(self):
        self.assertEqual(aligned([("a", "bb"), ("ccc", 1)]), "a    bb\nccc   1")

    def test_all_parts_are_shown_and_none_is_needed(self):
        whole = table_of(self.results)
        for wanted in ("0x80", "all filters in use", "all filters but lists and loops in use", "1,500   0.75", "12.20",
                       "1,980   0.99", "store in memory, all rows: 0.90", "350 µs, 250 µs above",
                       "75,000 messages: 101 MB (OUT", "1,000,000", "10,000", "1,000 ", "3.0 KiB, 1.0 KiB in",
                       "12 MB at the start, 20 MB", "replies everywhere", "1.33", "0.83", "2.00",
                       "rspamd as it comes, in a network namespace", "1.00 s (within bounds)", "400 MB resident (OUT OF BOUNDS)"):
            self.assertIn(wanted, whole)
        self.assertEqual(table_of({"machine": MACHINE}), "CPU, 2 cores, load 0.5 before")

    def test_targets_stand_at_the_end_with_their_verdicts(self):
        lines = table_of(self.results).partition("\nTargets\n")[2].splitlines()
        self.assertEqual(len(lines), len(targets_of(self.results)))
        for line, (target, measured, good) in zip(lines, targets_of(self.results)):
            self.assertTrue(line.startswith(target), line)
            self.assertIn(measured, line)
            self.assertTrue(line.endswith("within bounds" if good else "OUT OF BOUNDS"), line)

    def test_rspamd_may_be_missing(self):
        self.results["postfix"] = postfix(none=800, null=600, replying=400, sluice=500)
        self.assertIn("apt-get install rspamd", table_of(self.results))
        self.assertNotIn("rspamd: ≥", table_of(self.results))


class ChartTest(unittest.TestCase):
    def setUp(self):
        self.results = {"machine": {**MACHINE, "processor": "A & B <C>"},
                        "milter": [cell(report(1500), report(1000)), cell(report(3000), report(500), socket="inet")],
                        "postfix": postfix(none=800, null=400, sluice=500, rspamd=250)}

    @staticmethod
    def texts(svg):
        return [each.text for each in svg.iter(f"{SVG}text")]

    @staticmethod
    def bars(svg):
        return [(each.get("class"), float(each.get("width"))) for each in svg.iter(f"{SVG}rect")
                if each.get("class") != "ground" and each.get("height") == "15"]

    def test_it_is_svg_of_bars_that_grow_with_the_ratio(self):
        svg = xml.fromstring(chart_of(self.results))
        bars = self.bars(svg)
        ratios = (0.75, 0.5, 1.5, 0.25, 2.0, 1.25, 0.625)
        self.assertEqual([kind for kind, _ in bars], ["first", "second", "first", "second", "other", "first", "other"])
        for (_, width), ratio in zip(bars, ratios, strict=True):
            self.assertAlmostEqual(width / bars[0][1], ratio / 0.75, delta=0.01)

    def test_all_is_named(self):
        texts = self.texts(xml.fromstring(chart_of(self.results)))
        for wanted in ("unix, 64 connections, 100 messages", "inet, 64 connections, 100 messages", "1.50", "0.25",
                       "sluice, store in Redis", "no filter", "rspamd", "2.00"):
            self.assertIn(wanted, texts)
        self.assertTrue(any("A & B <C>, 2 cores" in text for text in texts))

    def test_nothing_leaves_the_picture(self):
        svg = xml.fromstring(chart_of(self.results))
        width, height = float(svg.get("width")), float(svg.get("height"))
        for each in svg.iter(f"{SVG}rect"):
            self.assertLessEqual(float(each.get("x", 0)) + float(each.get("width")), width)
            self.assertLessEqual(float(each.get("y", 0)) + float(each.get("height")), height)
        for each in svg.iter(f"{SVG}text"):
            self.assertLess(float(each.get("y")), height)

    def test_it_needs_nothing_else(self):
        text = chart_of(self.results)
        self.assertNotIn("href", text)
        self.assertNotIn("var(", text)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_parts_may_be_missing(self):
        self.assertIn("no ratios were measured", self.texts(xml.fromstring(chart_of({"machine": MACHINE}))))
        only = xml.fromstring(chart_of({"machine": MACHINE, "postfix": self.results["postfix"]}))
        self.assertEqual(len(self.bars(only)), 3)


if __name__ == "__main__":
    unittest.main()
