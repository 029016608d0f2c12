# SPDX-License-Identifier: BSD-2-Clause
"""What a measurement runs against: sluice with every filter in use, and a null filter that has
negotiated the same. Needs SLUICE_BUILD, and the harness of the system tests."""

import contextlib
import itertools
import pathlib
import shutil
import tempfile

from harness.dns import Dns
from harness.process import free_port, make_directory
from harness.sluice import Sluice
from milter_client import MilterClient
from null_filter import NullFilter

LISTS = 6  # DNSBL zones
TABLE_ENTRIES = 5000
CLIENTS = 200  # few enough that soon all DNS answers are in the cache
USERS = 5000
TEST_POINTS = ("ip4set", [":127.0.0.2:listed", "127.0.0.2"])

CONFIGURATION = """\
socket-mode = 0666
log = stderr
local-domain = test.example
trusted = 10.0.0.0/8
resolver = {resolver}
restrict-ip = @{base}/restricted-networks
accept-ip = @{base}/accepted-networks
deny-ip = @{base}/denied-networks
block-sender = @{base}/blocked-senders
check-from-header = yes
spoof-check = mark
block-recipient = @{base}/blocked-recipients
restrict-recipient = board@test.example only-from=@partner.example,chair@test.example
restrict-recipient = all@test.example accept-from=authenticated
directory = file:{base}/users
harvest-limit = 20/1h
max-size = 50M
max-session-size = 1G
max-messages = 1000
max-recipients = 500
max-hops = 50
key-file = {base}/keys
list = team@test.example bounces-to=boss@test.example
list = news@test.example return-path=null only-from=*@test.example
robot = majordomo@test.example
peer = mx.partner.example net=198.51.100.0/24 domain=test.example
"""
KEY = "bench 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"


def tables():
    """File name -> lines. None of them has what the load sends."""
    def networks(first):
        return [f"{first}.{n // 256}.{n % 256}.0/24" for n in range(TABLE_ENTRIES)]
    return {
        "restricted-networks": networks(100)[:1000],
        "accepted-networks": networks(101)[:1000],
        "denied-networks": networks(102) + [f"2001:db8:{n:x}::/48" for n in range(1000)],
        "blocked-senders": [f"spam{n}@bad{n % 500}.example" for n in range(TABLE_ENTRIES - 500)]
        + [f"@.worse{n}.example" for n in range(500)],
        "blocked-recipients": [f"closed{n}@test.example" for n in range(1000)],
        "users": [f"user{n}@test.example" for n in range(USERS)],
    }


class BenchSite:
    """A private directory with a name server. Ends all it has started with the `with` block."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        with contextlib.ExitStack() as stack:
            self.base = make_directory(tempfile.mkdtemp(prefix="sluice-bench-"))
            stack.callback(shutil.rmtree, self.base, ignore_errors=True)
            self._zones = [f"list{number}.example" for number in range(LISTS)]
            dns = Dns(self.base / "dns", {zone: TEST_POINTS for zone in self._zones})
            stack.callback(dns.stop)
            self.resolver = dns.resolver
            for name, lines in tables().items():
                (self.base / name).write_text("\n".join(lines) + "\n")
            keys = self.base / "keys"
            keys.write_text(KEY)
            keys.chmod(0o600)
            self._stack = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._stack.close()

    def address(self, kind, name):
        """Where a filter can listen: `kind` is unix or inet."""
        return f"unix:{self.base}/{name}.sock" if kind == "unix" else f"inet:{free_port()}@127.0.0.1"

    def configuration(self, socket, areas="all"):
        """`areas`: what the listener of milter-load applies."""
        lists = "".join(f"dnsbl = rule{number} {zone}\n" for number, zone in enumerate(self._zones))
        return f"socket = {socket}\n" + CONFIGURATION.format(base=self.base, resolver=self.resolver) + (
            f"{lists}listener = mx {areas}\n")

    def in_redis(self, socket, redis):
        """The same with the store there, also for clients that send as much as those of milter-load."""
        return f"{self.configuration(socket)}store = redis+unix://{redis.socket}\nstore-share = 1000000000/1h\n"

    @contextlib.contextmanager
    def sluice(self, socket, configuration=None):
        """The daemon, listening on `socket`."""
        daemon = Sluice(self.base / f"sluice-{next(self._numbers)}", pathlib.Path(socket.partition(":")[2]))
        daemon.write(configuration or self.configuration(socket))
        try:
            yield daemon.start()
        finally:
            daemon.kill()


def null_filter_like(other, socket):
    """A null filter that asks for what the filter at `other` asks for: steps, actions, macros."""
    with MilterClient(other) as mta:
        wanted = mta.negotiate()
        mta.quit()
    macros = [word for stage, names in wanted.macros.items() for word in ("--macros", f"{stage}={names}")]
    return NullFilter(socket, "--like", hex(wanted.steps), hex(wanted.actions), *macros), wanted
