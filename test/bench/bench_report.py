# SPDX-License-Identifier: BSD-2-Clause
"""The results of scripts/bench as text."""

import statistics

from bench_rspamd import SURROUNDINGS
from bench_targets import targets_of

NAMES = {"none": "no filter", "null": "null filter", "replying": "null filter, replies everywhere", "sluice": "sluice",
         "rspamd": "rspamd", "memory": "sluice", "redis": "sluice, Redis", "gate": "sluice",
         "plain": "sluice, without lists and loops"}
MILTER_HEAD = ("socket", "connections", "messages", "", "messages/s", "ratio", "p50 µs", "p99 µs", "ratio",
               "CPU µs/message", "ratio", "above")


def aligned(rows):
    """Columns wide enough for their widest cell; the first to the left, numbers to the right."""
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(str(cell).ljust(width) if index == 0 else str(cell).rjust(width)
                               for index, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def shown(ratio):
    return "?" if ratio is None else f"{ratio:.2f}"


def milter_rows(cells):
    yield MILTER_HEAD
    for cell in cells:
        for name, result in cell["filters"].items():
            speed, p99, cpu = ("", "", "") if name == "null" else (
                shown(result[key]) for key in ("ratio", "p99_ratio", "cpu_ratio"))
            above = "" if name == "null" else f"{result['cpu_above_us']:,.0f}"
            yield (cell["socket"], cell["connections"], cell["messages"], NAMES[name],
                   f"{result['messages_per_second']:,.0f}", speed, f"{result['p50_us']:,.0f}",
                   f"{result['p99_us']:,.0f}", p99, f"{result['cpu_us_per_message']:,.0f}", cpu, above)


def redis_beside_memory(cells):
    """Median of messages a second in Redis, of those in memory."""
    ratios = [one["messages_per_second"] / other["messages_per_second"]
              for cell in cells if "redis" in cell["rounds"]
              for one, other in zip(cell["rounds"]["redis"], cell["rounds"]["memory"])]
    return f"Store in Redis beside the store in memory, all rows: {statistics.median(ratios):.2f}" if ratios else ""


def postfix_rows(result):
    yield ("filter", "messages/s", "of the null filter", "sluice of it")
    for name, rate in result["messages_per_second"].items():
        to_null, of_it = result["to_null"].get(name), result["sluice_to"].get(name)
        yield (NAMES[name], f"{rate:,.0f}", "" if to_null is None else shown(to_null),
               "" if of_it is None else shown(of_it))


def growth_rows(growth):
    yield ("what there is", "number", "CPU µs/message", "grown to", "messages/s, grown to")
    for key, what in (("entries", "entries in each of two tables"), ("lists", "lists")):
        for number, each in growth[key].items():
            yield (what, f"{number:,}", f"{each['cpu_us']:,.0f}", shown(each["cpu_growth"]),
                   shown(each["rate_growth"]))


def idle_rows(levels):
    yield ("idle sessions", "null filter µs", "sluice µs", "ratio", "above µs", "messages/s ratio")
    for number, each in levels.items():
        sluice = each["memory"]
        yield (f"{number:,}", f"{each['null']['cpu_us_per_message']:,.0f}", f"{sluice['cpu_us_per_message']:,.0f}",
               shown(sluice["cpu_ratio"]), f"{sluice['cpu_above_us']:,.0f}", shown(sluice["ratio"]))


def growth_parts(growth):
    yield "Growth\n" + aligned(list(growth_rows(growth)))
    yield ("CPU of a message with idle sessions; what the null filter's grows by is libmilter's share\n"
           + aligned(list(idle_rows(growth["idle"]))))
    idle, default = growth["idle_memory"], growth["default"]
    yield (f"Memory of an idle session, of {idle['sessions']:,}: {idle['memory']:.1f} KiB, {idle['null']:.1f} KiB in "
           f"the null filter\nMemory with default settings: {default['start']:.0f} MB at the start, "
           f"{default['after']:.0f} MB after {default['messages']:,} messages")


def table_rows(result):
    yield ("table", "entries", "read s", "look-up", "median ns", "p99 ns")
    for name in ("networks", "addresses"):
        for kind in ("contains", "find"):
            each = result[name]
            yield (name, f"{each['entries']:,}", f"{each['read_seconds']:.2f}", kind,
                   f"{each[kind]['median_ns']:,.0f}", f"{each[kind]['p99_ns']:,.0f}")


def verdict(good):
    return "within bounds" if good else "OUT OF BOUNDS"


def start_lines(result):
    return (f"start of the daemon with both: {result['start_seconds']:.2f} s ({verdict(result['start_in_time'])}), "
            f"{result['start_cpu_seconds']:.2f} s of them CPU, {result['resident_megabytes']:,.0f} MB resident "
            f"({verdict(result['memory_in_bounds'])})")


def milter_parts(results):
    for part, filters in (("milter", "all filters"), ("gate", "all filters but lists and loops")):
        if part in results:
            steps = {cell["steps"] for cell in results[part]}
            rows = aligned(list(milter_rows(results[part])))
            yield (f"Milter protocol alone, {filters} in use, steps negotiated by both "
                   + ", ".join(hex(each) for each in sorted(steps)) + f"\n{rows}\n"
                   + redis_beside_memory(results[part])).rstrip()
    if "large" in results:
        large = results["large"]
        yield (f"CPU of a message of {large['octets']:,} octets: {large['cpu_us']:,.0f} µs, "
               f"{large['cpu_above_us']:,.0f} µs above the null filter's; ratio of messages/s {shown(large['ratio'])}")
    if "memory" in results:
        memory = results["memory"]
        yield (f"Memory for what is remembered of {memory['messages']:,} messages: {memory['megabytes']:,.0f} MB "
               f"({verdict(memory['in_bounds'])})")


def postfix_part(result):
    missing = "rspamd is not installed: apt-get install rspamd"
    note = f"rspamd as it comes, {SURROUNDINGS}" if "rspamd" in result["messages_per_second"] else missing
    return f"Postfix end to end\n{aligned(list(postfix_rows(result)))}\n{note}"


def table_of(results):
    machine = results["machine"]
    parts = [f"{machine['processor']}, {machine['cores']} cores, load {machine['load_before']:.1f} before",
             *milter_parts(results)]
    if "growth" in results:
        parts += growth_parts(results["growth"])
    if "postfix" in results:
        parts.append(postfix_part(results["postfix"]))
    if "tables" in results:
        rows = aligned(list(table_rows(results["tables"])))
        parts.append(f"Large tables\n{rows}\n{start_lines(results['tables'])}")
    if targets := targets_of(results):
        parts.append("Targets\n" + aligned([(what, measured, verdict(good)) for what, measured, good in targets]))
    return "\n\n".join(parts)
