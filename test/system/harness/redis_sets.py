# SPDX-License-Identifier: BSD-2-Clause
"""Redis that is more than one server: three that are a cluster, or a master and a replica that sentinels
watch. What a `with` block starts ends with it."""

import contextlib

from .process import free_port
from .redis import READY_SECONDS, RedisServer, server_program
from .waiting import wait_until

SLOTS = 16384
MASTER_NAME = "sluice-test"
SENTINEL_CONF = f"""\
port {{port}}
bind 127.0.0.1
dir {{base}}
sentinel monitor {MASTER_NAME} 127.0.0.1 {{master}} 2
sentinel down-after-milliseconds {MASTER_NAME} 1000
sentinel failover-timeout {MASTER_NAME} 5000
"""


class RedisCluster:
    """Three masters. What can be moved are 1,500 slots of the first, a few at a time, since each change
    of them takes a server some milliseconds."""

    MOVED = range(1500)
    AT_A_TIME = 25

    def __init__(self, base):
        self.servers = [RedisServer(base / str(number), "cluster-enabled yes", "cluster-node-timeout 2000",
                                    f"cluster-port {free_port()}") for number in range(3)]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for server in self.servers:
                stack.enter_context(server)
            self._join()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _join(self):
        bounds = [SLOTS * number // 3 for number in range(4)]
        first = self.servers[0]
        for number, server in enumerate(self.servers):
            server.call("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            server.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if server is not first:
                server.call("CLUSTER", "MEET", "127.0.0.1", first.port, first.call("CONFIG", "GET", "cluster-port")[1])
        self.wait_until_whole()

    def wait_until_whole(self):
        wait_until(lambda: all(server.info("cluster", "cluster_state") == "ok"
                               and server.info("cluster", "cluster_known_nodes") == "3"
                               for server in self.servers), READY_SECONDS, "the cluster is whole")

    @property
    def url(self):
        return "redis-cluster://" + ",".join(server.address for server in self.servers)

    def begin_move(self):
        """What is new in the slots goes to the second server from now on: the first says ASK."""
        source, target, _ = self.servers
        ids = self._ids()
        for slots in self._portions():
            self._set_slots(target, slots, "IMPORTING", ids[0])
            self._set_slots(source, slots, "MIGRATING", ids[1])

    def finish_move(self):
        """Moves what the slots hold, and the slots: the first server says MOVED."""
        source, target, third = self.servers
        new_owner = self._ids()[1]
        for slots in self._portions():
            with source.connection() as connection:
                held = connection.call_all([("CLUSTER", "GETKEYSINSLOT", slot, 10_000) for slot in slots])
                connection.call_all([("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
                                     for keys in held if keys])
            for server in (target, source, third):
                self._set_slots(server, slots, "NODE", new_owner)

    def _portions(self):
        return [self.MOVED[at:at + self.AT_A_TIME] for at in range(0, len(self.MOVED), self.AT_A_TIME)]

    def _ids(self):
        return [server.call("CLUSTER", "MYID") for server in self.servers]

    @staticmethod
    def _set_slots(server, slots, state, name):
        with server.connection() as connection:
            connection.call_all([("CLUSTER", "SETSLOT", slot, state, name) for slot in slots])


class Sentinel(RedisServer):
    def __init__(self, base, master):
        super().__init__(base)
        self.config = self.base / "sentinel.conf"
        self.config.write_text(SENTINEL_CONF.format(port=self.port, base=self.base, master=master))

    def _command(self):
        return [server_program(), self.config, "--sentinel"]

    def master(self):
        """What it knows of the master."""
        words = [each.decode() for each in self.call("SENTINEL", "MASTER", MASTER_NAME)]
        return dict(zip(words[::2], words[1::2]))


class WatchedRedis:
    """A master, a replica and three sentinels."""

    def __init__(self, base):
        self.first = RedisServer(base / "first")
        self.second = RedisServer(base / "second", f"replicaof 127.0.0.1 {self.first.port}")
        self.sentinels = [Sentinel(base / f"sentinel-{number}", self.first.port) for number in range(3)]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for server in (self.first, self.second):
                stack.enter_context(server)
            wait_until(lambda: self.second.info("replication", "master_link_status") == "up", READY_SECONDS,
                       "the replica has its data")
            for sentinel in self.sentinels:
                stack.enter_context(sentinel)
            wait_until(lambda: all(map(self._is_complete, self.sentinels)), READY_SECONDS, "the sentinels agree")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @staticmethod
    def _is_complete(sentinel):
        known = sentinel.master()
        return (known["flags"], known["num-slaves"], known["num-other-sentinels"]) == ("master", "1", "2")

    @property
    def url(self):
        return "redis-sentinel://" + ",".join(each.address for each in self.sentinels) + f"/{MASTER_NAME}"

    def promoted(self):
        """Whether the second server is the master now, as it says itself and most sentinels do."""
        told = [int(each.master()["port"]) for each in self.sentinels]
        return told.count(self.second.port) >= 2 and self.second.info("replication", "role") == "master"
