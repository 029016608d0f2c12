# SPDX-License-Identifier: BSD-2-Clause
"""Mail that only looks like a loop. Of all this nothing is cut, held back or marked."""

import contextlib

import pytest

from harness.deferring_filter import DeferringFilter
from harness.envelopes import key_file, post_in_turn
from harness.smtp import message, new_token, require
from harness.variants import PostfixWith
from milter_client import MilterClient

TEAM, USER = "team@test.example", "user@test.example"
REPLIES, BUILDS, BACKLOG, TRIES = 30, 40, 2000, 5


@pytest.fixture
def daemon(site):
    """A fresh one, which remembers nothing. It would refuse what it takes for a loop."""
    with site.sluice(f"key-file = {key_file(site)}", f"list = {TEAM} return-path=keep", "loop-action = reject",
                     "duplicate-silence = 1s", "log-level = info") as daemon:
        yield daemon
        assert "mail loop: " not in daemon.log_text()


@contextlib.contextmanager
def mta_session(site, address="192.0.2.8"):
    """A connection of a mail server for a client with this address."""
    with MilterClient(f"unix:{site.socket}") as client:
        client.negotiate()
        client.conn("client.example", address, 25)
        client.helo("client.example")
        yield client


def pass_message(client, sender, recipient, headers, body):
    """The message must go on, without any mark of a loop."""
    assert client.mail(f"<{sender}>").proceeds
    assert client.rcpt(f"<{recipient}>").proceeds
    end = client.message([("From", sender), ("To", recipient), *headers], body)
    assert end.kind == "continue", end
    assert not [edit for edit in end.edits if edit.get("name") == "Auto-Submitted" or edit["edit"] == "quarantine"]


def thought():
    """A word that nobody has said yet; of letters, for numbers do not count as another text."""
    return new_token().translate(str.maketrans("0123456789abcdef", "ghijklmnopqrstuv"))


def reply_headers(number, before):
    references = [("In-Reply-To", before[-1]), ("References", " ".join(before))] if before else []
    subject = "Re: The colour of the shed" if before else "The colour of the shed"
    return [("Message-ID", f"<{number}.{new_token()}@out.example>"), ("Subject", subject), *references]


@pytest.mark.parametrize("people", [2, 5])
def test_a_busy_thread(site, daemon, people):
    """Everybody has a signature that is always the same, and quotes what the others wrote."""
    before, quoted = [], ""
    with mta_session(site) as client:
        for number in range(REPLIES):
            author = f"person{number % people}@out.example"
            headers = reply_headers(number, before)
            text = (f"{quoted}\r\nMy thought about it is {thought()} and {thought()}.\r\n"
                    f"-- \r\nPerson {number % people}\r\n")
            pass_message(client, author, TEAM, headers, text)
            before.append(headers[0][1])
            quoted = "".join(f"> {line}\r\n" for line in text.splitlines())


def test_two_people_who_are_short_of_words(site, daemon):
    before = []
    with mta_session(site) as client:
        for number in range(REPLIES):
            pair = ["one@out.example", USER] if number % 2 else [USER, "one@out.example"]
            headers = reply_headers(number, before)
            pass_message(client, *pair, headers, "Thanks!\r\n")
            before.append(headers[0][1])


@pytest.mark.parametrize("threaded", [False, True], ids=["each-alone", "in-one-thread"])
def test_a_build_robot(site, daemon, threaded):
    """The same text again and again, as long as nobody answers."""
    with mta_session(site) as client:
        for number in range(BUILDS):
            headers = [("Message-ID", f"<build{number}.{new_token()}@out.example>"),
                       ("Auto-Submitted", "auto-generated"), ("Subject", f"Build {number} failed")]
            headers += [("References", "<builds.of.today@out.example>")] if threaded else []
            pass_message(client, "build@out.example", TEAM, headers, f"Build {number} failed in step {number}.\r\n")


@pytest.fixture(params=["before", "behind"])
def deferring_postfix(site, daemon, request):
    """A Postfix with another filter, before or behind sluice."""
    with DeferringFilter(TRIES) as other:
        filters = [f"unix:{site.socket}", other.address]
        order = filters[::-1] if request.param == "before" else filters
        server = PostfixWith(site.directory("deferring"), site.socket, site.sink.port,
                             f"smtpd_milters = {', '.join(order)}")
        yield server
        server.stop()


@pytest.mark.parametrize("recipient", [USER, TEAM])
def test_a_message_that_another_filter_puts_off(site, deferring_postfix, recipient):
    """The client comes back with it until it is taken."""
    token = new_token()
    octets = message("Received: from a.example by b.example; Mon, 06 Jul 2026 10:00:00 +0000", token=token)
    for number in range(TRIES + 1):
        with deferring_postfix.connect() as session:
            reply = session.deliver("sender@out.example", [recipient], octets)
            assert reply.code == (451 if number < TRIES else 250), reply
            session.quit()
    assert len(site.sink.wait_for(token.encode())) == 1


def test_a_message_that_was_put_off_within_one_connection(site, daemon):
    """A filter behind us has put it off; the client tries again at once."""
    headers = [("Message-ID", f"<{new_token()}@out.example>"), ("Subject", "once more")]
    with mta_session(site) as client:
        for _ in range(TRIES):
            pass_message(client, "sender@out.example", USER, headers, "The same text each time.\r\n")


def test_one_message_to_a_list_and_directly(site, daemon, mta):
    """In two transactions, and then a third time by way of another server."""
    token = new_token()
    octets = message(f"To: {TEAM}", f"Cc: {USER}", token=token)
    assert post_in_turn(mta, "sender@out.example", [TEAM, USER], octets) == 2
    relayed = b"Received: from a.example by b.example; Mon, 06 Jul 2026 10:00:00 +0000\r\n" + octets
    post_in_turn(mta, "sender@out.example", ["other@test.example"], relayed)
    deliveries = site.sink.wait_for(token.encode(), 3)
    assert sorted(each for delivery in deliveries for each in delivery.recipients) == ["other@test.example", TEAM, USER]


def test_a_backlog(site, daemon):
    """A server that was away hands over all it has for one mailbox."""
    with mta_session(site) as client:
        for number in range(BACKLOG):
            headers = [("Message-ID", f"<{number}.{new_token()}@out.example>"),
                       ("Subject", "Report of the night")]
            pass_message(client, "station@out.example", USER, headers,
                         "All is well at this station, nothing to report.\r\n")


def test_a_backlog_of_answers_to_one_message(site, daemon):
    """Many people, and programs of theirs, answer an invitation in the same words."""
    invitation = f"<{new_token()}@test.example>"
    with mta_session(site) as client:
        pass_message(client, USER, "all@out.example", [("Message-ID", invitation), ("Subject", "Feast")],
                     "Will you come to it?\r\n")
        for number in range(200):
            headers = [("Message-ID", f"<{number}.{new_token()}@out.example>"), ("In-Reply-To", invitation),
                       ("Subject", "Re: Feast"), ("Auto-Submitted", "no")]
            pass_message(client, f"guest{number}@out.example", USER, headers, "Yes, I shall come to the feast.\r\n")


def test_a_session_that_a_client_keeps_open(site, daemon, mta):
    """The same message in one connection: who goes on has heard us, and is only told of."""
    token = new_token()
    with mta.connect() as session:
        for _ in range(TRIES):
            require(session.deliver("sender@out.example", [USER], message(token=token)), 250)
    site.sink.wait_for(token.encode(), TRIES)
