# SPDX-License-Identifier: BSD-2-Clause
"""Large tables: look-ups in them, and a start of the daemon with them."""

import json
import os
import pathlib
import subprocess
import time

from null_filter import program

START_LIMIT_SECONDS = 3.0
MEMORY_LIMIT_MB = 300.0
BENCH_LIMIT_SECONDS = 600


def resident_megabytes(pid):
    """VmRSS of a process."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmRSS")


def cpu_seconds(pid):
    """User and system time of a process so far: what a start costs whatever else the machine does."""
    behind_name = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in behind_name[11:13]) / os.sysconf("SC_CLK_TCK")


def measure_tables(site, entries, say):
    """The report of table-bench, and what the daemon takes to start with its tables."""
    say(f"tables: look-ups among {entries:,} entries")
    directory = site.base / "tables"
    directory.mkdir()
    done = subprocess.run([program("table-bench"), "--directory", directory, "--entries", str(entries)],
                          capture_output=True, text=True, timeout=BENCH_LIMIT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    say("tables: start of the daemon")
    socket = site.address("unix", "tables")
    configuration = (f"socket = {socket}\nlog = stderr\nresolver = {site.resolver}\n"
                     f"deny-ip = @{directory}/networks\nblock-sender = @{directory}/addresses\n")
    start = time.monotonic()
    with site.sluice(socket, configuration) as daemon:
        took = time.monotonic() - start
        cpu, memory = cpu_seconds(daemon.pid), resident_megabytes(daemon.pid)
    return {**json.loads(done.stdout), "start_seconds": took, "start_cpu_seconds": cpu, "resident_megabytes": memory,
            "start_in_time": took <= START_LIMIT_SECONDS, "memory_in_bounds": memory < MEMORY_LIMIT_MB}
