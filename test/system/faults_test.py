# SPDX-License-Identifier: BSD-2-Clause
"""Whatever fails under the filter while mail goes through: nothing is refused by accident, nothing is
lost, nothing is edited in part, and all goes well again when the fault is over."""

import contextlib
import dataclasses
import errno
import os
import re
import resource
import socket
import time
from http.client import HTTPException

import pytest

from harness.faults import Faults, short_of_memory
from harness.mail_load import KINDS, TEAM, MailLoad, MailSession, configuration
from harness.metrics import scrape
from harness.nodes import Mail, Node, base  # noqa: F401 (fixture)
from harness.process import free_port, make_directory
from harness.redis import RedisServer
from harness.sink import Sink
from harness.sluice import is_sanitized
from harness.waiting import wait_until

MOST_OF_A_CORE = 0.3
MOST_ASKED_A_SECOND = 50
STOPPED_SECONDS = 0.7
ACCEPT_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Scene:
    """A filter, and the faults under it."""

    def __init__(self, base, *lines, program=None):
        self.base = base
        self.badmail, self.tracking = make_directory(base / "badmail"), base / "tracking.log"
        self.metrics_port = free_port()
        self.faults = Faults(base / "faults")
        self.node = Node(base / "node", "socket-mode = 0600", "log = stderr", "log-level = info",
                         "log-level = session=debug", "local-domain = test.example", "loop-action = discard",
                         f"tracking-log = {self.tracking}", f"metrics = inet:{self.metrics_port}@127.0.0.1",
                         *configuration(self.badmail), *lines, prefix=self.faults.prefix, program=program)
        self.daemon = self.node.daemon

    def __enter__(self):
        self.daemon.start()
        return self

    def __exit__(self, kind, *_):
        self.faults.lift()
        try:
            if kind is None:
                self.daemon.wait_for_no_sessions()
            self.node.stop()
        finally:
            self.daemon.kill()
            self.faults.close()

    @contextlib.contextmanager
    def load(self, **how):
        """Mail before and after what the block does, when all is well again."""
        with MailLoad(self.node.socket, **how) as load:
            load.wait_for_more()
            load.require_all_well(0)
            yield load
            load.after = len(load.answers) + len(KINDS) + 2  # those that were under way
            load.wait_for_more(60)
        load.require_nothing_wrong(self.badmail)
        load.require_all_well(load.after)

    def shares(self):
        """Whether it counts in Redis."""
        return self.node.listed("status")["store"]["available"]

    def tracking_dropped(self):
        return self.node.listed("status")["tracking"]["dropped"]


@pytest.fixture
def scene(base):
    with Scene(base) as scene:
        yield scene


def ends_by_kind(load, start):
    return {kind: {each.end for each in load.answers[start:] if each.kind == kind} for kind in KINDS}


def name_of(parameter):
    return parameter if isinstance(parameter, str) else errno.errorcode[parameter]


FILE_FAULTS = [("write", errno.ENOSPC), ("write", errno.EIO), ("sync", errno.EIO), ("sync", errno.ENOSPC),
               ("rename", errno.ENOSPC), ("rename", errno.EIO)]


@pytest.mark.parametrize("call, error", FILE_FAULTS, ids=name_of)
def test_files_cannot_be_written(scene, call, error):
    """Badmail is put off, and tracking costs nothing."""
    with scene.load() as load:
        with scene.faults.during(call, error):
            load.wait_for_more(8)
            start = len(load.answers)
            load.wait_for_more(60)
            if call == "write":
                wait_until(lambda: scene.tracking_dropped() > 0, 20, "lines are dropped")
            ends = ends_by_kind(load, start)
    assert ends == {kind: {"put off" if kind == "stored" else kind} for kind in KINDS}
    assert not list((scene.badmail / "tmp").iterdir())
    assert os.strerror(error) in scene.daemon.log_text()


@pytest.mark.parametrize("every", [4, 30, 300])
def test_memory_runs_out(base, every):
    with Scene(base, program=short_of_memory()) as scene, scene.load(sessions=6) as load:
        start = len(load.answers)
        with scene.faults.during("memory", errno.ENOMEM, every):
            for _ in range(5):
                load.wait_for_more(20)
                with contextlib.suppress(AssertionError, HTTPException, OSError):  # 503, or half an answer
                    scrape(scene.metrics_port, timeout=2)
            wait_until(lambda: scene.faults.failed("memory") > 20, 60, "memory runs out")
        assert any(each.end == "put off" for each in load.answers[start:]), load.summary(start)


def test_memory_runs_out_while_files_are_looked_through(base):
    with Scene(base, program=short_of_memory()) as scene:
        for number in range(100):
            (scene.badmail / "new" / f"{number}.eml").write_bytes(b"x")

        def fails_often():
            os.utime(scene.badmail)  # it is counted anew
            return scene.daemon.log_text().count("cannot count anew: std::bad_alloc") >= 5

        with scene.faults.during("memory", errno.ENOMEM, 100):
            wait_until(fails_often, 60, "memory runs out")
        assert scene.daemon.reload()[0]


def test_no_thread_can_be_started(scene):
    """Those that there are serve all sessions."""
    with scene.load() as load, contextlib.ExitStack() as stack:
        with scene.faults.during("thread", errno.EAGAIN):
            more = stack.enter_context(MailLoad(scene.node.socket, sessions=12))
            more.wait_for_more(60)
            assert scene.faults.failed("thread") > 0
        more.wait_for_more(20)
    for each in (load, more):
        each.require_nothing_wrong(scene.badmail)
        each.require_all_well(0)


def test_one_thread_of_the_start_cannot_be_started(base):
    """Whichever it is, the filter serves, or ends and says why."""
    with Scene(base) as scene:
        threads = len(os.listdir(f"/proc/{scene.daemon.pid}/task")) - 1
    assert threads > 3
    outcomes = {start_with(scene, spared) for spared in range(threads + 1)}
    assert outcomes == {"serves", "ends"}


def start_with(scene, threads):
    scene.faults = Faults(scene.base / "faults")
    scene.faults.set("thread", errno.EAGAIN, spared=threads)
    try:
        scene.daemon.launch()
        wait_until(lambda: not scene.daemon.is_running() or scene.daemon.accepts(), 20, "it has ended or listens")
        if serves(scene):
            return "serves"
        assert scene.daemon.wait_for_end() > 0, scene.daemon.log_text()
        assert re.search(r"cannot start: |libmilter gives up: ", scene.daemon.log_text())
        return "ends"
    finally:
        scene.daemon.kill()
        scene.faults.close()


def serves(scene):
    with contextlib.suppress(OSError), MailSession(scene.node.socket) as session:
        return session.send("taken").end == "taken"
    return False


@pytest.mark.parametrize("error", ACCEPT_ERRORS, ids=errno.errorcode.get)
def test_no_connection_can_be_taken(scene, error):
    """Those that are open go on and the others wait; the filter does not ask all the time."""
    with scene.load() as load, contextlib.ExitStack() as stack:
        with scene.faults.during("accept", error):
            waiting = stack.enter_context(MailLoad(scene.node.socket, sessions=2))
            wait_until(lambda: scene.faults.failed("accept") > 0, 20, "there is something to take")
            began, before = time.monotonic(), scene.faults.failed("accept")
            load.wait_for_more(20)
            asked = (scene.faults.failed("accept") - before) / (time.monotonic() - began)
        waiting.wait_for_more(20)
    load.require_all_well(0)
    waiting.require_all_well(0)
    assert asked < MOST_ASKED_A_SECOND


def test_no_descriptor_is_left(scene):
    for _ in range(3):  # a sanitizer wants a descriptor when it sees a type for the first time
        assert scene.daemon.reload()[0]
    with MailSession(scene.node.socket) as session, contextlib.ExitStack() as stack:
        assert [session.send(kind).end for kind in ("taken", "stored")] == ["taken", "stored"]
        pid = scene.daemon.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        limit = descriptors(pid) + 2
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, usual[1]))
        stack.callback(resource.prlimit, pid, resource.RLIMIT_NOFILE, usual)
        for _ in range(10):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(scene.node.socket))
        wait_until(lambda: descriptors(pid) >= limit, 20, "none is left")
        began, before = time.monotonic(), scene.daemon.cpu_seconds()
        assert is_sanitized() or session.send("stored").end == "put off"
        assert session.send("taken").end == "taken"
        time.sleep(1)
        assert (scene.daemon.cpu_seconds() - before) / (time.monotonic() - began) < MOST_OF_A_CORE
    with scene.load(sessions=2):
        pass


def test_the_filter_stands_still_for_a_while(scene):
    with scene.load(sessions=6) as load:
        for _ in range(3):
            with scene.daemon.stopped():
                time.sleep(STOPPED_SECONDS)
            load.wait_for_more(20)
    load.require_all_well(0)


CONNECTION_FAULTS = [("connect", errno.ETIMEDOUT), ("connect", errno.EADDRNOTAVAIL), ("socket", errno.EMFILE)]


@pytest.mark.parametrize("call, error", CONNECTION_FAULTS, ids=name_of)
def test_redis_and_the_relay_of_notices_cannot_be_reached(base, call, error):
    """Mail goes on, and both are told later."""
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(RedisServer(base / "redis"))
        relay = Sink()
        stack.callback(relay.stop)
        scene = stack.enter_context(Scene(base, f"store = redis://{redis.address}/0", "redis-timeout = 200ms",
                                          "notify = postmaster@test.example", f"notify-relay = 127.0.0.1:{relay.port}"))
        wait_until(scene.shares, 20, "Redis is in use")
        with scene.load() as load:
            with scene.faults.during(call, error):
                redis.call("CLIENT", "KILL", "TYPE", "normal")
                wait_until(lambda: not scene.shares(), 20, "it is found out")
                go_round(scene.node)
                load.wait_for_more(60)
            wait_until(scene.shares, 20, "Redis is in use again")
        load.require_all_well(0)
        relay.wait_for(b"Mail loop found")


def go_round(node):
    """A post that comes back to its list."""
    mail = Mail(recipient=TEAM)
    first = node.send(mail)
    stamp, = (each["value"].strip() for each in first.edits_of("insheader") if each["name"] == "X-Sluice-Trace")
    again = dataclasses.replace(mail, fields=(("X-Sluice-Trace", stamp), ("Received", "from mx.out.example")))
    assert node.send(again).kind == "discard"
