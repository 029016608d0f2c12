# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a client sends through a mail server, which lets more pass than one would think: the
daemon lives, answers the next session, and keeps nothing of the one before."""

import socket
import struct

import pytest

from harness.robustness import JUNK, daemon, short, store, unharmed  # noqa: F401 (fixtures)
from harness.smtp import SmtpClient, message, new_token, require

MANY_RECIPIENTS = {"postfix": 10_000, "sendmail": 2_000}  # Sendmail takes its time for each
MANY_HEADERS = 5_000


@pytest.mark.parametrize("address", [
    b"\0@out.example", b"a\0b@out.example", JUNK + b"@out.example", b"a@" + JUNK,
    b"\xff\xfe@\xff\xfe", b"a" * 900 + b"@out.example", b"a@" + b"b." * 800 + b"example",
    b'"' + b"\\\"" * 400 + b'"@out.example', b"@a,@b:c@out.example", b"a@[192.0.2.1]",
    b"a@[IPv6:::1]", b"a@\xc3\xbcber.example", b"%s%n%x@out.example", b"a@" + b"@" * 500,
    b"(comment)a@out.example", b"a@.", b"@", b"<<<>>>", b" ", b"'--@out.example"], ids=short)
def test_odd_addresses(mta, address):
    with mta.connect() as session:
        for command in (b"MAIL FROM:<" + address + b">", b"MAIL FROM:<a@out.example>",
                        b"RCPT TO:<" + address + b">"):
            assert 200 <= session.command(command).code < 600
        assert session.rcpt("user@test.example").code == 250


@pytest.mark.parametrize("spelling", [
    "evil%closed.example", "closed.example!evil", '"evil@closed.example"', "@a,@b:evil@closed.example",
    "evil@CLOSED.example.", "ev\\il@closed.example"])
def test_no_spelling_leads_around_a_rule(mta, spelling):
    with mta.connect() as session:
        require(session.mail(), 250)
        assert session.rcpt(spelling).code in (501, 550, 553)


@pytest.mark.parametrize("nested", ["a:" * 20_000, "a:\r\n\t" * 10_000], ids=short)
def test_groups_in_groups(mta, nested):
    with mta.connect() as session:
        reply = session.deliver("a@out.example", ["user@test.example"],
                                f"From: {nested}x\r\n\r\nbody\r\n".encode())
        assert reply.code in (250, 451)


@pytest.mark.parametrize("name", [b"\0", JUNK, b"x" * 1500, b"[1.2.3.4", b"%s%n", b'"', b"-"],
                         ids=short)
def test_odd_helo(mta, name):
    with mta.connect() as session:
        assert 200 <= session.command(b"EHLO " + name).code < 600
        require(session.ehlo(), 250)
        assert session.mail().code == 250


@pytest.mark.parametrize("parameters", [
    "SIZE=", "SIZE=-1", "SIZE=1x", "SIZE=0", "SIZE=18446744073709551616", "SIZE=" + "9" * 100,
    "BODY=8BITMIME SIZE=1 SIZE=2", "SIZE", "=", "FOO=BAR"], ids=short)
def test_odd_parameters(mta, parameters):
    with mta.connect() as session:
        assert 200 <= session.mail(parameters=parameters).code < 600


@pytest.mark.parametrize("field", [
    b"X-Long: " + b"x" * 60_000, b"Subject: " + JUNK, b"X-Nul: a\0b", b"From: " + b"(" * 5000,
    b"From: " + b'"' * 5001, b"From: " + b"a@b.example," * 4000, b"From: " + b"<" * 5000,
    b"From: " + b"group:" * 800, b"From: a@b.example" + b"\r\n\t" * 2000 + b"x",
    b"From: =?utf-8?Q?" + b"=41" * 900 + b"?= <a@b.example>", b"From: " + JUNK + b"@" + JUNK,
    b"Sender: " + b"\\" * 5001, b": no name", b"no colon at all", b"From:", b" continuation first",
    b"X" * 4000 + b": long name"], ids=short)
def test_odd_headers(mta, field):
    with mta.connect() as session:
        reply = session.deliver("a@out.example", ["user@test.example"],
                                b"To: <user@test.example>\r\n" + field + b"\r\n\r\nbody\r\n")
        assert reply.code in (250, 451, 550, 552, 554)


def test_many_headers(site, mta):
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
def test_odd_bodies(mta, body):
    with mta.connect() as session:
        reply = session.deliver("a@out.example", ["user@test.example"], message(body=body))
        assert reply.code in (250, 421, 451, 500, 550, 552, 554)


def test_many_recipients(mta):
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
def test_a_client_that_goes_away(mta, stage):
    with SmtpClient(mta.port) as session:
        for octets_of_stage in STAGES[:stage + 1]:
            session.send(octets_of_stage)
            if octets_of_stage.startswith((b"EHLO", b"MAIL", b"RCPT", b"DATA")):
                session.read_reply()
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_commands_out_of_order(mta):
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


def test_pipelined_sessions(mta):
    with mta.connect() as session:
        transaction = (b"MAIL FROM:<a@out.example>\r\nRCPT TO:<user@test.example>\r\n"
                       b"RCPT TO:<nobody@test.example>\r\nRSET\r\n")
        session.send(transaction * 200)
        codes = [session.read_reply().code for _ in range(4 * 200)]
        assert codes == [250, 250, 550, 250] * 200
