# SPDX-License-Identifier: BSD-2-Clause
"""Sluice against the null filter over the milter protocol alone."""

import json
import statistics
import subprocess

from bench_site import CLIENTS, null_filter_like
from bench_tables import resident_megabytes
from null_filter import program

CONNECTIONS = (1, 8, 64)
MESSAGES_A_CONNECTION = (1, 100)
SOCKETS = ("unix", "inet")
GATE = "connection sender recipient limits"  # all areas but those that need the end of the message
WARM_UP_MESSAGES = 3000
LONGEST_SECONDS = 600  # that milter-load takes
GRACE_SECONDS = 90  # beyond the measured time, before a run is given up
LARGE = 10_000  # octets of a body whose CPU time is told by itself
REMEMBERED = 75_000  # messages within the default loop-memory of 6 h, at 300,000 a day
MOST_MEGABYTES = 100


class Trouble(Exception):
    """A measurement that is none: the filter broke off or refused mail."""


def run_load(socket, pid, connections, messages_a_connection, seconds, *more):
    """The report of milter-load."""
    done = subprocess.run(
        [program("milter-load"), "--socket", socket, "--pid", str(pid), "--connections", str(connections),
         "--messages-per-connection", str(messages_a_connection), "--seconds", str(seconds),
         "--clients", str(CLIENTS), *more],
        capture_output=True, text=True, timeout=seconds + GRACE_SECONDS)
    report = json.loads(done.stdout) if done.stdout else {"troubles": [done.stderr]}
    if report["troubles"] or set(report["replies"]) != {"eom continue"}:
        raise Trouble(json.dumps(report))
    return report


def warm_up(socket, pid):
    """Fills the caches: each client connects, and more than once."""
    run_load(socket, pid, 8, 5, GRACE_SECONDS, "--messages", str(WARM_UP_MESSAGES))


def measure_cell(filters, connections, messages_a_connection, rounds, seconds, *more):
    """Alternating rounds; each begins with the filter that was last in the one before. `filters`:
    name -> (socket, pid)."""
    reports = {name: [] for name in filters}
    order = list(filters)
    for _ in range(rounds):
        for name in order:
            socket, pid = filters[name]
            reports[name].append(run_load(socket, pid, connections, messages_a_connection, seconds, *more))
        order.reverse()
    return reports


def median_of(reports, key):
    return statistics.median(report[key] for report in reports)


def summary_of(reports, measured="sluice", beside="null"):
    """Medians for each filter, and the median of the ratios, round by round."""
    keys = ("messages_per_second", "p50_us", "p99_us", "cpu_us_per_message")
    result = {name: {key: median_of(each, key) for key in keys} for name, each in reports.items()}
    for name, key in (("ratio", "messages_per_second"), ("cpu_ratio", "cpu_us_per_message")):
        ratios = [s[key] / n[key] for s, n in zip(reports[measured], reports[beside]) if n[key]]
        result[name] = statistics.median(ratios) if ratios else None
    return result


def measure_milter(site, areas, rounds, seconds, say):
    """A list with one summary for each kind of socket and load."""
    cells = []
    for kind in SOCKETS:
        addresses = {name: site.address(kind, name) for name in ("null", "sluice")}
        with site.sluice(addresses["sluice"], site.configuration(addresses["sluice"], areas)) as sluice:
            null, wanted = null_filter_like(addresses["sluice"], addresses["null"])
            with null:
                filters = {"null": (addresses["null"], null.pid), "sluice": (addresses["sluice"], sluice.pid)}
                for socket, pid in filters.values():
                    warm_up(socket, pid)
                for messages in MESSAGES_A_CONNECTION:
                    for connections in CONNECTIONS:
                        say(f"milter: {areas}, {kind}, {connections} connections, {messages} messages each")
                        reports = measure_cell(filters, connections, messages, rounds, seconds)
                        cells.append({"areas": areas, "socket": kind, "connections": connections, "messages": messages,
                                      "steps": wanted.steps, "actions": wanted.actions,
                                      **summary_of(reports), "rounds": reports})
    return cells


def measure_large(site, rounds, seconds, say):
    """CPU time of a larger message, in microseconds, for both filters."""
    say(f"milter: messages of {LARGE} octets")
    addresses = {name: site.address("unix", name) for name in ("null", "sluice")}
    with site.sluice(addresses["sluice"]) as sluice:
        null, _ = null_filter_like(addresses["sluice"], addresses["null"])
        with null:
            filters = {"null": (addresses["null"], null.pid), "sluice": (addresses["sluice"], sluice.pid)}
            for socket, pid in filters.values():
                warm_up(socket, pid)
            summary = summary_of(measure_cell(filters, 8, 100, rounds, seconds, "--size", str(LARGE)))
    return {"octets": LARGE, "ratio": summary["ratio"],
            **{name: summary[name]["cpu_us_per_message"] for name in ("null", "sluice")}}


def measure_memory(site, messages, say):
    """What the daemon remembers of so many different messages, in megabytes."""
    say(f"memory: {messages:,} messages")
    address = site.address("unix", "sluice")
    with site.sluice(address) as sluice:
        warm_up(address, sluice.pid)
        before = resident_megabytes(sluice.pid)
        run_load(address, sluice.pid, 8, 100, LONGEST_SECONDS, "--messages", str(messages))
        megabytes = resident_megabytes(sluice.pid) - before
    return {"messages": messages, "megabytes": megabytes, "in_bounds": megabytes <= MOST_MEGABYTES}
