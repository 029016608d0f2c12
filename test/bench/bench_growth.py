# SPDX-License-Identifier: BSD-2-Clause
"""Whether the cost of a message stays when there is more of everything: entries of tables, lists, idle
sessions. And the memory of sessions and of a daemon with default settings."""

import contextlib
import resource
import statistics

from bench_milter import beside_null, load, measure_cell, summary_of, warm_up
from bench_tables import resident_megabytes
from idle_sessions import IdleSessions

ENTRIES = (10, 1_000, 100_000, 1_000_000)
LISTS = (10, 100, 1_000, 10_000)
IDLE = (1, 10, 100, 1_000)
MOST_GROWTH = 1.10  # cost of a message, of its cost with the least
MOST_IDLE_KIB = 16
MOST_DEFAULT_MEGABYTES = 40
WARM_UP = 10_000  # messages before a daemon with default settings is weighed
CONNECTIONS, MESSAGES = 8, 100  # of the load


def write_tables(directory, entries):
    """Networks and senders, none of which the load has."""
    directory.mkdir()
    with open(directory / "networks", "w") as file:
        file.writelines(f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24\n" for n in range(entries))
    with open(directory / "senders", "w") as file:
        file.writelines(f"spam{n}@bad{n // 20}.example\n" for n in range(entries))


def with_tables(site, entries):
    """Configurations that differ in the size of the tables alone."""
    def maker(number):
        directory = site.base / f"tables-{number}"
        write_tables(directory, number)

        def configuration(socket):
            return (site.configuration(socket).replace(f"@{site.base}/denied-networks", f"@{directory}/networks")
                    .replace(f"@{site.base}/blocked-senders", f"@{directory}/senders"))
        return configuration
    return {number: maker(number) for number in entries}


def with_lists(site, lists):
    """Configurations with so many lists; the load is for the first ten, which all have."""
    def maker(number):
        lines = "".join(f"list = user{n}@test.example bounces-to=owner{n}@test.example\n" for n in range(number))
        return lambda socket: site.configuration(socket) + lines
    return {number: maker(number) for number in lists}


def growth_of(reports):
    """For each number what a message costs, and what of that it costs with the least number, as the
    median of the rounds."""
    least = next(iter(reports))
    result = {}
    for number, turns in reports.items():
        def ratio(key):
            pairs = [(one[key], other[key]) for one, other in zip(turns, reports[least])]
            return statistics.median(one / other for one, other in pairs if other)
        result[number] = {"cpu_us": statistics.median(turn["cpu_us_per_message"] for turn in turns),
                          "cpu_growth": ratio("cpu_us_per_message"), "rate_growth": ratio("messages_per_second")}
    return result


def measure_variants(site, configurations, rounds, seconds, *more):
    """Daemons with these configurations, all running, take turns."""
    with contextlib.ExitStack() as stack:
        filters = {}
        for number, configuration in configurations.items():
            socket = site.address("unix", f"variant-{number}")
            filters[number] = (socket, stack.enter_context(site.sluice(socket, configuration(socket))).pid)
        warm_up(filters, *more)
        return growth_of(measure_cell(filters, CONNECTIONS, MESSAGES, rounds, seconds, *more))


def allow_open_files():
    """As many as the hard limit allows, for idle sessions are files of ours too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure_idle(site, levels, rounds, seconds, say):
    """Both filters with so many idle sessions of their own."""
    result = {}
    with beside_null(site, "unix", {"memory": site.configuration}) as (filters, _):
        warm_up(filters)
        for level in levels:
            say(f"growth: {level:,} idle sessions")
            with contextlib.ExitStack() as stack:
                for socket, _ in filters.values():
                    stack.enter_context(IdleSessions(socket, level))
                result[level] = summary_of(measure_cell(filters, CONNECTIONS, MESSAGES, rounds, seconds))
    return result


def idle_kib(socket, pid, sessions):
    """Resident memory that an idle session adds."""
    before = resident_megabytes(pid)
    with IdleSessions(socket, sessions):
        return (resident_megabytes(pid) - before) * 1024 / sessions


def measure_idle_memory(site, sessions, say):
    """KiB of an idle session, for both filters."""
    say(f"growth: memory of {sessions:,} idle sessions")
    with beside_null(site, "unix", {"memory": site.configuration}) as (filters, _):
        warm_up(filters)
        return {"sessions": sessions, **{name: idle_kib(*where, sessions) for name, where in filters.items()}}


def measure_default_memory(site, messages, say):
    """Resident megabytes of a daemon with default settings: at its start, and after some mail."""
    say("growth: memory with default settings")
    socket = site.address("unix", "default")
    with site.sluice(socket, f"socket = {socket}\nlog = stderr\nresolver = {site.resolver}\n") as daemon:
        start = resident_megabytes(daemon.pid)
        load({"default": (socket, daemon.pid)}, CONNECTIONS, MESSAGES, 1, 60, "--messages", str(messages))
        return {"start": start, "messages": messages, "after": resident_megabytes(daemon.pid)}


def measure_growth(site, most_entries, rounds, seconds, say, lists=LISTS, levels=IDLE):
    """All of it. `most_entries` is the size of the largest tables."""
    allow_open_files()
    entries = [number for number in ENTRIES if number < most_entries] + [most_entries]
    result = {"default": measure_default_memory(site, WARM_UP, say),
              "idle_memory": measure_idle_memory(site, max(levels), say),
              "idle": measure_idle(site, levels, rounds, seconds, say)}
    say(f"growth: tables of up to {most_entries:,} entries")
    result["entries"] = measure_variants(site, with_tables(site, entries), rounds, seconds)
    say(f"growth: up to {max(lists):,} lists")
    result["lists"] = measure_variants(site, with_lists(site, lists), rounds, seconds, "--recipients", "10")
    return result
