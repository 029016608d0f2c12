# SPDX-License-Identifier: BSD-2-Clause
"""The mail servers of a site as far as they matter here: each a daemon with the same configuration, and
mail that comes to them without a mail server."""

import collections.abc
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

from milter_client import MilterClient

from .envelopes import key_file
from .process import make_directory
from .sluice import Sluice
from .smtp import new_token
from .waiting import wait_until

CLIENT = "192.0.2.7"
PAUSE_SECONDS = 0.005  # between two messages of a Load
USUAL = ("socket-mode = 0600", "log = stderr", "log-level = info", "local-domain = test.example",
         "loop-action = discard", "duplicates = always")


@dataclasses.dataclass(frozen=True)
class Mail:
    """A message that has not been there before."""

    sender: str = "author@out.example"
    recipient: str = "user@test.example"
    fields: tuple = ()
    body: bytes = b"Who comes to the meeting on Thursday?\r\n"
    token: str = dataclasses.field(default_factory=new_token)

    @property
    def message_id(self):
        return f"<{self.token}@out.example>"

    @property
    def headers(self):
        given = {name for name, _ in self.fields}
        usual = [("From", f"<{self.sender}>"), ("To", f"<{self.recipient}>"), ("Subject", f"about {self.token}"),
                 ("Message-ID", self.message_id)]
        return [field for field in usual if field[0] not in given] + list(self.fields)


class Session:
    """A connection of the node's mail server to the daemon, for a client that sends many messages.
    `offer`: what the mail server can do, if not all there is."""

    def __init__(self, node, address=CLIENT, **offer):
        self._client = MilterClient(f"unix:{node.socket}")
        self._client.negotiate(**offer)
        self._client.conn("client.example", address)
        self._client.helo("client.example")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def send(self, mail):
        """The answer that decided about the message."""
        reply = self._client.mail(f"<{mail.sender}>")
        reply = self._client.rcpt(f"<{mail.recipient}>") if reply.proceeds else reply
        return self._client.message(mail.headers, mail.body) if reply.proceeds else reply

    def timed(self, mail=None):
        """The kind of the answer, and how many seconds the whole message took."""
        mail = mail or Mail()
        began = time.monotonic()
        kind = self.send(mail).kind
        return kind, time.monotonic() - began


class Node:
    """One, started with the command `prefix`; `program` if it is not the usual filter."""

    def __init__(self, base, *lines, prefix=(), program=None):
        self.base = make_directory(base)
        self.socket, self.control = self.base / "milter.sock", self.base / "control.sock"
        self.daemon = Sluice(self.base, self.socket, prefix, program)
        self.daemon.write("\n".join([f"socket = unix:{self.socket}", f"control = unix:{self.control}",
                                     f"key-file = {key_file(self)}", *lines]) + "\n")

    def send(self, mail, address=CLIENT):
        with Session(self, address) as session:
            return session.send(mail)

    def ctl(self, *words):
        program = os.path.join(os.environ["SLUICE_BUILD"], "milter", "ctl", "sluicectl")
        done = subprocess.run([program, *words, "--control", str(self.control)], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done
        return done.stdout

    def listed(self, *words):
        """What the tool says with --json."""
        return json.loads(self.ctl(*words, "--json"))

    def stop(self):
        lines = [line for line in self.daemon.log.lines() if " info decision: " not in line]
        print(f"{self.base.name}:", *lines[-40:], sep="\n")
        if self.daemon.is_running():
            self.daemon.stop()


class Nodes(collections.abc.Sequence):
    """Daemons with these lines in their configuration. They must end in order with the `with` block."""

    def __init__(self, base, *lines, count=2):
        names = {line.split("=")[0].strip() for line in lines}
        usual = [line for line in USUAL if line.split("=")[0].strip() not in names]
        self._nodes = [Node(base / f"node-{number + 1}", *usual, *lines) for number in range(count)]

    def __len__(self):
        return len(self._nodes)

    def __getitem__(self, index):
        return self._nodes[index]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for node in self:
                stack.callback(node.daemon.kill)
                node.daemon.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        with self._stack:
            for node in self:
                node.stop()

    def share(self):
        """Whether the last node knows what the first has taken."""
        mail = Mail()
        assert self[0].send(mail).kind == "continue"
        return self[-1].send(mail).kind == "discard"

    def wait_until_they_share(self, timeout=5):
        """Returns how many seconds it took."""
        began = time.monotonic()
        wait_until(self.share, timeout, lambda: "the nodes share what they know:\n" +
                   "\n".join(self[0].daemon.log_text().splitlines()[-20:]))
        return time.monotonic() - began


class Load:
    """Until the block ends, so many sessions with each node send one new message after the other.
    `answers`: (kind, seconds, mail) of each."""

    def __init__(self, nodes, sessions=2):
        self.answers = []
        self._problems = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(node,), daemon=True)
                         for node in nodes for _ in range(sessions)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        assert not self._problems, self._problems

    def _send(self, node):
        try:
            with Session(node) as session:
                while not self._over.wait(PAUSE_SECONDS):
                    mail = Mail()
                    self.answers.append((*session.timed(mail), mail))
        except Exception as problem:  # whatever it is, the test has failed
            self._problems.append(problem)

    def wait_for_more(self, count=50):
        """So many messages after those that were answered up to now."""
        wanted = len(self.answers) + count
        wait_until(lambda: self._problems or len(self.answers) >= wanted, 30, f"{count} more messages")

    def require_all_taken(self):
        """Each message was new, so nothing but "continue" is right."""
        kinds = collections.Counter(kind for kind, _, _ in self.answers)
        assert set(kinds) == {"continue"}, kinds

    def longest(self):
        """The time in seconds of the message that took longest."""
        return max(seconds for _, seconds, _ in self.answers)


@pytest.fixture
def base():
    """A directory whose path is short enough for a socket."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def record(request, record_testsuite_property):
    """Notes a measured value in the report of the whole run."""
    return lambda name, value: record_testsuite_property(f"{request.node.name}: {name}", round(value, 2))
