# SPDX-License-Identifier: BSD-2-Clause
"""The wall clock is set while sessions are open: they go on, and mail is no loop because of it."""

import contextlib
import os
import pathlib
import struct
import time

import pytest

from milter_client import MilterClient

SESSIONS = 5
HOUR = 3600
JUMPS = (HOUR, -HOUR, 3 * HOUR)


class Clock:
    """The wall clock of a process that is started with `prefix`; it stands still between two settings."""

    def __init__(self, path):
        self._path = path
        self._began = int(time.time())
        path.write_bytes(self._octets(0))
        library = pathlib.Path(os.environ["SLUICE_BUILD"]) / "test" / "fixed-clock.so"
        self.prefix = ("env", f"LD_PRELOAD={library}", f"SLUICE_FIXED_CLOCK={path}")

    def _octets(self, passed):
        return struct.pack("q", self._began + passed)

    def set(self, passed):
        with open(self._path, "r+b") as file:
            file.write(self._octets(passed))


@pytest.fixture
def clock(site):
    return Clock(site.base / "clock")


def greeted(site):
    client = MilterClient(f"unix:{site.socket}")
    client.negotiate()
    assert client.conn("client.example", "192.0.2.1").proceeds
    assert client.helo().proceeds
    return client


def post(client, number):
    """A message of a monitor: the same text each time."""
    assert client.mail("<monitor@out.example>").proceeds
    assert client.rcpt("<user@test.example>").proceeds
    assert client.data().proceeds
    for name, value in (("From", "monitor@out.example"), ("Message-ID", f"<{number}@out.example>"),
                        ("Subject", "Disk 3 is full")):
        client.header(name, value)
    client.eoh()
    client.body(b"Disk 3 is full.\r\n")
    return client.eom()


def test_open_sessions_and_mail_outlast_a_clock_that_is_set(site, clock):
    with site.sluice(prefix=clock.prefix) as daemon, contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(contextlib.closing(greeted(site))) for _ in range(SESSIONS)]
        for number, jump in enumerate(JUMPS):
            clock.set(jump)
            for _ in range(3):  # libmilter looks for old sessions when something happens
                with MilterClient(f"unix:{site.socket}") as client:
                    client.negotiate()
                    assert client.conn("other.example", "192.0.2.2").proceeds
                    client.quit()
            for place, session in enumerate(sessions):
                assert post(session, f"{number}-{place}").proceeds, f"after {jump} s"
        assert " loop" not in daemon.log_text()
