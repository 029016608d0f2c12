# SPDX-License-Identifier: BSD-2-Clause
"""A mail site for a soak: a private Postfix with the filter, with every rule in use, Redis as its store,
a DNS server that does as it is told, a small disk for the tracking log, and a sink for all mail."""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from .dns_stub import DnsStub, Zone
from .envelopes import key_file
from .metrics import Metrics, scrape
from .postfix import Postfix
from .process import free_port, make_directory, program, run
from .redis import RedisServer
from .sink import Sink
from .sluice import Sluice, control_tool
from .soak_ledger import Ledger
from .soak_tracking import TrackingTail

USERS = 1000
LISTED_NETWORK = "203.1."  # whose clients are on the blocklist
ADMIN, KEEPER, PEER = "admin@test.example", "keeper@test.example", 77
DISK = "64m"

CONFIGURATION = """\
socket = unix:{base}/milter.sock
socket-mode = 0666
control = unix:{base}/control.sock
metrics = inet:{metrics}@127.0.0.1
log = stderr
log-level = info
local-domain = test.example
trusted = 10.0.0.0/8
restrict-ip = 203.0.113.1
accept-ip = 203.0.113.3
deny-ip = 203.0.113.2
dnsbl = spam bl.example
dnsbl = second second.example action=mark
resolver = {resolver}
dns-timeout = 300ms
block-sender = evil@bad.example
sender-action = badmail
badmail-dir = {base}/badmail
spoof-check = mark
block-recipient = @closed.example
restrict-recipient = board@test.example only-from=*@good.example
directory = file:{base}/users
harvest-limit = 20/1h
max-size = 1M
max-session-size = 1G
max-messages = 100000
max-recipients = 500
max-hops = 30
key-file = {base}/keys
list = team@test.example return-path=keep
list = news@test.example bounces-to=keeper@test.example
robot = majordomo@test.example
peer = other net=192.0.2.77,127.0.0.1 domain=shared.example
loop-action = hold
loop-memory = 2m
duplicate-silence = 1s
notify = admin@test.example
notify-relay = 127.0.0.1:{sink}
tracking-log = {base}/tracking/tracking.log
store = redis://{redis}/0
redis-timeout = 2s
store-share = 1000000000/1h
"""
REDIS_OPTIONS = ("maxmemory 400mb", "maxmemory-policy volatile-ttl")
MAIN_CF = "enable_long_queue_ids = yes\nminimal_backoff_time = 5s\nqueue_run_delay = 5s\n"


class SoakPostfix(Postfix):
    """A client can be given by its address too."""

    @staticmethod
    def address(number):
        return number if isinstance(number, str) else Postfix.address(number)


class SoakSink(Sink):
    """Hands on what it takes, and keeps nothing."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.players = {}  # address -> who is told of a delivery
        super().__init__()

    def take(self, delivery):
        for recipient in delivery.recipients:
            player = self.players.get(recipient)
            if player is not None:
                player.react(recipient, delivery)
        self._ledger.delivered(delivery)


class Gate:
    """Many may pass at once; alone() waits until they are through and keeps others out."""

    def __init__(self):
        self._changed = threading.Condition()
        self._inside, self._closed = 0, False

    @contextlib.contextmanager
    def passed(self):
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self):
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


class Quarantine:
    """The mail that Postfix holds. It is what the tracking log says, and no more than of a minute or so."""

    def __init__(self, postfix, ledger):
        self._postfix, self._ledger = postfix, ledger
        self._released = set()

    def _held(self):
        return {entry["queue_id"] for entry in self._postfix.queue() if entry["queue_name"] == "hold"}

    def empty(self):
        """Deletes those of which the log tells."""
        told = self._ledger.ended("held") & self._held()
        self._postfix.delete(sorted(told))
        self._released |= told

    def troubles(self):
        """At the end, when nothing is under way."""
        self.empty()
        missing = self._ledger.ended("held") - self._released
        return ([f"in quarantine, and not told of: {each}" for each in sorted(self._held())]
                + [f"told to be in quarantine: {each}" for each in sorted(missing)])


def is_listed(client):
    return ("127.0.0.2",) if client and client.startswith(LISTED_NETWORK) else ()


class SoakSite:
    """Ends all it has started with the `with` block; the filter must end in order."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.gate = Gate()  # through which scenes go that need the tracking log
        self._reloads = threading.Lock()
        self.disturbances = []  # (when, what): what is remembered changed its place, or time stood still

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.base = make_directory(tempfile.mkdtemp(prefix="sluice-soak-"))
            stack.callback(shutil.rmtree, self.base, ignore_errors=True)
            self.ledger = Ledger(notices_to=ADMIN)
            self._start_servers(stack)
            self._start_filter(stack)
            self.tail = TrackingTail(self.tracking / "tracking.log", self.ledger)
            stack.callback(self.tail.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *problem):
        with self._stack:
            if problem[0] is None:
                self.daemon.stop()

    def _start_servers(self, stack):
        self.tracking = make_directory(self.base / "tracking")
        run(program("mount"), "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "none", self.tracking)
        stack.callback(run, program("umount"), self.tracking, check=False)
        self.zones = {name: Zone(is_listed) for name in ("bl.example", "second.example")}
        self.dns = stack.enter_context(DnsStub(self.zones))
        self.redis = stack.enter_context(RedisServer(self.base / "redis", *REDIS_OPTIONS))
        self.sink = SoakSink(self.ledger)
        stack.callback(self.sink.stop)
        self.postfix = SoakPostfix(self.base / "postfix", self.base / "milter.sock", self.sink.port, more=MAIN_CF)
        stack.callback(self.postfix.stop)
        self.quarantine = Quarantine(self.postfix, self.ledger)

    def _start_filter(self, stack):
        names = ["user", "board", "desk", "listserv", "newsboss", "monitor", "keeper", "admin", "team", "news"]
        users = names + [f"user{number}" for number in range(USERS)]
        (self.base / "users").write_text("".join(f"{name}@test.example\n" for name in users))
        make_directory(self.base / "badmail", 0o700)
        key_file(self)
        self.metrics_port = free_port()
        self.socket, self.control = self.base / "milter.sock", self.base / "control.sock"
        self.daemon = Sluice(self.base / "sluice", self.socket)
        stack.callback(self.daemon.kill)
        self.daemon.write(self.configuration())
        self.daemon.start()

    def configuration(self, *lines):
        text = CONFIGURATION.format(base=self.base, metrics=self.metrics_port, resolver=self.dns.address,
                                    sink=self.sink.port, redis=self.redis.address)
        return text + "".join(f"{line}\n" for line in lines)

    def reload(self, text):
        """One after the other; see Sluice.reload."""
        with self._reloads:
            return self.daemon.reload(text)

    def disturbed(self, what):
        self.disturbances.append((time.time(), what))

    def reopen(self):
        """Has the filter open its tracking log anew, which a reload that is refused does not."""
        accepted, lines = self.reload(self.configuration())
        assert accepted, lines

    # what the filter says of itself

    def metrics(self):
        return Metrics(scrape(self.metrics_port))

    def status(self):
        done = subprocess.run([control_tool(), "status", "--json", "--control", str(self.control)],
                              capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def says(self, question):
        """question(status), once the filter has answered within the time that sluicectl waits."""
        try:
            return question(self.status())
        except subprocess.CalledProcessError:
            return False

    def usage(self):
        """Descriptors, threads and octets of memory of the filter."""
        process = pathlib.Path(f"/proc/{self.daemon.pid}")
        pages = int((process / "statm").read_text().split()[1])
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())), pages * 4096

    def descriptors(self):
        """What is open, and how often."""
        names = collections.Counter()
        for each in pathlib.Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names[os.readlink(each).split(":")[0]] += 1
        return dict(names)

    def dns_failures(self):
        """A number that grows while the DNS does not answer; of lists that have failed their test, too."""
        metrics = self.metrics()
        if metrics.value("sluice_dnsbl_suspended"):
            return next(self.numbers)
        return metrics.value("sluice_dnsbl_unknown_total")

    def answer_dns(self, answer):
        for zone in self.zones.values():
            zone.answer = answer
