# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a mail server that has gone mad sends: the daemon lives, answers the next session, and
keeps nothing of the one before."""

import contextlib
import os
import socket
import struct

import pytest

from harness.robustness import JUNK, daemon, short, store, unharmed  # noqa: F401 (fixtures)
from harness.sluice import NEGOTIATION, packet
from harness.smtp import new_token
from milter_client import MilterClient, MilterError

CONNECT = packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 9) + b"192.0.2.1\0")
MARK = ("addheader", "X-Sluice-Spoof", "test.example")


def begin(client, address="192.0.2.1", **offer):
    """A session of a client with this address, up to its HELO."""
    client.negotiate(**offer)
    client.conn("client.example", address, 9)
    client.helo("client.example")


def pass_message(client, sender, expected):
    assert client.mail(sender).proceeds
    assert client.rcpt("<user@test.example>").proceeds
    assert client.message([("Subject", "x")], b"Hello.\r\n").kind == expected


@pytest.fixture
def client(site):
    with MilterClient(f"unix:{site.socket}") as client:
        yield client


# all there is; no negotiation of steps; protocol 2; without leading space; without silent headers
LESS = [(0x1FFFFF, 6), (0, 6), (0, 2), (0x7F, 2), (0x3FF, 4), (0x0FFFFF, 6), (0x1FFF7F, 6)]


@pytest.mark.parametrize("steps, version", LESS)
def test_an_ordinary_session(client, steps, version):
    begin(client, steps=steps, version=version, actions=0x1FF if version == 6 else 0x3F)
    assert client.mail("<a@out.example>").proceeds
    assert client.rcpt("<nobody@test.example>").line == "550 5.1.1 User unknown"
    assert client.rcpt("<user@test.example>").proceeds
    end = client.message([("From", "x@test.example"), ("Subject", "hello")], b"Hello.\r\n")
    assert end.kind == "continue"
    stamp, *rest = [(edit["edit"], edit["name"], edit["value"].strip()) for edit in end.edits]
    assert stamp[:2] == ("insheader", "X-Sluice-Trace")
    assert rest == [MARK]


@pytest.mark.parametrize("steps, version", LESS)
def test_badmail_is_stored_whole(client, store, steps, version):
    token = new_token()
    begin(client, steps=steps, version=version, actions=0x1FF if version == 6 else 0x3F)
    assert client.mail("<evil@bad.example>").proceeds
    assert client.rcpt("<user@test.example>").proceeds
    end = client.message([("Message-ID", token), ("X-Folded", "a\n\tb")], b"one\r\n" * 20_000)
    assert end.kind == "discard"
    path, = (each for each in store.glob("new/*.eml") if token in each.read_text())
    assert path.read_bytes() == (f"Message-ID: {token}\r\nX-Folded: a\r\n\tb\r\n\r\n".encode()
                                 + b"one\r\n" * 20_000)


def test_a_size_over_64_bits_is_too_large(client):
    begin(client)
    reply = client.mail("<a@out.example>", "SIZE=18446744073709551617")
    assert reply.line == "552 5.3.4 Message too large"
    for size in ("", "-1", "1x", "0x10", " 1"):
        assert client.mail("<a@out.example>", f"SIZE={size}").proceeds


@pytest.mark.parametrize("argument", [b"", b"<", b">", b"<>", b"<@>", b"<a", JUNK, b"<" + JUNK + b">",
                                      b"a" * 60_000, b"<" * 60_000, b"<a@" + b"b." * 20_000 + b"c>",
                                      b'<"' + b"\\" * 30_001 + b'">', b"<@a:" * 5000, b"%s%n%99999d",
                                      b"<\xf0\x9f@\x92\xa9>", b"<xn--@xn--a-ecp.example>"], ids=short)
def test_odd_arguments(client, argument):
    begin(client)
    assert client.mail(argument).proceeds
    client.rcpt(argument)
    assert client.header(argument or b"X", argument[:30_000]).proceeds


@pytest.mark.parametrize("host, address, family", [
    ("", None, "unknown"), ("[192.0.2.1]", None, "unknown"), ("x" * 5000, "192.0.2.1", "inet"),
    (JUNK, "IPv6:2001:db8::1", "inet6"), ("v6", "2001:db8::1", "inet6"),
    ("mapped", "::ffff:192.0.2.1", "inet6"), ("local", "/run/x", "unix")], ids=short)
def test_odd_clients(client, host, address, family):
    client.negotiate()
    client.conn(host, address, 9, family)
    client.helo("x")
    assert client.mail("<a@out.example>").proceeds
    assert client.rcpt("<user@test.example>").proceeds


def test_what_is_logged_is_escaped(client, daemon):
    begin(client)
    start = daemon.log.position
    assert client.mail("<a@out.example>").proceeds
    assert client.rcpt(b'<\x1b[31m\xff"\n\\@closed.example>').code == 550
    daemon.wait_for_log(r'block-recipient .*to="<\\x1B\[31m\\xFF\\x22\\x0A\\x5C@closed.example>"',
                        start=start)


def test_a_mapped_client_is_matched_as_ipv4(client):
    begin(client, "::ffff:192.0.2.11")
    assert client.mail("<a@out.example>").line == "554 5.7.1 Access denied"


def test_a_connection_that_is_used_again(client):
    """What one client did must not stay for the next one on the same connection."""
    begin(client)
    pass_message(client, "<evil@bad.example>", "discard")
    pass_message(client, "<a@out.example>", "continue")
    client.quit_nc()
    client.conn("denied.example", "192.0.2.11", 9)
    client.helo("x")
    assert client.mail("<a@out.example>").code == 554
    assert client.mail("<a@out.example>").code == 421


def test_messages_that_are_broken_off(client):
    begin(client)
    for _ in range(100):
        client.mail("<evil@bad.example>")
        client.rcpt("<user@test.example>")
        client.header("Subject", "x")
        client.eoh()
        client.body(b"half")
        client.abort()
    pass_message(client, "<a@out.example>", "continue")


STEPS = {"helo": ("x",), "mail": ("<evil@bad.example>",), "rcpt": ("<user@test.example>",),
         "header": ("From", "evil@bad.example"), "body": (b"x",)}


@pytest.mark.parametrize("order", [
    "mail mail mail", "rcpt", "eom", "eoh eom", "header rcpt mail", "body eom", "mail eom",
    "mail rcpt eom", "mail rcpt body header eom", "mail rcpt eoh eoh eom eom", "data", "helo helo",
    "abort abort", "mail rcpt header body eoh header eom"])
def test_steps_out_of_order(site, order):
    with MilterClient(f"unix:{site.socket}", timeout=0.5) as client:
        begin(client)
        with contextlib.suppress(MilterError):  # libmilter closes the connection, or says nothing
            for step in order.split():
                getattr(client, step)(*STEPS.get(step, ()))


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO",
    b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\1Q", b"\0\0\0\1Z", packet(b"O"), packet(b"O", b"\0" * 11),
    packet(b"O", b"\xff" * 12), NEGOTIATION, NEGOTIATION * 3, NEGOTIATION + packet(b"Q"),
    NEGOTIATION + CONNECT[:20], NEGOTIATION + CONNECT + packet(b"Q"), NEGOTIATION + CONNECT + CONNECT,
    NEGOTIATION + packet(b"M", b"<a@out.example>\0"), NEGOTIATION + packet(b"E"),
    NEGOTIATION + CONNECT + packet(b"D", b"Mi\0x\0") + packet(b"M", b"<a@out.example>\0"),
    NEGOTIATION + CONNECT + packet(b"B", b"x" * 65535) + packet(b"A"),
    NEGOTIATION + CONNECT + packet(b"R", b"<x@test.example>\0") + packet(b"K") + CONNECT], ids=short)
def test_octets_of_any_kind(site, data):
    """Nothing to wait for: the connection is closed from here. What makes libmilter itself read
    beyond a packet (an odd number of macros, a host without its end) is left out."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(site.socket))
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(20)
            while raw.recv(4096):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_connections_that_say_nothing(site):
    silent = [socket.socket(socket.AF_UNIX) for _ in range(100)]
    for each in silent:
        each.connect(str(site.socket))
    with site.postfix.connect() as session:
        assert session.mail().code == 250
    for each in silent:
        each.close()


def test_descriptors_and_threads_do_not_grow(site, daemon):
    def count(what):
        return len(os.listdir(f"/proc/{daemon.pid}/{what}"))

    def sessions(number):
        for _ in range(number):
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(str(site.socket))
                raw.sendall(NEGOTIATION + CONNECT + packet(b"Q"))
                while raw.recv(4096):
                    pass
        daemon.wait_for_no_sessions()
    sessions(20)
    before = count("fd")
    sessions(200)
    assert count("fd") <= before + 5
    assert count("task") < 50
