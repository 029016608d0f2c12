# SPDX-License-Identifier: BSD-2-Clause
"""The store in Redis, on a unix socket of the same machine, against the store in memory."""

from bench_milter import measure_cell, summary_of, warm_up
from harness.redis import RedisServer

LOADS = ((8, 1), (8, 100), (64, 100))  # connections, messages of each


def measure_redis(site, rounds, seconds, say):
    """A list with one summary for each load, and what a message takes in Redis."""
    cells = []
    with RedisServer(site.base / "redis") as redis:
        addresses = {name: site.address("unix", name) for name in ("memory", "redis")}
        with_redis = site.configuration(addresses["redis"]) + f"store = redis+unix://{redis.socket}\n"
        with site.sluice(addresses["memory"]) as memory, site.sluice(addresses["redis"], with_redis) as shared:
            filters = {"memory": (addresses["memory"], memory.pid), "redis": (addresses["redis"], shared.pid)}
            for socket, pid in filters.values():
                warm_up(socket, pid)
            for connections, messages in LOADS:
                say(f"redis: {connections} connections, {messages} messages each")
                reports = measure_cell(filters, connections, messages, rounds, seconds)
                cells.append({"connections": connections, "messages": messages,
                              **summary_of(reports, "redis", "memory"), "rounds": reports})
    return cells
