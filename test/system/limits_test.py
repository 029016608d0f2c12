# SPDX-License-Identifier: BSD-2-Clause
"""Limits of a session, and of the daemon itself."""

import socket

import pytest

from harness.process import program
from harness.sluice import NEGOTIATION
from harness.smtp import message, require
from milter_client import MilterClient

USED_UP = "421 4.7.0 Too much for one connection, please reconnect"
FILES = 300
CONNECTIONS = 200  # more than the daemon wants to have with so few descriptors


class TestSession:
    @pytest.fixture(scope="class", autouse=True)
    def daemon(self, site):
        with site.sluice("max-session-size = 10k", "max-messages = 4",
                         "block-sender = evil@bad.example") as daemon:
            yield daemon

    def message_of_4k(self, *fields):
        return message(*fields, body=(b"x" * 62 + b"\r\n") * 64)

    def test_octets_of_all_messages(self, mta):
        with mta.connect() as session:
            for _ in range(2):
                reply = session.deliver("a@out.example", ["user@test.example"], self.message_of_4k())
                assert reply.code == 250
            require(session.mail(), 250)
            require(session.rcpt("user@test.example"), 250)
            assert session.data(self.message_of_4k()).line == USED_UP
            assert session.is_closed()

    def test_a_declared_size_that_does_not_fit_any_more(self, mta):
        with mta.connect() as session:
            reply = session.deliver("a@out.example", ["user@test.example"], self.message_of_4k())
            assert reply.code == 250
            assert session.mail(parameters="SIZE=9000").line == USED_UP
            assert session.is_closed()

    def test_a_size_that_never_fits(self, mta):
        with mta.connect() as session:
            assert session.mail(parameters="SIZE=11000").line == "552 5.3.4 Message too large"

    def test_only_completed_messages_count(self, mta):
        with mta.connect() as session:
            for _ in range(6):
                require(session.mail("evil@bad.example"), 550)
                require(session.mail(), 250)
                require(session.command("RSET"), 250)
                reply = session.deliver("a@out.example", ["user@test.example"],
                                        self.message_of_4k("From: evil@bad.example"))
                assert reply.code == 550
            reply = session.deliver("a@out.example", ["user@test.example"], message())
            assert reply.code == 250


def test_too_many_connections_of_the_mail_server(site):
    """New work is put off before descriptors run out, and sessions that are open finish."""
    few = (program("prlimit"), f"--nofile={FILES}:{FILES}")
    with site.sluice("block-recipient = closed@test.example", prefix=few) as daemon:
        with MilterClient(f"unix:{site.socket}") as early:
            early.negotiate()
            assert early.conn("early.example", "192.0.2.1").proceeds
            crowd = [negotiated(site.socket) for _ in range(CONNECTIONS)]
            with MilterClient(f"unix:{site.socket}") as late:
                late.negotiate()
                assert late.conn("late.example", "192.0.2.2").kind == "tempfail"
            assert early.mail("<a@out.example>").proceeds
            assert early.rcpt("<closed@test.example>").code == 550
            for each in crowd:
                each.close()
        daemon.wait_for_no_sessions()
        with site.postfix.connect() as session:
            require(session.mail(), 250)
            assert session.rcpt("closed@test.example").code == 550


def negotiated(path):
    """A connection to the daemon that has got as far as the options."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(path))
    connection.sendall(NEGOTIATION)
    connection.recv(4096)
    return connection
