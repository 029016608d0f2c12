# SPDX-License-Identifier: BSD-2-Clause
"""The incidents again, on sites with several nodes that each see a part of the mail: with Redis the limits
are those of one node. And with nodes that remember each for itself, to see that they are exceeded."""

import concurrent.futures
import contextlib
import inspect
import os
import re
import socket
import socketserver
import threading

import pytest

import incident_robots_test as robots
import incidents_test as lists
from harness.envelopes import key_file
from harness.redis import RedisServer
from harness.sluice import Sluice
from harness.smtp import message, new_token
from harness.variants import PostfixWith
from harness.waiting import wait_until
from harness.world import World

NODES = [1, 2, 4]
MOST_APART = 12  # messages, when each node is for itself; more than any limit
PATIENT = "redis-timeout = 500ms"  # on a busy machine: here Redis is always there


# Every test of the incidents that has sluice do something is also one of this module, with its fixtures.
for module in (lists, robots):
    globals().update({name: test for name, test in vars(module).items()
                      if name.startswith("test_") and "sluice" in inspect.signature(test).parameters})


class _Session(socketserver.StreamRequestHandler):
    """One between the mail server and the node whose turn it is."""

    def handle(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as self._node:
            number = self.server.turns.next()
            self._node.connect(str(self.server.turns.nodes[number].socket_path))
            answers = threading.Thread(target=self._carry_answers, daemon=True)
            answers.start()
            self._carry_packets(number)
            self._node.shutdown(socket.SHUT_WR)
            answers.join(10)

    def _carry_packets(self, number):
        while head := self.rfile.read(4):
            octets = self.rfile.read(int.from_bytes(head, "big"))
            if octets[:1] == b"M":
                self.server.turns.messages[number] += 1
            self._node.sendall(head + octets)

    def _carry_answers(self):
        with contextlib.suppress(OSError):
            while octets := self._node.recv(65536):
                self.request.sendall(octets)
            self.request.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 100


class Turns:
    """Stands where the mail servers look for their filter, and hands each session to the node that has
    had the fewest messages. (Sessions without any are no turn: Postfix begins a new one after XCLIENT.)"""

    def __init__(self, path):
        self._path = path
        self.serve([])

    def __enter__(self):
        self._path.unlink(missing_ok=True)
        self._server = _Server(str(self._path), _Session)
        self._server.turns = self
        os.chmod(self._path, 0o666)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink()

    def serve(self, nodes):
        self.nodes, self.messages = nodes, [0] * len(nodes)

    def next(self):
        return self.messages.index(min(self.messages))

    def require_fair_shares(self):
        """Two sessions that begin at once may go to the same node."""
        assert max(self.messages) - min(self.messages) <= 2, self.messages


class Together:
    """The daemons of a site, for a test that knows only one."""

    def __init__(self, nodes):
        self._nodes = nodes
        self.log = self

    def lines(self):
        return [line for node in self._nodes for line in node.log.lines()]

    def log_text(self):
        return "\n".join(self.lines())

    def is_running(self):
        return any(node.is_running() for node in self._nodes)

    def wait_for_log(self, pattern):
        return wait_until(lambda: next(filter(re.compile(pattern).search, self.lines()), None), 20,
                          lambda: f"a log line has {pattern!r}:\n{self.log_text()}")

    def wait_for_no_sessions(self):
        for node in self._nodes:
            node.wait_for_no_sessions()


@contextlib.contextmanager
def nodes_of(site, turns, count, *lines):
    """So many daemons with the same configuration. They must end in order when the block ends."""
    nodes = [Sluice(site.base / f"node-{number}", site.sockets / f"node-{number}.sock") for number in range(count)]
    keys = f"key-file = {key_file(site)}"
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor() as pool:
        for node in nodes:
            stack.callback(node.kill)
            node.write(site.configuration(f"socket = unix:{node.socket_path}", keys, *lines))
        list(pool.map(Sluice.start, nodes))
        turns.serve(nodes)
        site.daemon = Together(nodes)
        yield site.daemon
        list(pool.map(Sluice.stop, nodes))
    turns.require_fair_shares()


@pytest.fixture(scope="module")
def turns(site):
    with Turns(site.socket) as turns:
        yield turns


@pytest.fixture(scope="module")
def redis(site):
    with RedisServer(site.directory("redis")) as server:
        yield server


@pytest.fixture(params=NODES, ids=lambda count: f"{count}-nodes")
def sluice(site, turns, redis, request):
    """Fresh nodes that share what they know."""
    def start(*lines):
        redis.call("FLUSHALL")
        store = (f"store = redis://{redis.address}/0", PATIENT)
        return nodes_of(site, turns, request.param, *store, *lines)
    return start


@pytest.fixture(params=["postfix"])
def mta(site, request):
    """One is enough: how many nodes there are is nothing that a mail server knows."""
    return site.mtas[request.param]


@pytest.fixture(scope="module")
def bouncing_postfix(site):
    server = PostfixWith(site.directory("bouncing"), site.socket, site.sink.port,
                         "internal_mail_filter_classes = bounce", f"non_smtpd_milters = unix:{site.socket}")
    yield server
    server.stop()


# each node for itself

@pytest.fixture
def apart(site, turns, monkeypatch):
    """Four fresh nodes that know nothing of each other."""
    monkeypatch.setattr("harness.world.MOST_LETTERS", MOST_APART)

    def start(*lines):
        return nodes_of(site, turns, 4, "store = memory", *lines)
    return start


@pytest.mark.parametrize("threaded", [True, False], ids=["with-references", "without-references"])
@pytest.mark.parametrize("marked", [False, True], ids=["unmarked", "marked"])
@pytest.mark.parametrize("name", robots.LOOPS)
def test_nodes_apart_do_not_stop_two_programs(site, apart, mta, name, marked, threaded):
    with apart("loop-action = discard"), World(mta, site.sink, robots.LOOPS[name][0](threaded, marked)) as world:
        world.send(robots.first_letter(name, marked))
        wait_until(lambda: robots.passed(world, name) > 3, 60, "more messages pass than may")
        world.run_down()
        assert world.refusals() == []


def test_nodes_apart_expand_an_absent_member_more_than_once(site, apart, mta):
    members = lists.absent_members(False, lists.AWAY, itself_too=True)
    with apart(f"list = {lists.TEAM} return-path=keep", "loop-action = discard"), \
            World(mta, site.sink, members) as world:
        world.send(lists.post_from_outside())
        world.run_down()
        assert lists.copies_to(world, lists.READER) > 2


def test_nodes_apart_deliver_a_repeated_message_each_time(site, apart, mta):
    token = new_token()
    with apart("duplicate-silence = 1s") as nodes:
        for _ in range(3):
            robots.send_and_hear_nothing(mta, message(token=token), "user@test.example")
            nodes.wait_for_no_sessions()
        assert robots.copies(site, mta, token) == 3
