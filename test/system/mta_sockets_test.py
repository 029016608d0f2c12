# SPDX-License-Identifier: BSD-2-Clause
"""Packets of a mail server that come together, or in any pieces: the answers are the same, and few
reads are needed."""

import pathlib
import random
import re
import socket
import struct

import pytest

from harness.sluice import NEGOTIATION, packet

HEADERS = 1000
MOST_READS = 200  # libmilter by itself takes two for each header
EDITS = b"himq+-2"


def session(messages=1):
    """All that a mail server sends, and how many answers it waits for."""
    connect = packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 9) + b"192.0.2.1\0")
    greeting = NEGOTIATION + connect + packet(b"H", b"x\0")
    header = b"".join(packet(b"L", b"X-Number\0 %d\0" % number) for number in range(HEADERS))
    message = (packet(b"M", b"<author@out.example>\0") + packet(b"R", b"<user@test.example>\0") + packet(b"T")
               + header + packet(b"N") + packet(b"B", b"Hello.\r\n") + packet(b"E"))
    return greeting + message * messages + packet(b"Q")


def answers(connection):
    """The codes of all answers up to the end, without edits."""
    stream = connection.makefile("rb")
    codes = b""
    while length := stream.read(4):
        code = stream.read(*struct.unpack("!I", length))[:1]
        codes += b"" if code in EDITS else code
    return codes


def pieces(octets, seed):
    chance = random.Random(seed)
    at = 0
    while at < len(octets):
        size = chance.choice((1, 2, 4, 5, 6, 100, 4096, 20_000))
        yield octets[at:at + size]
        at += size


def reads(daemon):
    return int(re.search(r"syscr: (\d+)", pathlib.Path(f"/proc/{daemon.pid}/io").read_text()).group(1))


@pytest.fixture(scope="module")
def daemon(site):
    with site.sluice("list = team@test.example return-path=null") as daemon:
        yield daemon


def ask(site, parts):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(site.socket))
        for part in parts:
            connection.sendall(part)
        return answers(connection)


def test_headers_sent_together_are_read_together(site, daemon):
    before = reads(daemon)
    codes = ask(site, [session()])
    assert re.fullmatch(rb"Oc+[ca]", codes), codes
    assert reads(daemon) - before < MOST_READS


@pytest.mark.parametrize("seed", range(3))
def test_the_answers_do_not_depend_on_the_pieces(site, daemon, seed):
    whole = session(messages=2)
    assert ask(site, pieces(whole, seed)) == ask(site, [whole])


def test_what_was_sent_before_a_hang_up_is_not_given_to_the_next(site, daemon):
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(site.socket))
            connection.sendall(session()[:5000])
    assert re.fullmatch(rb"Oc+[ca]", ask(site, [session()]))
    daemon.wait_for_no_sessions()
