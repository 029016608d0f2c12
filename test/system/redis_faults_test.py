# SPDX-License-Identifier: BSD-2-Clause
"""Whatever becomes of Redis, mail flows: nothing is refused, little is delayed, each node counts for
itself meanwhile, and all count together again soon after."""

import contextlib
import os
import statistics
import time

import pytest

from harness import proxy as spoil
from harness.nodes import Load, Mail, Nodes, Session, base, record  # noqa: F401 (fixtures)
from harness.process import make_directory
from harness.proxy import Proxy
from harness.redis import PROGRAM, RedisServer, server_names
from harness.redis_faults import FAULTS, OF_THE_SERVER, SLUICE_USER, answers, pause, restore, resume
from harness.waiting import wait_until

# 50 ms, and what a busy machine adds by itself
MOST_ADDED_SECONDS = 0.25
# 1 ms, and the same, of the median, beside a node without Redis
MOST_ADDED_WHILE_OPEN_SECONDS = 0.005
SECONDS_UNTIL_SHARED = 5
ERRORS_TO_OPEN = 3
MOST_CONNECTIONS = 60  # in a second or two; they would be thousands if each message tried


class Scene:
    """Redis behind a proxy, two nodes, and one apart that counts for itself."""

    def __init__(self, base, stack):
        password = base / "password"
        password.write_text("sluice secret\n")
        password.chmod(0o600)
        self.redis = stack.enter_context(RedisServer(base / "redis", SLUICE_USER))
        self.proxy = stack.enter_context(Proxy(self.redis.port))
        self.nodes = stack.enter_context(Nodes(base, f"store = redis://127.0.0.1:{self.proxy.port}/0",
                                               f"redis-password-file = {password}"))
        self.apart = stack.enter_context(Nodes(make_directory(base / "apart"), count=1))[0]
        self.nodes.wait_until_they_share()

    def available(self, node):
        return node.listed("status")["store"]["available"]

    def wait_until_all_know(self):
        for node in self.nodes:
            wait_until(lambda node=node: not self.available(node), 10, "the node has found out")

    def log_lines(self, text):
        """How many lines of the first node's log say so of Redis."""
        return sum(f"redis 127.0.0.1:{self.proxy.port}: {text}" in line for line in self.nodes[0].daemon.log.lines())


@pytest.fixture
def scene(base):
    with contextlib.ExitStack() as stack:
        yield Scene(base, stack)


def faults_of_each_server():
    """All of one, and of the others those that they have a say in."""
    first, *others = server_names()
    return [(first, name) for name in FAULTS] + [(other, name) for other in others for name in OF_THE_SERVER]


@pytest.fixture
def server(request, monkeypatch):
    """What the scene has for a Redis."""
    monkeypatch.setenv(PROGRAM, request.param)


@pytest.fixture(params=FAULTS)
def fault(request):
    return FAULTS[request.param]


def seconds_of(session, count):
    """How long so many new messages took, which were all taken."""
    taken = [session.timed() for _ in range(count)]
    assert {kind for kind, _ in taken} == {"continue"}
    return [seconds for _, seconds in taken]


@pytest.mark.parametrize("server, fault", faults_of_each_server(), ids=os.path.basename, indirect=True)
def test_what_a_fault_costs(server, fault, scene, record):
    with Session(scene.nodes[0]) as session:
        usual = statistics.median(seconds_of(session, 30))
        fault.begin(scene)
        first = seconds_of(session, ERRORS_TO_OPEN)
        record("added_to_the_first_ms", 1000 * (first[0] - usual))
        assert max(first) - usual < MOST_ADDED_SECONDS
        if fault.lasts:
            require_little_while_open(scene, session, record)
        else:
            scene.nodes.wait_until_they_share()
        fault.end(scene)
        record("shared_again_after_s", scene.nodes.wait_until_they_share(SECONDS_UNTIL_SHARED))
        assert scene.available(scene.nodes[0])


def require_little_while_open(scene, session, record):
    """The node has told it, asks no more than now and then, and counts for itself."""
    wait_until(lambda: scene.log_lines("unavailable: ") == 1, 2, f"{ERRORS_TO_OPEN} errors are enough")
    assert not scene.available(scene.nodes[0])
    connections, ends = scene.proxy.connections, time.monotonic() + 1
    seconds, without = [], []
    with Session(scene.apart) as other:
        while time.monotonic() < ends:  # in turns: whatever else the machine does costs both
            seconds += seconds_of(session, 5)
            without += seconds_of(other, 5)
    added = statistics.median(seconds) - statistics.median(without)
    record("added_while_open_ms", 1000 * added)
    assert added < MOST_ADDED_WHILE_OPEN_SECONDS
    assert scene.proxy.connections - connections < MOST_CONNECTIONS
    copy = Mail()
    assert [session.send(copy).kind for _ in range(2)] == ["continue", "discard"]
    assert scene.nodes[1].send(copy).kind == "continue", "the other node cannot know"
    assert (scene.log_lines("unavailable: "), scene.log_lines("available again")) == (1, 0)


def test_mail_flows_under_load(scene, fault, record):
    with Load(scene.nodes) as load:
        load.wait_for_more()
        usual = load.longest()
        fault.begin(scene)
        load.wait_for_more()
        if fault.lasts:
            scene.wait_until_all_know()
        fault.end(scene)
        scene.nodes.wait_until_they_share(SECONDS_UNTIL_SHARED)
        load.wait_for_more()
    load.require_all_taken()
    record("added_at_most_ms", 1000 * (load.longest() - usual))
    assert load.longest() - usual < 2 * MOST_ADDED_SECONDS
    assert all(scene.log_lines(text) <= 1 for text in ("unavailable: ", "available again")), "once a minute"


@pytest.mark.parametrize("begin, end", [(pause, resume), (answers(spoil.late(0.2)), restore),
                                        (answers(spoil.twice), restore)], ids=["paused", "late", "twice"])
def test_no_answer_is_taken_for_another(scene, begin, end):
    """The answers that come late, or once more, say of each message that there was a copy. Other messages
    are under way on the same node when they come."""
    known = [Mail() for _ in range(12)]
    for mail in known:
        assert scene.nodes[0].send(mail).kind == "continue"
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(Session(scene.nodes[1])) for _ in known]
        load = stack.enter_context(Load([scene.nodes[1]], sessions=4))
        begin(scene)
        for session, mail in zip(sessions, known):
            session.send(mail)
            assert session.send(Mail()).kind == "continue"
        end(scene)
        scene.nodes.wait_until_they_share(SECONDS_UNTIL_SHARED)
        for session in sessions:
            assert session.send(Mail()).kind == "continue"
        load.wait_for_more()
    load.require_all_taken()
    assert {scene.nodes[1].send(mail).kind for mail in known} == {"discard"}


def test_a_node_starts_without_redis(base):
    server = RedisServer(base / "redis")
    with Nodes(base, f"store = redis://{server.address}/0") as nodes:
        assert not nodes.share()
        with server:
            nodes.wait_until_they_share(SECONDS_UNTIL_SHARED)


def test_a_node_ends_in_order_while_redis_says_nothing(scene):
    scene.redis.pause()
    with Load(scene.nodes) as load:
        load.wait_for_more()
    began = time.monotonic()
    for node in scene.nodes:
        node.daemon.stop()
    assert time.monotonic() - began < 10
    load.require_all_taken()


def test_the_name_of_the_server_is_looked_up(base):
    with RedisServer(base / "redis") as server, \
            Nodes(base, f"store = redis://localhost:{server.port}/0", "redis-timeout = 500ms") as nodes:
        nodes.wait_until_they_share()
