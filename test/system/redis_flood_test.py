# SPDX-License-Identifier: BSD-2-Clause
"""A client that sends ever new Message-IDs fills its share of Redis and no more. Its mail is taken all the
same, and the nodes go on to count the mail of others together."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import time

from harness.conversations import conversation
from harness.nodes import Mail, Nodes, base, record  # noqa: F401 (fixtures)
from harness.redis import RedisServer
from harness.sluice import megabytes
from harness.waiting import wait_until

# 1,000,000: for a build without sanitizers, with the share that is the default
MESSAGES = int(os.environ.get("SLUICE_FLOOD", "3000"))
IS_SHORT = "SLUICE_FLOOD" not in os.environ
SHARE = 500 if IS_SHORT else 200_000
SHARE_SECONDS = 6 * 3600
AT_ONCE = 100_000  # messages of one run of milter-load
LOAD = ("--clients", "1", "--connections", "4", "--messages-per-connection", "1000", "--size", "200", "--seconds", "600")
FLOODER = "198.18.0.0"  # the first client of milter-load
KEYS_A_MESSAGE = 3
MESSAGES_A_CONVERSATION = 9  # with the one that shows that the nodes share
KEYS_OF_OTHERS = 1000
MOST_MEGABYTES = 200  # 88 of the node's own store, and what else it takes for that
PATIENT = "redis-timeout = 500ms"  # on a busy machine: here Redis is always there
TOLD = "a client has used up its share of the shared store"


def flood(node):
    """The answers to all the messages: how many of each kind."""
    program = pathlib.Path(os.environ["SLUICE_BUILD"]) / "test" / "bench" / "milter-load"
    answers = {}
    for begin in range(0, MESSAGES, AT_ONCE):
        count = min(AT_ONCE, MESSAGES - begin)
        done = subprocess.run([program, "--socket", f"unix:{node.socket}", "--messages", str(count), *LOAD],
                              capture_output=True, text=True, timeout=660)
        report = json.loads(done.stdout)
        assert not report["troubles"], report
        for kind, number in report["replies"].items():
            answers[kind] = answers.get(kind, 0) + number
    return answers


def times_told(node):
    return sum(TOLD in line for line in node.daemon.log.lines())


def test_a_flood_of_new_keys_costs_others_nothing(base, record):
    lines = ["log-level = info", "log-level = decision=warning", *([f"store-share = {SHARE}/6h"] if IS_SHORT else [])]
    with RedisServer(base / "redis") as redis, concurrent.futures.ThreadPoolExecutor() as pool, \
            Nodes(base, f"store = redis://{redis.address}/0", PATIENT, *lines) as nodes:
        assert nodes.share()
        before, began = megabytes(nodes[0].daemon), time.monotonic()
        flooding = pool.submit(flood, nodes[0])
        wait_until(lambda: times_told(nodes[0]) or flooding.done(), 600, "the share is used up")
        conversations = 0
        while not flooding.done():
            box = f"box{conversations}@out.example"
            assert conversation(nodes, box) == ["continue"] * 3 + ["discard"] * 5, "as with one node"
            assert nodes.share()
            conversations += 1
        seconds = time.monotonic() - began
        for name, value in (("messages", MESSAGES), ("seconds", seconds), ("keys", len(redis.keys())),
                            ("conversations", conversations), ("filter_mb_before", before),
                            ("filter_mb_after", megabytes(nodes[0].daemon)),
                            ("redis_mb", int(redis.info("memory", "used_memory")) / 2**20)):
            record(name, value)
        assert flooding.result() == {"eom continue": MESSAGES}
        assert conversations > 0, "others have sent mail during the flood"
        back = SHARE * seconds / SHARE_SECONDS
        of_others = MESSAGES_A_CONVERSATION * conversations
        assert SHARE < len(redis.keys()) < KEYS_A_MESSAGE * (SHARE + back + of_others) + KEYS_OF_OTHERS
        assert 1 <= times_told(nodes[0]) <= seconds // 60 + 2, "once a minute"
        assert times_told(nodes[1]) == 0
        assert IS_SHORT or megabytes(nodes[0].daemon) - before < MOST_MEGABYTES
        own = Mail()
        assert [nodes[0].send(own, FLOODER).kind for _ in range(2)] == ["continue", "discard"], "its node counts it"
        if IS_SHORT:  # or some of the share has come back already
            assert nodes[1].send(own, FLOODER).kind == "continue", "alone"
