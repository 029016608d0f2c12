# SPDX-License-Identifier: BSD-2-Clause
"""A mail site: both mail servers with the daemon as their filter, DNS, and a sink for all mail."""

import contextlib
import os
import shutil
import tempfile

from .dns import Dns
from .postfix import Postfix
from .process import make_directory
from .sendmail import Sendmail
from .sink import Sink
from .sluice import Sluice
from .smtp import message, new_token
from .waiting import wait_until

GOOD_CLIENT = 200  # a client number that no test puts on a list


def blocklist(*entries):
    """Data of a list with the test entry of RFC 5782, and `entries` for clients of both servers:
    (number, code)."""
    lines = [":127.0.0.2:listed", "127.0.0.2"]
    for number, code in entries:
        for server in (Postfix, Sendmail):
            lines.append(f"{server.address(number)} :{code}:listed")
    return ("ip4set", lines)


ZONES = {
    "bl.example": blocklist((40, "127.0.0.2"), (41, "127.0.0.3"), (42, "127.0.0.4"),
                            (43, "127.0.0.6"), (44, "127.0.0.9"),
                            (45, "127.0.0.4"), (45, "127.0.0.10"),
                            (46, "127.255.255.254"), (47, "127.0.0.8"), (47, "127.255.255.254"),
                            (48, "10.1.2.3"), (49, "127.0.1.7"), (51, "127.0.1.7")),
    "second.example": blocklist((42, "127.0.0.2"), (50, "127.0.0.2")),
    "allow.example": blocklist((42, "127.0.0.2"), (49, "127.0.0.2")),
    "world.example": ("ip4trie", [":127.0.0.2:everybody", "0.0.0.0/0"]),
    "empty.example": ("ip4set", []),
}


class Site:
    def __init__(self):
        self.base = make_directory(tempfile.mkdtemp(prefix="sluice-test-"))
        # Sendmail takes a socket only where no directory above it is writable by everybody.
        self.sockets = make_directory(tempfile.mkdtemp(prefix="sluice-test-", dir="/run"))
        self.socket = self.sockets / "milter.sock"
        self.daemon = None
        self._stack = contextlib.ExitStack()
        self._stack.callback(shutil.rmtree, self.base, ignore_errors=True)
        self._stack.callback(shutil.rmtree, self.sockets, ignore_errors=True)
        with self._stack:
            self.sink = self._kept(Sink())
            self.dns = self._kept(Dns(self.base / "dns", ZONES))
            self.postfix = self._kept(Postfix(self.base / "postfix", self.socket, self.sink.port))
            self.sendmail = self._kept(Sendmail(self.base / "sendmail", self.socket, self.sink.port))
            self._stack = self._stack.pop_all()

    def _kept(self, part):
        self._stack.callback(part.stop)
        return part

    def stop(self):
        self._stack.close()

    @property
    def mtas(self):
        return {"postfix": self.postfix, "sendmail": self.sendmail}

    def configuration(self, *lines):
        """A configuration file of these lines, and of those that every test needs where they are
        not among them."""
        names = {line.split("=")[0].strip() for line in lines}
        usual = [f"socket = unix:{self.socket}", "socket-mode = 0666", "log = stderr",
                 "log-level = debug", "local-domain = test.example", "local-domain = second.test.example",
                 f"resolver = {self.dns.resolver}"]
        kept = [line for line in usual if line.split("=")[0].strip() not in names]
        return "\n".join(kept + list(lines)) + "\n"

    @contextlib.contextmanager
    def sluice(self, *lines, prefix=()):
        """The daemon, running with configuration(*lines), as the filter of both mail servers; the
        command `prefix` may start it. It must end in order when the block ends. One at a time: they
        share the socket."""
        assert self.daemon is None or not self.daemon.is_running(), "another daemon runs"
        daemon = Sluice(self.base / "sluice", self.socket, prefix)
        daemon.write(self.configuration(*lines))
        self.daemon = daemon
        try:
            daemon.start()
            yield daemon
            daemon.stop()
        finally:
            daemon.kill()

    def directory(self, name):
        """A fresh empty directory."""
        path = self.base / name
        shutil.rmtree(path, ignore_errors=True)
        return make_directory(path)

    def deliver(self, mta, octets, token, recipients=("user@test.example",), client=GOOD_CLIENT):
        """Sends a message that must be accepted, and returns it as it was delivered."""
        with mta.connect(client) as session:
            reply = session.deliver("sender@out.example", recipients, octets)
            assert reply.code == 250, reply
        return self.sink.wait_for(token.encode())

    def require_nothing_delivered(self, mta, token):
        """Waits until all that the server has accepted is delivered; the message with `token` must
        not be among it, nor in the queue."""
        mark = new_token()
        self.deliver(mta, message(token=mark), mark)
        wait_until(lambda: mta.active() == 0, 20, "the queue is empty")
        assert not self.sink.deliveries(token.encode())
        assert not any(token.encode() in held for held in mta.held())


def both(option, number, rest=""):
    """Two configuration lines, for the client with this number of each mail server."""
    return [f"{option} = {server.address(number)}{rest}" for server in (Postfix, Sendmail)]


def remove_file(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
