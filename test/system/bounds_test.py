# SPDX-License-Identifier: BSD-2-Clause
"""Messages that are far larger, deeper or longer than honest ones: what they cost in time and memory
is bounded, and the next one is served."""

import socket
import struct
import time

import pytest

from harness.sluice import NEGOTIATION, megabytes, packet

CONNECT = packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 9) + b"192.0.2.1\0")
ENVELOPE = packet(b"M", b"<>\0") + packet(b"R", b"<user@test.example>\0")
LONGEST_SECONDS = 20  # with all sanitizers on a busy machine; each takes well below one without
MOST_MEGABYTES = 60  # more than before; sanitizers keep what was freed for a while
CHUNK = 65535
REPORT = (b"Content-Type", b"multipart/report; report-type=delivery-status; boundary=b0")


def header(name, value):
    return packet(b"L", name + b"\0 " + value + b"\0")


def nested(depth):
    parts = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (at, at + 1)
                     for at in range(depth))
    return parts + b"--b%d\r\n\r\nMessage-ID: <deep@out.example>\r\n" % depth


ODD = {
    "100,000 headers": ([(b"X-%d" % number, b"x" * 20) for number in range(100_000)], b"x\r\n"),
    "100,000 references": ([(b"References", b"<a@b>" * 10)] * 100_000, b"x\r\n"),
    "100,000 stamps": ([(b"X-Sluice-Trace", b"1 abc aujm 6f24wtfe ac 54rpgwifuizii3w64msciop4wi")] * 100_000, b""),
    "100,000 signatures": ([(b"DKIM-Signature", b"h=" + b"from:" * 10)] * 100_000, b""),
    "headers of 64 kB": ([(b"Subject", b"Re: [a] " * 7_000)] * 40, b"x\r\n"),
    "parts 1,000 deep": ([REPORT], nested(1000)),
    "a boundary that never comes": ([REPORT], b"--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 20_000),
    "boundaries alone": ([REPORT], b"--b0\r\n" * 200_000),
    "a body of 50 MB": ([REPORT], b"Final-Recipient: rfc822; a@b.example\r\n" * 1_320_000),
    "a line of 50 MB": ([REPORT], b"--b0" * 12_500_000),
    "HTML that never ends": ([(b"Content-Type", b"text/html")], b"<a <b &lt <!-- " * 100_000),
    "quotations": ([(b"Subject", b"Re: x")], (b">" * 60 + b" x\r\n") * 100_000),
    "base64 that is none": ([(b"Content-Type", b"text/plain"), (b"Content-Transfer-Encoding", b"base64")],
                            b"=A=\xff" * 500_000),
}


@pytest.fixture(scope="module")
def daemon(site):
    little_quarantine = ("env", "ASAN_OPTIONS=exitcode=99:quarantine_size_mb=4")
    with site.sluice("list = team@test.example return-path=null", "loop-action = discard",
                     prefix=little_quarantine) as daemon:
        yield daemon


def send(site, headers, body):
    """The whole message, and the code of the answer at its end."""
    octets = b"".join(header(*each) for each in headers) + packet(b"N")
    octets += b"".join(packet(b"B", body[at:at + CHUNK]) for at in range(0, len(body), CHUNK))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(str(site.socket))
        stream = connection.makefile("rwb")
        stream.write(NEGOTIATION + CONNECT + packet(b"H", b"x\0") + ENVELOPE)
        stream.flush()
        for _ in range(5):
            answer(stream)
        began = time.monotonic()
        stream.write(octets + packet(b"E"))
        stream.flush()
        code = answer(stream)
        while code in b"himq+-2":  # edits
            code = answer(stream)
        seconds = time.monotonic() - began
        stream.write(packet(b"Q"))
        stream.flush()
    return code, seconds


def answer(stream):
    octets, = struct.unpack("!I", stream.read(4))
    return stream.read(octets)[:1]


@pytest.mark.parametrize("name", ODD)
def test_what_is_far_too_large_costs_little(site, daemon, name):
    send(site, *ODD["parts 1,000 deep"])
    before = megabytes(daemon)
    code, seconds = send(site, *ODD[name])
    assert code in b"cadyr", code
    assert seconds < LONGEST_SECONDS
    assert megabytes(daemon) - before < MOST_MEGABYTES
    assert send(site, [(b"Subject", b"x")], b"Hello.\r\n")[0] in (b"c", b"a")
