# SPDX-License-Identifier: BSD-2-Clause
"""Sluice against the null filter over the milter protocol alone, its store in memory and in a private
Redis."""

import contextlib
import json
import statistics
import subprocess

from bench_site import CLIENTS, null_filter_like
from bench_tables import resident_megabytes
from harness.redis import RedisServer
from null_filter import program

SOCKETS = ("unix", "inet")
LOADS = tuple((connections, messages) for messages in (1, 100) for connections in (1, 8, 64, 512))
GATE = "connection sender recipient limits"  # all areas but those that need the end of the message
GATE_LOADS = ((8, 1), (64, 1), (8, 100), (64, 100))
WARM_UP_MESSAGES = 3000
LONGEST_SECONDS = 600  # that milter-load takes
GRACE_SECONDS = 90  # beyond the measured time, before a run is given up
SLOWEST_TURN = 20  # times its length: at its end 512 connections have messages under way
LARGE = 10_000  # octets of a body whose CPU time is told by itself
REMEMBERED = 75_000  # messages within the default loop-memory of 6 h, at 300,000 a day
MOST_MEGABYTES = 100
MEASURED = ("messages_per_second", "p50_us", "p99_us", "cpu_us_per_message")
RATIOS = {"ratio": "messages_per_second", "p99_ratio": "p99_us", "cpu_ratio": "cpu_us_per_message"}


class Trouble(Exception):
    """A measurement that is none: the filter broke off or refused mail."""


def run_load(socket, pid, connections, messages_a_connection, seconds, *more):
    """The report of milter-load on one filter."""
    return load({"it": (socket, pid)}, connections, messages_a_connection, 1, seconds, *more)["it"][0]


def load(filters, connections, messages_a_connection, rounds, seconds, *more):
    """The reports of milter-load on filters that take turns. `filters`: name -> (socket, pid)."""
    where = [word for socket, pid in filters.values() for word in ("--socket", socket, "--pid", str(pid))]
    done = subprocess.run(
        [program("milter-load"), *where, "--connections", str(connections), "--rounds", str(rounds),
         "--messages-per-connection", str(messages_a_connection), "--seconds", str(seconds),
         "--clients", str(CLIENTS), *more],
        capture_output=True, text=True, timeout=SLOWEST_TURN * rounds * len(filters) * seconds + GRACE_SECONDS)
    if done.returncode != 0:
        raise Trouble(done.stdout + done.stderr)
    report = json.loads(done.stdout)
    reports = dict(zip(filters, report["filters"] if "filters" in report else [[report]], strict=True))
    if refused := {reply for each in reports.values() for turn in each for reply in turn["replies"]} - {"eom continue"}:
        raise Trouble(f"some mail was refused: {refused}")
    return reports


def warm_up(filters, *more):
    """Fills the caches of all: each client connects, and more than once."""
    for socket, pid in filters.values():
        run_load(socket, pid, 8, 5, GRACE_SECONDS, "--messages", str(WARM_UP_MESSAGES), *more)


def measure_cell(filters, connections, messages_a_connection, rounds, seconds, *more):
    """Many short turns, a report of each for each filter. The first round, in which all connections
    are made, does not count, nor one in which a filter found no time for a message."""
    reports = load(filters, connections, messages_a_connection, rounds + 1, seconds, *more)
    good = [turns for turns in list(zip(*reports.values()))[1:] if all(turn["messages"] for turn in turns)]
    if not good:
        raise Trouble("no round in which each filter got a message through: the turns are too short")
    return {name: [turns[i] for turns in good] for i, name in enumerate(reports)}


def median_of(reports, key):
    return statistics.median(report[key] for report in reports)


def summary_of(reports, beside="null"):
    """Medians for each filter; for each but `beside` the medians of what a round shows beside it:
    ratios, and how much more CPU time a message takes."""
    result = {name: {key: median_of(each, key) for key in MEASURED} for name, each in reports.items()}
    for name, each in reports.items():
        if name == beside:
            continue
        rounds = list(zip(each, reports[beside]))
        for ratio, key in RATIOS.items():
            ratios = [one[key] / other[key] for one, other in rounds if other[key]]
            result[name][ratio] = statistics.median(ratios) if ratios else None
        result[name]["cpu_above_us"] = statistics.median(
            one["cpu_us_per_message"] - other["cpu_us_per_message"] for one, other in rounds)
    return result


def without_negotiation(reports):
    """What is kept of each turn."""
    return {name: [{key: turn[key] for key in MEASURED} for turn in turns] for name, turns in reports.items()}


@contextlib.contextmanager
def beside_null(site, kind, configurations):
    """The filters to measure, and what they have negotiated. `configurations`: name -> what a socket
    address makes a configuration of; the null filter does as the first of them."""
    addresses = {name: site.address(kind, name) for name in ("null", *configurations)}
    with contextlib.ExitStack() as stack:
        filters = {}
        for name, configuration in configurations.items():
            daemon = stack.enter_context(site.sluice(addresses[name], configuration(addresses[name])))
            filters[name] = (addresses[name], daemon.pid)
        null, wanted = null_filter_like(addresses[next(iter(configurations))], addresses["null"])
        stack.enter_context(null)
        yield {"null": (addresses["null"], null.pid), **filters}, wanted


def measure_loads(site, kind, loads, configurations, rounds, seconds, say):
    """A summary for each load."""
    with beside_null(site, kind, configurations) as (filters, wanted):
        warm_up(filters)
        for connections, messages in loads:
            say(f"milter: {', '.join(configurations)}, {kind}, {connections} connections, {messages} messages each")
            reports = measure_cell(filters, connections, messages, rounds, seconds)
            yield {"socket": kind, "connections": connections, "messages": messages, "steps": wanted.steps,
                   "actions": wanted.actions, "filters": summary_of(reports), "rounds": without_negotiation(reports)}


def measure_milter(site, rounds, seconds, say, loads=LOADS):
    """Every filter in use: a summary for each kind of socket and each load, one after the other."""
    with RedisServer(site.base / "redis") as redis:
        configurations = {"memory": site.configuration,
                          "redis": lambda address: site.in_redis(address, redis)}
        for kind in SOCKETS:
            yield from measure_loads(site, kind, loads, configurations, rounds, seconds, say)


def measure_gate(site, rounds, seconds, say):
    """All areas but lists and loops."""
    return list(measure_loads(site, "unix", GATE_LOADS, {"gate": lambda address: site.configuration(address, GATE)},
                              rounds, seconds, say))


def measure_large(site, rounds, seconds, say):
    """CPU time of a larger message, in microseconds, for both filters."""
    say(f"milter: messages of {LARGE} octets")
    with beside_null(site, "unix", {"memory": site.configuration}) as (filters, _):
        warm_up(filters)
        summary = summary_of(measure_cell(filters, 8, 100, rounds, seconds, "--size", str(LARGE)))
    return {"octets": LARGE, "ratio": summary["memory"]["ratio"], "cpu_above_us": summary["memory"]["cpu_above_us"],
            "cpu_us": summary["memory"]["cpu_us_per_message"]}


def measure_memory(site, messages, say):
    """What the daemon remembers of so many different messages, in megabytes."""
    say(f"memory: {messages:,} messages")
    address = site.address("unix", "sluice")
    with site.sluice(address) as sluice:
        warm_up({"sluice": (address, sluice.pid)})
        before = resident_megabytes(sluice.pid)
        run_load(address, sluice.pid, 8, 100, LONGEST_SECONDS, "--messages", str(messages))
        megabytes = resident_megabytes(sluice.pid) - before
    return {"messages": messages, "megabytes": megabytes, "in_bounds": megabytes <= MOST_MEGABYTES}
