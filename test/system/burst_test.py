# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at once: none of them waits for another."""

import concurrent.futures
import json
import subprocess
import time

import pytest

from harness.dns_stub import DnsStub, Zone, silent
from milter_client import executable

SESSIONS = 50
LIMIT_SECONDS = 1.6
ATTEMPTS = 3  # a machine that is busy with other things may spoil one of them


def whole_session(number, socket):
    """What a mail server says up to a recipient, as one batch of commands."""
    return [{"do": "connect", "socket": f"unix:{socket}", "timeout-ms": 30000},
            {"do": "negotiate"},
            {"do": "conn", "host": "client.example", "family": "inet",
             "address": f"198.51.{number // 250}.{number % 250}", "port": 9},
            {"do": "helo", "name": "client.example"},
            {"do": "mail", "args": ["<a@out.example>"]},
            {"do": "rcpt", "args": ["<user@test.example>"]},
            {"do": "quit"}]


class Batch:
    """A milter-client that gets all its commands at once."""

    def __init__(self):
        self._process = subprocess.Popen([executable()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, commands):
        lines = [json.dumps(command).encode() + b"\n" for command in commands]
        self._process.stdin.write(b"".join(lines))
        self._process.stdin.flush()
        return [json.loads(self._process.stdout.readline()) for _ in commands]

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture
def daemon(site):
    with DnsStub({"silent.example": Zone(silent)}) as stub:
        with site.sluice("dnsbl = s silent.example", f"resolver = {stub.address}",
                         "dns-timeout = 1s", "log-level = info") as daemon:
            yield daemon


def seconds_for_burst(site, first_number):
    batches = [Batch() for _ in range(SESSIONS)]
    try:
        for batch in batches:  # each of them has started before the clock does
            batch.run([{"do": "nothing"}])
        with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
            start = time.monotonic()
            sessions = [pool.submit(batch.run, whole_session(first_number + number, site.socket))
                        for number, batch in enumerate(batches)]
            answers = [session.result() for session in sessions]
            seconds = time.monotonic() - start
    finally:
        for batch in batches:
            batch.close()
    for session in answers:
        assert session[5].get("reply") == "continue", session
    return seconds


def test_sessions_that_wait_for_the_dns_wait_side_by_side(site, daemon):
    times = []
    while not times or min(times) >= LIMIT_SECONDS and len(times) < ATTEMPTS:
        times.append(seconds_for_burst(site, 1000 * len(times) % 60000))
    assert 0.9 < min(times) < LIMIT_SECONDS, times
