# SPDX-License-Identifier: BSD-2-Clause
"""However often a message asks Redis, it waits no longer than one message may wait in all: with a cluster
whose three servers stand still, against the same message where the store is in memory."""

import dataclasses
import itertools

import pytest

from harness.conversations import LISTS, NEWS, TEAM, fields_and_body
from harness.nodes import Mail, Nodes, Session, base, record  # noqa: F401 (fixtures)
from harness.redis_sets import RedisCluster
from harness.reports import delivery_report
from harness.smtp import new_token
from harness.waiting import wait_until

MOST_SECONDS = 0.05
MOST_WHILE_OPEN_SECONDS = 0.001
SLACK = 0.01  # of a busy machine
ATTEMPTS = 5  # a machine that is busy with other things may spoil some of them
MESSAGES = 5  # of which the fastest counts
MEMBERS = 50
REFERENCES = 40
LINES = (*LISTS, "loop-block = client", "notify = admin@test.example", "notify-relay = 127.0.0.1:1")
ALL_ACTIONS, CHANGE_SENDER = 0x1FF, 0x40  # SMFIF_


# Messages of a client, the last of which counts. While Redis stands still its node remembers the others.

def answer(_):
    """It looks for the messages that it names, and is counted."""
    references = " ".join(f"<{number}.{new_token()}@out.example>" for number in range(REFERENCES))
    return [Mail(fields=(("References", references),))]


def post(_):
    """It is counted; then the mail server does not let its return path be changed, and it is not taken."""
    return [Mail(recipient=NEWS)]


def report(node):
    """Each of the members that it tells of is counted."""
    signed, = [edit["address"].strip("<>") for edit in node.send(post(node)[0]).edits_of("chgfrom")]
    fields, body = fields_and_body(delivery_report(signed, "dead0@out.example"))
    head, told, end = body.partition(b"Final-Recipient: rfc822; dead0@out.example\r\nAction: failed\r\nStatus: 5.1.1\r\n")
    members = [told.replace(b"dead0", b"dead%d" % number) for number in range(MEMBERS)]
    return [Mail("", signed, fields, head + b"\r\n".join(members) + end)]


def returned(node):
    """It has the stamp of its list: it is cut, and counts as a loop that somebody is told of."""
    first = Mail(f"{new_token()}@out.example", TEAM)
    stamps = [edit for edit in node.send(first).edits_of("insheader") if edit["name"] == "X-Sluice-Trace"]
    return [dataclasses.replace(first, fields=tuple((edit["name"], edit["value"]) for edit in stamps))]


def third_returned(node):
    """It is the third loop of a client, which is put off from now on."""
    return [mail for _ in range(3) for mail in returned(node)]


def fourth_answer(node):
    """All there is: it names the one before it, is counted, is found to be the third loop of its client, and
    is refused."""
    text = b"Dear customer, your mail has been received and nobody will look at it.\r\n"
    parties = ("desk@test.example", f"{new_token()}@out.example")
    mails = []
    for number in range(4):
        sender, recipient = parties if number % 2 else parties[::-1]
        named = tuple(("In-Reply-To", mail.message_id) for mail in mails[-1:])
        mails.append(Mail(sender, recipient, (("Subject", "Re: Your mail of today"), *named), text))
    return [*returned(node), *returned(node), *mails]


@dataclasses.dataclass(frozen=True)
class Case:
    mails: object
    kind: str = "continue"
    lines: tuple = ("loop-action = discard",)
    offer: dict = dataclasses.field(default_factory=dict)


CASES = {
    "answer": Case(answer),
    "not taken": Case(post, "replycode", offer={"actions": ALL_ACTIONS & ~CHANGE_SENDER}),
    "report": Case(report),
    "cut": Case(returned, "discard"),
    "put off": Case(third_returned, "discard"),
    "all": Case(fourth_answer, "replycode", ("loop-action = reject",)),
}


class Client:
    """Another network each time, so that no block of another one stands in its way."""

    numbers = itertools.count()

    def __init__(self, case):
        number = next(self.numbers)
        self._case, self._address = case, f"10.{number // 256 % 256}.{number % 256}.7"

    def _session(self, node):
        return Session(node, self._address, **self._case.offer)

    def send(self, node, mails):
        with self._session(node) as session:
            for mail in mails:
                session.send(mail)

    def seconds(self, node, mail):
        with self._session(node) as session:
            kind, seconds = session.timed(mail)
        assert kind == self._case.kind
        return seconds


def fastest(node, case, several):
    """What one of them costs where the node does not wait, or not any more, and the machine is least busy."""
    def one(mails):
        client = Client(case)
        client.send(node, mails[:-1])
        return client.seconds(node, mails[-1])
    return min(map(one, several))


class Scene:
    """A node with the cluster."""

    def __init__(self, node, cluster):
        self.node, self._cluster = node, cluster

    def _available(self):
        return [each["available"] for each in self.node.listed("status")["store"]["nodes"]]

    def pause(self):
        for server in self._cluster.servers:
            server.pause()

    def resume(self):
        for server in self._cluster.servers:
            server.resume()
        wait_until(lambda: all(self._available()), 20, "the node asks all servers")

    def open_breakers(self):
        def opened():
            Client(CASES["answer"]).send(self.node, answer(self.node))
            return not any(self._available())
        wait_until(opened, 20, "all servers are given up")

    def costs(self, case):
        """What the first message costs after the servers have stopped, and what it costs later."""
        client = Client(case)
        *before, mail = case.mails(self.node)
        later = [case.mails(self.node) for _ in range(MESSAGES)]
        self.pause()
        try:
            if before:
                self.open_breakers()
                client.send(self.node, before)
                self.resume()
                self.pause()
            first = client.seconds(self.node, mail)
            self.open_breakers()
            return first, fastest(self.node, case, later)
        finally:
            self.resume()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as redis:
        yield redis


@pytest.mark.parametrize("name", CASES)
def test_a_message_waits_no_longer_than_a_message_may(base, cluster, name, record):
    case = CASES[name]
    with Nodes(base / "memory", "store = memory", *LINES, *case.lines, count=1) as (memory,), \
            Nodes(base / "redis", f"store = {cluster.url}", "redis-timeout = 20ms", *LINES, *case.lines,
                  count=1) as (node,):
        usual = fastest(memory, case, [case.mails(memory) for _ in range(MESSAGES)])
        scene, first, later = Scene(node, cluster), [], []
        scene.resume()
        while not first or len(first) < ATTEMPTS and (min(first) > MOST_SECONDS + SLACK
                                                      or min(later) > MOST_WHILE_OPEN_SECONDS + SLACK):
            costs = scene.costs(case)
            first.append(costs[0] - usual)
            later.append(costs[1] - usual)
        record("added_to_the_first_ms", 1000 * min(first))
        record("added_while_open_ms", 1000 * min(later))
        assert min(first) < MOST_SECONDS + SLACK, (first, usual)
        assert min(later) < MOST_WHILE_OPEN_SECONDS + SLACK, (later, usual)
