# SPDX-License-Identifier: BSD-2-Clause
"""The results of scripts/bench as text."""

MILTER_HEAD = ("socket", "connections", "messages", "", "messages/s", "ratio", "p50 µs", "p99 µs",
               "CPU µs/message", "ratio")


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
        for name in ("null", "sluice"):
            result = cell[name]
            ratios = [shown(cell[key]) if name == "sluice" else "" for key in ("ratio", "cpu_ratio")]
            yield (cell["socket"], cell["connections"], cell["messages"], name,
                   f"{result['messages_per_second']:,.0f}", ratios[0], f"{result['p50_us']:,.0f}",
                   f"{result['p99_us']:,.0f}", f"{result['cpu_us_per_message']:,.0f}", ratios[1])


def redis_rows(cells):
    yield ("connections", "messages", "memory/s", "redis/s", "ratio", "memory p50 µs", "redis p50 µs", "CPU ratio")
    for cell in cells:
        memory, redis = cell["memory"], cell["redis"]
        yield (cell["connections"], cell["messages"], f"{memory['messages_per_second']:,.0f}",
               f"{redis['messages_per_second']:,.0f}", shown(cell["ratio"]), f"{memory['p50_us']:,.0f}",
               f"{redis['p50_us']:,.0f}", shown(cell["cpu_ratio"]))


def postfix_rows(result):
    yield ("filter", "messages/s", "of no filter", "of null")
    rates, ratios = result["messages_per_second"], result["ratios"]
    yield ("none", f"{rates['none']:,.0f}", "", "")
    yield ("null", f"{rates['null']:,.0f}", f"{ratios['null to none']:.2f}", "")
    yield ("sluice", f"{rates['sluice']:,.0f}", f"{ratios['sluice to none']:.2f}", f"{ratios['sluice to null']:.2f}")


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


def table_of(results):
    machine = results["machine"]
    parts = [f"{machine['processor']}, {machine['cores']} cores, load {machine['load_before']:.1f} before"]
    for part, filters in (("gate", "all filters but lists and loops"), ("milter", "all filters")):
        if part in results:
            steps = {cell["steps"] for cell in results[part]}
            parts.append(f"Milter protocol alone, {filters} in use, steps negotiated by both "
                         + ", ".join(hex(each) for each in sorted(steps)) + "\n"
                         + aligned(list(milter_rows(results[part]))))
    if "large" in results:
        large = results["large"]
        parts.append(f"CPU of a message of {large['octets']:,} octets: {large['sluice']:,.0f} µs, "
                     f"{large['sluice'] - large['null']:,.0f} µs above the null filter's; ratio of messages/s "
                     f"{shown(large['ratio'])}")
    if "memory" in results:
        memory = results["memory"]
        parts.append(f"Memory for what is remembered of {memory['messages']:,} messages: {memory['megabytes']:,.0f} MB "
                     f"({verdict(memory['in_bounds'])})")
    if "redis" in results:
        parts.append("Store in Redis on a unix socket beside the store in memory\n"
                     + aligned(list(redis_rows(results["redis"]))))
    if "postfix" in results:
        parts.append("Postfix end to end\n" + aligned(list(postfix_rows(results["postfix"]))))
    if "tables" in results:
        rows = aligned(list(table_rows(results["tables"])))
        parts.append(f"Large tables\n{rows}\n{start_lines(results['tables'])}")
    return "\n\n".join(parts)
