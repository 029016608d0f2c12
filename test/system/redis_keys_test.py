# SPDX-License-Identifier: BSD-2-Clause
"""What the nodes write to Redis, and how often they ask."""

import re

import pytest

from harness.conversations import LISTS, conversation, post_and_its_return, report_a_failed_member
from harness.nodes import CLIENT, Mail, Nodes, Session, base  # noqa: F401 (fixture)
from harness.proxy import Proxy
from harness.redis import RedisServer

PATIENT = "redis-timeout = 500ms"  # on a busy machine: here Redis is always there
KEY = re.compile(rb"sluice:(?:[a-z]:[0-9a-f]{32}|book:(?:loops|blocks|bounces)|probe:[0-9]+)")
KEY_OF_MESSAGE = re.compile(rb"sluice:[a-z]:[0-9a-f]{32}")

on_each_redis = pytest.mark.usefixtures("each_redis")


@pytest.fixture
def redis(base):
    with RedisServer(base / "redis") as server:
        yield server


def send_of_each_kind(nodes):
    """Ordinary mail, copies, a conversation, a loop, a block, a report."""
    assert nodes.share()
    report_a_failed_member(nodes)
    conversation(nodes)
    for number in range(3):
        for mail in post_and_its_return(f"author{number}@out.example"):
            nodes[number % 2].send(mail)


READABLE = [b"out.example", b"test.example", b"author@", b"author0", b"team@", b"dead@", CLIENT.encode(), b"192.0.2",
            b"thursday", b"dear customer", b"your mail", b"hop1"]


def require_nothing_readable(octets, what):
    lower = octets.lower()
    found = [text for text in READABLE if text in lower or text.hex().encode() in lower]
    assert not found, (what, found)


@on_each_redis
def test_keys_end_by_themselves_and_tell_nothing(base, redis):
    """As it is kept, and as it travels."""
    redis.call("CONFIG", "SET", "rdbcompression", "no")  # or DUMP would hide what it repeats
    with Proxy(redis.port) as proxy, \
            Nodes(base, f"store = redis://127.0.0.1:{proxy.port}/0", PATIENT, *LISTS, "loop-block = client") as nodes:
        send_of_each_kind(nodes)
        keys = redis.keys()
        assert len(keys) > 20
        for key in keys:
            assert KEY.fullmatch(key), key
            assert redis.call("PTTL", key) > 0, key
            require_nothing_readable(redis.call("DUMP", key), key)
        for request in proxy.requests:
            require_nothing_readable(bytes(request), "request")


@pytest.fixture
def counted(base, redis):
    """A proxy, and a session with a node behind it that is warm."""
    with Proxy(redis.port) as proxy, \
            Nodes(base, f"store = redis://127.0.0.1:{proxy.port}/0", PATIENT, *LISTS, count=1) as nodes, \
            Session(nodes[0]) as session:
        for mail in (Mail(), Mail(fields=(("In-Reply-To", "<x@out.example>"),))):
            session.send(mail)
        yield proxy, session


def trips(proxy, session, mail):
    """The requests that a message makes; what the node asks now and then by itself does not count."""
    start = len(proxy.requests)
    assert session.send(mail).kind == "continue"
    return [bytes(each) for each in proxy.requests[start:] if KEY_OF_MESSAGE.search(each)]


def about(subject):
    return Mail(fields=(("Subject", subject),))


@on_each_redis
def test_an_ordinary_message_takes_one_round_trip_and_three_keys(counted, redis):
    proxy, session = counted
    for number in range(20):
        before = redis.keys()
        request, = trips(proxy, session, about("more and " * number + "more"))
        assert len(set(KEY_OF_MESSAGE.findall(request))) <= 3
        assert 1 <= len(redis.keys() - before) <= 3


def test_a_message_like_one_before_takes_two_round_trips(counted, redis):
    proxy, session = counted
    trips(proxy, session, about("the same again"))
    for _ in range(5):
        before = redis.keys()
        assert len(trips(proxy, session, about("the same again"))) == 2
        assert len(redis.keys() - before) <= 3


def test_an_answer_takes_two_round_trips(counted):
    proxy, session = counted
    references = " ".join(f"<{number}@out.example>" for number in range(40))
    assert len(trips(proxy, session, Mail(fields=(("References", references),)))) <= 2
