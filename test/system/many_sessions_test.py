# SPDX-License-Identifier: BSD-2-Clause
"""Very many sessions: at once, half open, and idle. Ordinary ones are served meanwhile, and all of
them leave nothing behind.

With a build for finding errors there are fewer of them. The figures stand in the report of the run."""

import asyncio
import contextlib
import os
import pathlib
import re
import resource
import socket
import statistics
import struct
import time

import pytest

from harness.mail_load import MailSession, configuration
from harness.nodes import Mail, Node, base, record  # noqa: F401 (fixtures)
from harness.process import make_directory
from harness.sluice import NEGOTIATION, is_sanitized, packet
from harness.waiting import wait_until

BURST, HALF_OPEN, IDLE = (200, 100, 300) if is_sanitized() else (1000, 500, 9000)
IDLE = int(os.environ.get("SLUICE_IDLE_SESSIONS", IDLE))
MOST_OCTETS_AN_IDLE_SESSION = 16 * 1024
LONGEST_BURST_SECONDS = 60
LONGEST_MESSAGE_SECONDS = 5
ORDINARY = 20  # messages that are timed
EDITS = b"+2-ehimq"

CONNECT = packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 9) + b"192.0.2.7\0")
HELO = packet(b"H", b"client.example\0")
MAIL = packet(b"M", b"<author@out.example>\0")
RCPT = packet(b"R", b"<user@test.example>\0")
QUIT = packet(b"Q")


def message_steps(number):
    """What a mail server waits for an answer to, of one message."""
    fields = ((b"From", b"author@out.example"), (b"Message-ID", b"<burst-%d@out.example>" % number))
    head = b"".join(packet(b"L", name + b"\0 " + value + b"\0") for name, value in fields)
    return [MAIL, RCPT, packet(b"T"), head + packet(b"N") + packet(b"B", b"Hello.\r\n") + packet(b"E")]


@pytest.fixture(scope="module", autouse=True)
def enough_descriptors():
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1], usual[1]))
    assert usual[1] > IDLE + 1000, "the limit of open files is too low"
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, usual)


@pytest.fixture
def node(base):
    node = Node(base / "node", "socket-mode = 0600", "log = stderr", "log-level = info", "log-level = session=debug",
                "local-domain = test.example", *configuration(make_directory(base / "badmail")))
    node.daemon.start()
    usual = count(node, "fd")
    yield node
    node.daemon.wait_for_no_sessions(60)
    wait_until(lambda: count(node, "fd") <= usual + 2, 20, "all descriptors are closed")
    wait_until(lambda: count(node, "task") < 50, 60, "most threads have ended")
    node.stop()
    node.daemon.kill()


def count(node, what):
    return len(os.listdir(f"/proc/{node.daemon.pid}/{what}"))


def resident_octets(node):
    text = pathlib.Path(f"/proc/{node.daemon.pid}/smaps_rollup").read_text()
    return 1024 * int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE).group(1))


def answer(stream):
    octets, = struct.unpack("!I", stream.read(4))
    return stream.read(octets)[:1]


def greeted(node):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(node.socket))
    connection.sendall(NEGOTIATION + CONNECT + HELO)
    with connection.makefile("rb") as stream:
        assert [answer(stream) for _ in range(3)] == [b"O", b"c", b"c"]
    return connection


def seconds_of_ordinary_mail(node):
    """How long each message took, of a session that is open and of new ones."""
    answers = []
    with MailSession(node.socket) as session:
        for _ in range(ORDINARY):
            with MailSession(node.socket) as other:
                answers += [session.send("taken"), other.send("stored")]
    assert all(each.end == each.kind for each in answers), answers
    return [each.seconds for each in answers]


def note(record, name, seconds):
    record(f"{name}_median_ms", 1000 * statistics.median(seconds))
    record(f"{name}_longest_ms", 1000 * max(seconds))


# --- at once ------------------------------------------------------------------------------------

async def ask(reader, writer, octets):
    """The code of the answer, without those of edits."""
    writer.write(octets)
    code = b"+"
    while code in EDITS:
        size, = struct.unpack("!I", await reader.readexactly(4))
        code = (await reader.readexactly(size))[:1]
    return code


async def whole_session(path, number):
    reader, writer = await asyncio.open_unix_connection(path)
    codes = [await ask(reader, writer, step) for step in (NEGOTIATION, CONNECT, HELO, *message_steps(number))]
    writer.write(QUIT)
    writer.close()
    return b"".join(codes)


async def burst(path):
    return await asyncio.gather(*(whole_session(path, number) for number in range(BURST)))


def test_a_burst(node, record):
    began = time.monotonic()
    codes = asyncio.run(asyncio.wait_for(burst(str(node.socket)), LONGEST_BURST_SECONDS))
    record("seconds", time.monotonic() - began)
    assert set(codes) == {b"Occcccc"}, set(codes)


# --- half open ----------------------------------------------------------------------------------

STEPS = (b"", NEGOTIATION, NEGOTIATION + CONNECT, NEGOTIATION[:7], NEGOTIATION + CONNECT[:3],
         NEGOTIATION + CONNECT + HELO + MAIL[:-5])


def test_half_open_sessions(node, record):
    note(record, "before", seconds_of_ordinary_mail(node))
    with contextlib.ExitStack() as stack:
        for number in range(HALF_OPEN):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(node.socket))
            connection.sendall(STEPS[number % len(STEPS)])
        seconds = seconds_of_ordinary_mail(node)
        record("threads", count(node, "task"))
    note(record, "meanwhile", seconds)
    assert max(seconds) < LONGEST_MESSAGE_SECONDS


# --- idle ---------------------------------------------------------------------------------------

def test_idle_sessions(node, record):
    """Each after its first message."""
    seconds_of_ordinary_mail(node)
    before = resident_octets(node)
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        for number in range(IDLE):
            connection = stack.enter_context(greeted(node))
            with connection.makefile("rb") as stream:
                for step in message_steps(number):
                    connection.sendall(step)
                    while answer(stream) in EDITS:
                        pass
        record("opened_in_s", time.monotonic() - began)
        octets = (resident_octets(node) - before) / IDLE
        record("octets_a_session", octets)
        record("resident_MB", resident_octets(node) / 1e6)
        seconds = seconds_of_ordinary_mail(node)
    note(record, "meanwhile", seconds)
    assert max(seconds) < LONGEST_MESSAGE_SECONDS
    if not is_sanitized():
        assert octets <= MOST_OCTETS_AN_IDLE_SESSION
