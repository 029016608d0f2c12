# SPDX-License-Identifier: BSD-2-Clause
"""Clients that try out which recipients there are: counted by all nodes together, by the filter and by the mail
server alike, and held up, but never at the cost of others."""

import concurrent.futures
import contextlib
import os
import signal
import socket
import time

import pytest

from harness.nodes import Mail, Nodes, base, record  # noqa: F401 (fixtures)
from harness.postfix import Postfix
from harness.redis import RedisServer
from harness.sendmail import Sendmail
from harness.sluice import NEGOTIATION
from harness.smtp import message, require
from milter_client import MilterClient

PATIENT = "redis-timeout = 500ms"  # on a busy machine: here Redis is always there
LIMIT = 20
HARVESTER, OTHER = "198.51.100.7", "198.51.100.8"
DROPPED = "421 4.7.0 Closing connection"

RCPT_REFUSED = 0x800  # SMFIP_RCPT_REJ

TARPIT_SECONDS = 5
SLOW_SESSIONS = 50
PLACES = 64
P99_LIMIT_SECONDS = 0.05
ATTEMPTS = 3  # a machine that is busy with other things may spoil one of them


# nodes that share a Redis

@pytest.fixture
def users(base):
    path = base / "users"
    path.write_text("user@test.example\n")
    return path


@pytest.fixture
def redis(base):
    with RedisServer(base / "redis") as server:
        yield server


@pytest.fixture
def nodes(base, redis, users):
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, f"directory = file:{users}",
               f"harvest-limit = {LIMIT}/1h") as nodes:
        yield nodes


class Guesses:
    """Unknown recipients, each another one."""

    def __init__(self, client=HARVESTER):
        self._client, self._number = client, 0

    def next(self, node):
        """The code that the next one gets."""
        self._number += 1
        return node.send(Mail(recipient=f"guess{self._number}@test.example"), self._client).code


def known(node, client=HARVESTER):
    return node.send(Mail(), client).kind


def test_the_limit_is_that_of_all_nodes(nodes):
    guesses = Guesses()
    codes = [guesses.next(nodes[number % 2]) for number in range(LIMIT)]
    assert codes == [550] * LIMIT
    assert [guesses.next(node) for node in nodes] == [421] * 2
    assert [known(node) for node in nodes] == ["continue"] * 2, "known recipients are not affected"
    assert [Guesses(OTHER).next(node) for node in nodes] == [550] * 2


def test_an_ipv6_client_is_its_network_on_all_nodes(nodes):
    for number in range(LIMIT):
        assert Guesses(f"2001:db8:0:1::{number:x}").next(nodes[number % 2]) == 550
    assert Guesses("2001:db8:0:1:ffff::1").next(nodes[0]) == 421
    assert Guesses("2001:db8:0:2::1").next(nodes[1]) == 550


def test_without_redis_each_node_goes_on(nodes, redis):
    guesses = Guesses()
    for node in nodes:
        assert [guesses.next(node) for _ in range(LIMIT // 2 - 1)] == [550] * (LIMIT // 2 - 1)
    redis.kill()
    for node in nodes:
        assert [guesses.next(node) for _ in range(LIMIT // 2 + 1)] == [550] * (LIMIT // 2 + 1), "its own twenty"
        assert guesses.next(node) == 421
        assert known(node) == "continue"
    redis.start()
    nodes.wait_until_they_share()
    assert [guesses.next(node) for node in nodes] == [421] * 2, "an empty Redis has not made them forget"
    again = Guesses(OTHER)
    assert [again.next(nodes[number % 2]) for number in range(LIMIT + 1)] == [550] * LIMIT + [421]


def test_a_reload_forgets_nothing(nodes):
    guesses = Guesses()
    assert [guesses.next(nodes[0]) for _ in range(LIMIT)] == [550] * LIMIT
    for node in nodes:
        assert node.daemon.reload()[0]
    assert [guesses.next(node) for node in nodes] == [421] * 2


def test_redis_learns_no_address(nodes, redis):
    Guesses().next(nodes[0])
    keys = [key for key in redis.keys() if key.startswith(b"sluice:h:")]
    assert len(keys) == 1 and HARVESTER.encode() not in keys[0]
    assert 3600 < redis.call("TTL", keys[0]) <= 3720


# what the mail server refuses by itself

def negotiated(node):
    client = MilterClient(f"unix:{node.socket}")
    with client:
        return client.negotiate()


def test_refused_recipients_are_asked_for_only_when_they_count(base):
    with Nodes(base / "with", count=1) as nodes:
        asked = negotiated(nodes[0])
        assert asked.steps & RCPT_REFUSED and "{rcpt_mailer}" in asked.macros["rcpt"]
        client = MilterClient(f"unix:{nodes[0].socket}")
        with client:
            assert client.negotiate(actions=0xff).steps & RCPT_REFUSED == 0, "no macro would tell them apart"
    with Nodes(base / "without", "harvest-limit = 0", count=1) as nodes:
        asked = negotiated(nodes[0])
        assert asked.steps & RCPT_REFUSED == 0 and "{rcpt_mailer}" not in asked.macros["rcpt"]


RESTRICTIONS = """\
smtpd_recipient_restrictions = check_recipient_access inline:{denied@test.example=REJECT,later@test.example=DEFER}
"""
KNOWN = ("user", "other", "denied", "later")


@pytest.fixture(scope="module", params=["postfix", "sendmail"])
def strict(request, site):
    """Each of two mail servers that refuse unknown recipients by themselves."""
    base = site.base / f"strict-{request.param}"
    if request.param == "postfix":
        mta = Postfix(base, site.socket, site.sink.port, KNOWN, RESTRICTIONS)
    else:
        mta = Sendmail(base, site.socket, site.sink.port, KNOWN)
    yield mta
    mta.stop()


def guess(session, number):
    """The reply to an unknown recipient is always the mail server's own."""
    reply = session.rcpt(f"guess{number}@test.example")
    assert (reply.code, reply.enhanced) == (550, "5.1.1"), reply
    assert "Too many" not in reply.text


def test_the_mail_server_refuses_and_the_filter_counts(site, strict):
    """Behind the last reply of its own Sendmail closes the connection at once. Postfix does not heed the filter
    before the next command that it does not refuse by itself."""
    with site.sluice("harvest-limit = 3/1h") as daemon:
        with strict.connect(20) as session:
            require(session.mail(), 250)
            for number in range(2):
                guess(session, number)
            require(session.rcpt("user@test.example"), 250)
            guess(session, 2)
            assert session.data(message()).code == 250, "up to the limit nothing is different"
            require(session.mail(), 250)
            guess(session, 3)
            if strict.name == "postfix":
                guess(session, 4)
                assert session.rcpt("user@test.example").line == DROPPED
            assert session.is_closed()
        daemon.wait_for_log(r'action=refuse rule="harvest-limit" .*guess3@test.example')
        with strict.connect(20) as session:
            require(session.mail(), 250)
            require(session.rcpt("user@test.example"), 250)
            assert session.data(message()).code == 250, "known recipients are not affected"
        with strict.connect(20) as session:
            require(session.mail(), 250)
            guess(session, 5)
            if strict.name == "postfix":
                require(session.command("RSET"), 250)
                assert session.mail().line == DROPPED
            assert session.is_closed()
        with strict.connect(21) as session:
            require(session.mail(), 250)
            guess(session, 6)
            require(session.rcpt("other@test.example"), 250)
            assert session.data(message()).code == 250, "another client has a count of its own"


@pytest.mark.parametrize("strict", ["postfix"], indirect=True)
def test_what_is_refused_for_another_reason_does_not_count(site, strict):
    """Sendmail does not tell the filter of such recipients at all."""
    with site.sluice("harvest-limit = 1/1h"):
        with strict.connect(22) as session:
            require(session.mail(), 250)
            for _ in range(3):
                assert session.rcpt("denied@test.example").enhanced == "5.7.1"
                assert session.rcpt("later@test.example").code == 450
            assert session.rcpt("user@test.example").code == 250


def test_refused_recipients_are_no_part_of_the_message(site, strict):
    with site.sluice("harvest-limit = 20/1h", "max-recipients = 2"):
        with strict.connect(23) as session:
            require(session.mail(), 250)
            for number in range(4):
                guess(session, number)
            require(session.rcpt("user@test.example"), 250)
            require(session.rcpt("other@test.example"), 250)
            assert session.rcpt("denied@test.example").code in (452, 554)
            assert session.data(message()).code == 250


def test_observe_mode_only_says_so(site, strict):
    with site.sluice("harvest-limit = 1/1h", "mode = observe") as daemon:
        with strict.connect(24) as session:
            require(session.mail(), 250)
            for number in range(4):
                guess(session, number)
            require(session.rcpt("user@test.example"), 250)
            assert session.data(message()).code == 250
        daemon.wait_for_log(r'action=would-refuse rule="harvest-limit" .*guess3@test.example')


# the tarpit

@contextlib.contextmanager
def tarpit(base, users, seconds):
    with Nodes(base, f"directory = file:{users}", f"tarpit = {seconds}s", "harvest-limit = 0", count=1) as nodes:
        yield nodes[0]


@pytest.fixture
def pit(base, users):
    with tarpit(base, users, TARPIT_SECONDS) as node:
        yield node


class Slow:
    """Sessions that are about to name an unknown recipient."""

    def __init__(self, node, stack, count):
        self._waiting = [stack.enter_context(MilterClient(f"unix:{node.socket}")) for _ in range(count)]
        self._held = []
        for number, client in enumerate(self._waiting):
            client.negotiate()
            client.conn("client.example", f"198.51.100.{number}")
            client.helo()
            client.mail("<a@out.example>")

    def name(self, count):
        """So many of them do so, and wait."""
        for _ in range(min(count, len(self._waiting))):
            client = self._waiting.pop()
            self._held.append((client, time.monotonic()))
            client.rcpt("<nobody@test.example>", wait=False)

    def answers(self):
        """The code of each answer, and how long it took."""
        assert not self._waiting
        with concurrent.futures.ThreadPoolExecutor(len(self._held)) as pool:
            return list(pool.map(self._answer, self._held))

    @staticmethod
    def _answer(held):
        client, began = held
        return client.await_reply().code, time.monotonic() - began


def new_connection(node):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(node.socket))
        connection.sendall(NEGOTIATION)
        assert connection.recv(4096)


def timed(step):
    began = time.monotonic()
    step()
    return time.monotonic() - began


class Others:
    """Sessions whose recipient is known."""

    def __init__(self, node, stack, count):
        self._node = node
        self._clients = [stack.enter_context(MilterClient(f"unix:{node.socket}")) for _ in range(count)]
        for client in self._clients:
            client.negotiate()
            client.conn("other.example", OTHER)
            client.helo()

    def seconds(self, beside):
        """How long each step took: commands, some of which the daemon finds at once with those of `beside`, and the
        beginning of a connection."""
        taken = [timed(lambda client=client: client.mail("<b@out.example>")) for client in self._clients]
        os.kill(self._node.daemon.pid, signal.SIGSTOP)
        try:
            beside()
            for client in self._clients:
                client.rcpt("<user@test.example>", wait=False)
        finally:
            os.kill(self._node.daemon.pid, signal.SIGCONT)
        began = time.monotonic()
        for client in self._clients:
            assert client.await_reply().kind == "continue"
            taken.append(time.monotonic() - began)
            client.abort()
        return taken + [timed(lambda: new_connection(self._node))]


def p99_beside_the_tarpit(node):
    """Those that wait come a few at a time, and some are there all the while. They are the older sessions, which
    libmilter's workers take first."""
    with contextlib.ExitStack() as stack:
        slow, others = Slow(node, stack, SLOW_SESSIONS), Others(node, stack, 2)
        seconds, until = [], time.monotonic() + TARPIT_SECONDS - 1
        while time.monotonic() < until:
            seconds += others.seconds(lambda: slow.name(8))
            time.sleep(0.05)
        answers = slow.answers()
    assert {code for code, _ in answers} == {550}
    assert min(taken for _, taken in answers) >= TARPIT_SECONDS
    return sorted(seconds)[len(seconds) * 99 // 100]


def test_who_waits_in_the_tarpit_does_not_hold_up_others(pit, record):
    p99 = []
    while not p99 or min(p99) >= P99_LIMIT_SECONDS and len(p99) < ATTEMPTS:
        p99.append(p99_beside_the_tarpit(pit))
    record("p99_ms", 1000 * min(p99))
    assert min(p99) < P99_LIMIT_SECONDS, p99


def test_who_finds_no_place_does_not_wait(base, users):
    seconds, more = 3, 8
    with tarpit(base, users, seconds) as node, contextlib.ExitStack() as stack:
        slow = Slow(node, stack, PLACES + more)
        slow.name(PLACES + more)
        answers = slow.answers()
    assert {code for code, _ in answers} == {550}
    assert sum(taken >= seconds for _, taken in answers) == PLACES


def test_the_end_does_not_wait_for_the_tarpit(pit):
    with contextlib.ExitStack() as stack:
        Slow(pit, stack, 10).name(10)
        new_connection(pit)
        took = timed(pit.daemon.stop)
    assert took < TARPIT_SECONDS - 1
