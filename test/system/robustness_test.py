# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a client or a broken mail server sends: the daemon lives, answers the next session, and
keeps nothing of the one before."""

import contextlib
import os
import re
import socket
import struct

import pytest

from harness.site import both
from harness.sluice import NEGOTIATION, packet
from harness.smtp import SmtpClient, message, new_token, require
from milter_client import MilterClient, MilterError


def short(value):
    """A name for a parameter of a test."""
    return repr(value)[:40]


JUNK = bytes(range(1, 10)) + bytes(range(11, 13)) + bytes(range(14, 32)) + bytes(range(127, 256))
NOT_FOR_A_LOG = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffd]")  # the last one: it was no UTF-8
MANY_RECIPIENTS = {"postfix": 10_000, "sendmail": 2_000}  # Sendmail takes its time for each
MANY_HEADERS = 5_000


@pytest.fixture(scope="module")
def store(site):
    return site.directory("robust-badmail")


@pytest.fixture(scope="module")
def daemon(site, store):
    """Everything is switched on, so that every piece of input is looked at."""
    users = site.base / "robust-users"
    users.write_text("user@test.example\n")
    with site.sluice(*both("deny-ip", 11), "dnsbl = bl bl.example", "dnsbl = m second.example action=mark",
                     "block-sender = evil@bad.example", "sender-action = badmail",
                     f"badmail-dir = {store}", "spoof-check = mark",
                     "block-recipient = @closed.example", f"directory = file:{users}",
                     "restrict-recipient = board@test.example only-from=*@good.example",
                     "max-size = 30M", "max-session-size = 100M", "max-messages = 1000000",
                     "max-recipients = 20000", "max-hops = 100", "harvest-limit = 0",
                     "log-level = info", "log-level = session=debug") as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def unharmed(site, daemon):
    """After each test: the same process, a good answer to the next session, and no session left."""
    pid = daemon.pid
    yield
    daemon.wait_for_no_sessions()
    assert daemon.is_running() and daemon.pid == pid, daemon.log_text()[-4000:]
    daemon.require_no_sanitizer_report()
    for server in site.mtas.values():
        with server.connect() as session:
            require(session.mail(), 250)
            assert session.rcpt("user@test.example").code == 250
    assert "internal error" not in daemon.log_text()
    assert not NOT_FOR_A_LOG.search(daemon.log_text()), "what is logged is escaped"


class TestSmtp:
    """Through a mail server, which lets more pass than one would think."""

    @pytest.mark.parametrize("address", [
        b"\0@out.example", b"a\0b@out.example", JUNK + b"@out.example", b"a@" + JUNK,
        b"\xff\xfe@\xff\xfe", b"a" * 900 + b"@out.example", b"a@" + b"b." * 800 + b"example",
        b'"' + b"\\\"" * 400 + b'"@out.example', b"@a,@b:c@out.example", b"a@[192.0.2.1]",
        b"a@[IPv6:::1]", b"a@\xc3\xbcber.example", b"%s%n%x@out.example", b"a@" + b"@" * 500,
        b"(comment)a@out.example", b"a@.", b"@", b"<<<>>>", b" ", b"'--@out.example"], ids=short)
    def test_odd_addresses(self, mta, address):
        with mta.connect() as session:
            for command in (b"MAIL FROM:<" + address + b">", b"MAIL FROM:<a@out.example>",
                            b"RCPT TO:<" + address + b">"):
                assert 200 <= session.command(command).code < 600
            assert session.rcpt("user@test.example").code == 250

    @pytest.mark.parametrize("name", [b"\0", JUNK, b"x" * 1500, b"[1.2.3.4", b"%s%n", b'"', b"-"], ids=short)
    def test_odd_helo(self, mta, name):
        with mta.connect() as session:
            assert 200 <= session.command(b"EHLO " + name).code < 600
            require(session.ehlo(), 250)
            assert session.mail().code == 250

    @pytest.mark.parametrize("parameters", ["SIZE=", "SIZE=-1", "SIZE=1x", "SIZE=0", "SIZE=18446744073709551616",
                                            "SIZE=9" * 100, "BODY=8BITMIME SIZE=1 SIZE=2", "SIZE", "=", "FOO=BAR"], ids=short)
    def test_odd_parameters(self, mta, parameters):
        with mta.connect() as session:
            assert 200 <= session.mail(parameters=parameters).code < 600

    @pytest.mark.parametrize("field", [
        b"X-Long: " + b"x" * 60_000, b"Subject: " + JUNK, b"X-Nul: a\0b", b"From: " + b"(" * 5000,
        b"From: " + b'"' * 5001, b"From: " + b"a@b.example," * 4000, b"From: " + b"<" * 5000,
        b"From: " + b"group:" * 800, b"From: a@b.example" + b"\r\n\t" * 2000 + b"x",
        b"From: =?utf-8?Q?" + b"=41" * 900 + b"?= <a@b.example>", b"From: " + JUNK + b"@" + JUNK,
        b"Sender: " + b"\\" * 5001, b": no name", b"no colon at all", b"From:", b" continuation first",
        b"X" * 4000 + b": long name"], ids=short)
    def test_odd_headers(self, mta, field):
        with mta.connect() as session:
            reply = session.deliver("a@out.example", ["user@test.example"],
                                    b"To: <user@test.example>\r\n" + field + b"\r\n\r\nbody\r\n")
            assert reply.code in (250, 451, 550, 552, 554)

    def test_many_headers(self, site, mta):
        token = new_token()
        fields = [f"X-Header-{number}: {'x' * (number % 70)}" for number in range(MANY_HEADERS)]
        with mta.connect() as session:
            reply = session.deliver("a@out.example", ["user@test.example"],
                                    message(*fields, token=token))
            assert reply.code == 250
        delivery, = site.sink.wait_for(token.encode())
        assert len(delivery.header_lines("X-Header-4999")) == 1

    @pytest.mark.parametrize("body", [b"", b"\0" * 5000 + b"\r\n", JUNK * 100 + b"\r\n",
                                      b"\n" * 1000 + b"\r\n", b"x" * 200_000 + b"\r\n",
                                      b".\r\n" * 1000, b"\r\n" * 5000], ids=short)
    def test_odd_bodies(self, mta, body):
        with mta.connect() as session:
            reply = session.deliver("a@out.example", ["user@test.example"], message(body=body))
            assert reply.code in (250, 421, 451, 500, 550, 552, 554)

    def test_many_recipients(self, mta):
        with mta.connect() as session:
            require(session.mail(), 250)
            for start in range(0, MANY_RECIPIENTS[mta.name], 500):
                session.send(b"".join(b"RCPT TO:<user+%d@test.example>\r\n" % number
                                      for number in range(start, start + 500)))
                assert {session.read_reply().code for _ in range(500)} == {250}
            assert session.command("RSET").code == 250
            require(session.mail(), 250)
            assert session.rcpt("nobody@test.example").code == 550

    STAGES = [b"", b"EHLO a.example\r\n", b"MAIL FROM:<evil@bad.example>\r\n", b"RCPT TO:<user@test.example>\r\n",
              b"DATA\r\n", b"Subject: x\r\nFrom: evil@bad.example\r\n", b"\r\nbody\r\n", b".\r\n"]

    @pytest.mark.parametrize("stage", range(len(STAGES)))
    def test_a_client_that_goes_away(self, mta, stage):
        with SmtpClient(mta.port) as session:
            for octets_of_stage in self.STAGES[:stage + 1]:
                session.send(octets_of_stage)
                if octets_of_stage.startswith((b"EHLO", b"MAIL", b"RCPT", b"DATA")):
                    session.read_reply()
            session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def test_commands_out_of_order(self, mta):
        with mta.connect(ehlo=False) as session:
            for command in (b"DATA", b"RCPT TO:<user@test.example>", b"RSET", b"MAIL", b"RCPT",
                            b"MAIL FROM:<a@out.example>", b"MAIL FROM:<b@out.example>", b"DATA",
                            b"RSET", b"RCPT TO:<user@test.example>", b"HELO x", b"HELO y", b"NOOP",
                            b"VRFY user", b"EXPN user", b"HELP", b"XYZZY", b"\0\0\0", b"x" * 1000,
                            b"STARTTLS", b"AUTH PLAIN AAAA"):
                assert 200 <= session.command(command).code < 600
            session.command("RSET")
            session.ehlo()
            assert session.deliver("a@out.example", ["user@test.example"], message()).code == 250

    def test_pipelined_sessions(self, mta):
        with mta.connect() as session:
            transaction = (b"MAIL FROM:<a@out.example>\r\nRCPT TO:<user@test.example>\r\n"
                           b"RCPT TO:<nobody@test.example>\r\nRSET\r\n")
            session.send(transaction * 200)
            codes = [session.read_reply().code for _ in range(4 * 200)]
            assert codes == [250, 250, 550, 250] * 200


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


class TestMilter:
    """As a mail server that has gone mad."""

    @pytest.fixture
    def client(self, site):
        with MilterClient(f"unix:{site.socket}") as client:
            yield client

    # all there is; no negotiation of steps; protocol 2; without leading space; without silent headers
    LESS = [(0x1FFFFF, 6), (0, 6), (0, 2), (0x7F, 2), (0x3FF, 4), (0x0FFFFF, 6), (0x1FFF7F, 6)]

    @pytest.mark.parametrize("steps, version", LESS)
    def test_an_ordinary_session(self, client, steps, version):
        begin(client, steps=steps, version=version, actions=0x1FF if version == 6 else 0x3F)
        assert client.mail("<a@out.example>").proceeds
        assert client.rcpt("<nobody@test.example>").line == "550 5.1.1 User unknown"
        assert client.rcpt("<user@test.example>").proceeds
        end = client.message([("From", "x@test.example"), ("Subject", "hello")], b"Hello.\r\n")
        assert end.kind == "continue"
        assert [(edit["edit"], edit["name"], edit["value"].strip()) for edit in end.edits] == [MARK]

    @pytest.mark.parametrize("steps, version", LESS)
    def test_badmail_is_stored_whole(self, client, store, steps, version):
        token = new_token()
        begin(client, steps=steps, version=version, actions=0x1FF if version == 6 else 0x3F)
        assert client.mail("<evil@bad.example>").proceeds
        assert client.rcpt("<user@test.example>").proceeds
        end = client.message([("Message-ID", token), ("X-Folded", "a\n\tb")], b"one\r\n" * 20_000)
        assert end.kind == "discard"
        path, = (each for each in store.glob("new/*.eml") if token in each.read_text())
        assert path.read_bytes() == (f"Message-ID: {token}\r\nX-Folded: a\r\n\tb\r\n\r\n".encode()
                                     + b"one\r\n" * 20_000)

    def test_a_size_over_64_bits_is_too_large(self, client):
        begin(client)
        reply = client.mail("<a@out.example>", "SIZE=18446744073709551617")
        assert reply.line == "552 5.3.4 Message too large"
        for size in ("", "-1", "1x", "0x10", " 1"):
            assert client.mail("<a@out.example>", f"SIZE={size}").proceeds

    @pytest.mark.parametrize("argument", [b"", b"<", b">", b"<>", b"<@>", b"<a", JUNK, b"<" + JUNK + b">",
                                          b"a" * 60_000, b"<" * 60_000, b"<a@" + b"b." * 20_000 + b"c>",
                                          b'<"' + b"\\" * 30_001 + b'">', b"<@a:" * 5000, b"%s%n%99999d",
                                          b"<\xf0\x9f@\x92\xa9>", b"<xn--@xn--a-ecp.example>"], ids=short)
    def test_odd_arguments(self, client, argument):
        begin(client)
        assert client.mail(argument).proceeds
        client.rcpt(argument)
        assert client.header(argument or b"X", argument[:30_000]).proceeds

    @pytest.mark.parametrize("host, address, family", [
        ("", None, "unknown"), ("[192.0.2.1]", None, "unknown"), ("x" * 5000, "192.0.2.1", "inet"),
        (JUNK, "IPv6:2001:db8::1", "inet6"), ("v6", "2001:db8::1", "inet6"),
        ("mapped", "::ffff:192.0.2.1", "inet6"), ("local", "/run/x", "unix")], ids=short)
    def test_odd_clients(self, client, host, address, family):
        client.negotiate()
        client.conn(host, address, 9, family)
        client.helo("x")
        assert client.mail("<a@out.example>").proceeds
        assert client.rcpt("<user@test.example>").proceeds

    def test_what_is_logged_is_escaped(self, client, daemon):
        begin(client)
        start = daemon.log.position
        assert client.mail("<a@out.example>").proceeds
        assert client.rcpt(b'<\x1b[31m\xff"\n\\@closed.example>').code == 550
        daemon.wait_for_log(r'block-recipient .*to="<\\x1B\[31m\\xFF\\x22\\x0A\\x5C@closed.example>"',
                            start=start)

    def test_a_mapped_client_is_matched_as_ipv4(self, client):
        begin(client, "::ffff:192.0.2.11")
        assert client.mail("<a@out.example>").line == "554 5.7.1 Access denied"

    def test_a_connection_that_is_used_again(self, client):
        """What one client did must not stay for the next one on the same connection."""
        begin(client)
        pass_message(client, "<evil@bad.example>", "discard")
        pass_message(client, "<a@out.example>", "continue")
        client.quit_nc()
        client.conn("denied.example", "192.0.2.11", 9)
        client.helo("x")
        assert client.mail("<a@out.example>").code == 554
        assert client.mail("<a@out.example>").code == 421

    def test_messages_that_are_broken_off(self, client):
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
    def test_steps_out_of_order(self, site, order):
        with MilterClient(f"unix:{site.socket}", timeout=0.5) as client:
            begin(client)
            with contextlib.suppress(MilterError):  # libmilter closes the connection, or says nothing
                for step in order.split():
                    getattr(client, step)(*self.STEPS.get(step, ()))

    @pytest.mark.parametrize("data", [
        b"", b"\0", b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO",
        b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\1Q", b"\0\0\0\1Z", packet(b"O"), packet(b"O", b"\0" * 11),
        packet(b"O", b"\xff" * 12), NEGOTIATION, NEGOTIATION * 3, NEGOTIATION + packet(b"Q"),
        NEGOTIATION + CONNECT[:20], NEGOTIATION + CONNECT + packet(b"Q"), NEGOTIATION + CONNECT + CONNECT,
        NEGOTIATION + packet(b"M", b"<a@out.example>\0"), NEGOTIATION + packet(b"E"),
        NEGOTIATION + CONNECT + packet(b"D", b"Mi\0x\0") + packet(b"M", b"<a@out.example>\0"),
        NEGOTIATION + CONNECT + packet(b"B", b"x" * 65535) + packet(b"A"),
        NEGOTIATION + CONNECT + packet(b"R", b"<x@test.example>\0") + packet(b"K") + CONNECT], ids=short)
    def test_octets_of_any_kind(self, site, data):
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

    def test_connections_that_say_nothing(self, site):
        silent = [socket.socket(socket.AF_UNIX) for _ in range(100)]
        for each in silent:
            each.connect(str(site.socket))
        with site.postfix.connect() as session:
            assert session.mail().code == 250
        for each in silent:
            each.close()

    def test_descriptors_and_threads_do_not_grow(self, site, daemon):
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
