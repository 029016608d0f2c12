# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/bench has to show, each target with what was measured and whether that is good enough."""

from bench_growth import MOST_DEFAULT_MEGABYTES, MOST_GROWTH, MOST_IDLE_KIB

LEAST_RATIO = 0.95  # messages a second beside the null filter
MOST_P99_RATIO = 1.1
P99_CONNECTIONS = 64
MOST_CPU_ABOVE_US = 100
LEAST_TO_REPLYING = 1.0
LEAST_TO_RSPAMD = 1.4
LEAST_OF_MEMORY = 0.9
STORES = {"memory": "memory store", "redis": "Redis"}


def worst(cells, name, key, best):
    """The value farthest from good, and how many are known. `best`: min or max."""
    values = [value for cell in cells if (value := cell["filters"][name][key]) is not None]
    return (best(values), len(values)) if values else None


def milter_targets(cells):
    for name, store in STORES.items():
        each = [cell for cell in cells if name in cell["filters"]]
        if not each:
            continue
        if found := worst(each, name, "ratio", min):
            good = sum(cell["filters"][name]["ratio"] is not None and cell["filters"][name]["ratio"] >= LEAST_RATIO
                       for cell in each)
            yield (f"messages/s of the null filter, {store}: ≥ {LEAST_RATIO} in each row",
                   f"{found[0]:.2f} at least, {good} of {found[1]} rows reach it", found[0] >= LEAST_RATIO)
        many = [cell for cell in each if cell["connections"] == P99_CONNECTIONS]
        if many and (found := worst(many, name, "p99_ratio", max)):
            yield (f"p99 of the null filter at {P99_CONNECTIONS} connections, {store}: ≤ {MOST_P99_RATIO}",
                   f"{found[0]:.2f} at most", found[0] <= MOST_P99_RATIO)
        if found := worst(each, name, "cpu_above_us", max):
            yield (f"CPU of a message of 2 kB above the null filter, {store}: ≤ {MOST_CPU_ABOVE_US} µs",
                   f"{found[0]:.0f} µs at most", found[0] <= MOST_CPU_ABOVE_US)


def growth_targets(growth):
    idle = growth["idle_memory"]["memory"]
    yield f"memory of an idle session: ≤ {MOST_IDLE_KIB} KiB", f"{idle:.1f} KiB", idle <= MOST_IDLE_KIB
    after = growth["default"]["after"]
    yield (f"memory with default settings: ≤ {MOST_DEFAULT_MEGABYTES} MB",
           f"{after:.0f} MB after {growth['default']['messages']:,} messages", after <= MOST_DEFAULT_MEGABYTES)
    for key, what in (("entries", "table entries"), ("lists", "lists")):
        each = growth[key]
        most = max(value["cpu_growth"] for value in each.values())
        yield (f"CPU of a message, {min(each):,} to {max(each):,} {what}: grows to ≤ {MOST_GROWTH:.2f}",
               f"{most:.2f} at most", most <= MOST_GROWTH)
    own = idle_growth(growth["idle"])
    yield (f"CPU of a message, {min(growth['idle']):,} to {max(growth['idle']):,} idle sessions, beside the null "
           f"filter's: grows to ≤ {MOST_GROWTH:.2f}", f"{own:.2f}", own <= MOST_GROWTH)


def idle_growth(levels):
    """How the cost beside the null filter's has grown: what libmilter's share does not explain."""
    least, most = levels[min(levels)], levels[max(levels)]
    return most["memory"]["cpu_ratio"] / least["memory"]["cpu_ratio"]


def postfix_targets(result):
    if "plain" in result["to_null"]:
        ratio = result["to_null"]["plain"]
        yield (f"messages/s in Postfix without lists and loops, of the null filter: ≥ {LEAST_RATIO}", f"{ratio:.3f}",
               ratio >= LEAST_RATIO)
    for name, what, least in (("replying", "a null filter that replies at every stage", LEAST_TO_REPLYING),
                              ("rspamd", "rspamd", LEAST_TO_RSPAMD)):
        if name in result["sluice_to"]:
            ratio = result["sluice_to"][name]
            yield f"messages/s in Postfix, of {what}: ≥ {least}", f"{ratio:.2f}", ratio >= least
    if "redis" in result["sluice_to"]:
        ratio = 1 / result["sluice_to"]["redis"]
        yield (f"messages/s in Postfix with Redis, of the memory store: ≥ {LEAST_OF_MEMORY}", f"{ratio:.2f}",
               ratio >= LEAST_OF_MEMORY)


def targets_of(results):
    """(target, measured, whether it is met) of each part that was measured."""
    makers = {"milter": milter_targets, "growth": growth_targets, "postfix": postfix_targets}
    return [target for part, make in makers.items() if part in results for target in make(results[part])]
