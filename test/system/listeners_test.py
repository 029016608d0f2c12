# SPDX-License-Identifier: BSD-2-Clause
"""What applies depends on the listener, and on who the client is."""

import pytest

from harness.site import both
from harness.smtp import message, require

DENIED, TRUSTED, ACCEPTED, LISTED, RESTRICTED = 11, 14, 15, 40, 10


@pytest.fixture(scope="module", autouse=True)
def daemon(site):
    with site.sluice("listener = submission recipient limits",
                     *(f"listener = {server.other_port} connection sender"
                       for server in site.mtas.values()),
                     *both("restrict-ip", RESTRICTED),
                     *both("deny-ip", DENIED), *both("deny-ip", TRUSTED), *both("trusted", TRUSTED),
                     *both("deny-ip", ACCEPTED), *both("accept-ip", ACCEPTED),
                     *both("trusted", 41), *both("accept-ip", 42),
                     "dnsbl = listed bl.example", "block-sender = evil@bad.example",
                     "block-recipient = closed@test.example", "max-size = 10k",
                     "spoof-check = reject") as daemon:
        yield daemon


def codes(session):
    """How the four areas answer on this connection: (sender, connection at MAIL, connection at
    RCPT, recipient, limits), as reply codes."""
    answers = {"sender": session.mail("evil@bad.example").code}
    session.command("RSET")
    answers["limits"] = session.mail(parameters="SIZE=99999").code
    session.command("RSET")
    require(session.mail(), 250)
    answers["connection"] = session.rcpt("user@test.example").code
    answers["recipient"] = session.rcpt("closed@test.example").code
    return answers


def test_a_listener_that_is_not_named_applies_all(mta):
    with mta.connect(LISTED) as session:
        assert codes(session) == {"sender": 550, "limits": 552, "connection": 550, "recipient": 550}


def test_a_listener_by_name(mta):
    with mta.connect(LISTED, port=mta.submission_port) as session:
        assert codes(session) == {"sender": 250, "limits": 552, "connection": 250, "recipient": 550}


def test_a_listener_by_port(mta):
    with mta.connect(LISTED, port=mta.other_port) as session:
        assert codes(session) == {"sender": 550, "limits": 250, "connection": 550, "recipient": 550}
    with mta.connect(port=mta.other_port) as session:
        assert codes(session) == {"sender": 550, "limits": 250, "connection": 250, "recipient": 250}


def test_the_deny_list_belongs_to_the_area_connection(mta):
    with mta.connect(DENIED, port=mta.submission_port) as session:
        assert session.mail().code == 250
    with mta.connect(DENIED, port=mta.other_port) as session:
        assert session.mail().code == 554


def test_nothing_exempts_from_restrict_ip(mta):
    with mta.connect(RESTRICTED, port=mta.submission_port) as session:
        assert session.greeting.code == 554


@pytest.mark.parametrize("number", [TRUSTED, ACCEPTED, 41, 42])
def test_trusted_and_accepted_clients_skip_the_connection_filter_only(mta, number):
    with mta.connect(number) as session:
        assert codes(session) == {"sender": 550, "limits": 552, "connection": 250, "recipient": 550}


@pytest.mark.parametrize("number", [DENIED, LISTED])
def test_clients_that_have_authenticated_skip_the_connection_filter_only(site, number):
    with site.postfix.connect(number, login="joe") as session:
        assert codes(session) == {"sender": 550, "limits": 552, "connection": 250, "recipient": 550}


def test_accept_ip_is_not_trusted(mta):
    octets = message("From: chief@test.example")
    with mta.connect(ACCEPTED) as session:
        assert session.deliver("a@out.example", ["user@test.example"], octets).code == 550
    with mta.connect(TRUSTED) as session:
        assert session.deliver("a@out.example", ["user@test.example"], octets).code == 250
