# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix end to end, from smtp-source to its discard transport: without a filter, with null
filters, with sluice, with rspamd. Needs root."""

import contextlib
import statistics
import subprocess
import time

import bench_rspamd
from bench_milter import GATE
from bench_site import null_filter_like
from harness.postfix import Postfix
from harness.process import free_port, program, run
from harness.redis import RedisServer
from harness.waiting import wait_until
from null_filter import NullFilter

SESSIONS = 20
MESSAGE_SIZE = 4000
RUN_LIMIT_SECONDS = 180
QUEUE_LIMIT_SECONDS = 120
# none: no filter; null: it negotiated as sluice; replying: a null filter that is sent everything and
# answers each step; plain: sluice without lists and loops; redis: with its store there
FILTERS = ("none", "null", "replying", "sluice", "plain", "redis", "rspamd")


class BenchPostfix:
    """One Postfix with a listener for each filter; they differ in nothing else. `ports`: name -> port;
    `filters`: name -> milter socket, or nothing."""

    def __init__(self, base, filters):
        self.ports = {name: free_port() for name in filters}
        self._postfix = Postfix(base, "/nonexistent", 1)
        for name, socket in filters.items():
            service = f"127.0.0.1:{self.ports[name]}/inet"
            self._postconf("-M", f"{service}={service.replace('/', ' ')} n - n - - smtpd")
            self._postconf("-P", f"{service}/smtpd_milters={socket}")
            self._postconf("-P", f"{service}/milter_macro_daemon_name=mx")
        self._postfix.set(**{f"{name}_transport": "discard:" for name in ("default", "local", "relay")})

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._postfix.stop()

    def _postconf(self, *arguments):
        run(program("postconf"), "-c", self._postfix.etc, *arguments)

    def messages_per_second(self, name, messages):
        """One run of smtp-source. The queue is empty before, so that none pays for another."""
        wait_until(lambda: self._postfix.active() == 0, QUEUE_LIMIT_SECONDS, "the queue is empty")
        start = time.monotonic()
        done = subprocess.run(
            [program("smtp-source"), "-s", str(SESSIONS), "-m", str(messages), "-l", str(MESSAGE_SIZE),
             "-f", "sender1@sender.example", "-t", "user1@test.example", f"127.0.0.1:{self.ports[name]}"],
            capture_output=True, text=True, timeout=RUN_LIMIT_SECONDS)
        took = time.monotonic() - start
        if done.returncode != 0:
            raise RuntimeError(f"smtp-source: {done.stderr}\n{self._postfix.log_tail()}")
        return messages / took


def alternating(names, rounds, measure):
    """What measure(name) gives, name by name; each round begins where the one before has ended."""
    found = {name: [] for name in names}
    order = list(names)
    for number in range(rounds):
        for name in order:
            found[name].append(measure(name, number))
        order.reverse()
    return found


def summary_of_rates(rates):
    """Medians, and for each filter but the null filter the median of its ratios to it round by round;
    sluice beside the others the same way."""
    def ratio(one, other):
        return statistics.median(a / b for a, b in zip(rates[one], rates[other]))
    return {"messages_per_second": {name: statistics.median(each) for name, each in rates.items()},
            "to_null": {name: ratio(name, "null") for name in rates if name != "null"},
            "sluice_to": {name: ratio("sluice", name) for name in rates if name != "sluice"},
            "rounds": rates}


@contextlib.contextmanager
def all_filters(site, say):
    """name -> milter socket."""
    with contextlib.ExitStack() as stack:
        sockets = {name: site.address("unix", name) for name in FILTERS[1:]}
        stack.enter_context(site.sluice(sockets["sluice"]))
        stack.enter_context(site.sluice(sockets["plain"], site.configuration(sockets["plain"], GATE)))
        redis = stack.enter_context(RedisServer(site.base / "redis-of-postfix"))
        stack.enter_context(site.sluice(sockets["redis"], site.in_redis(sockets["redis"], redis)))
        stack.enter_context(null_filter_like(sockets["sluice"], sockets["null"])[0])
        stack.enter_context(NullFilter(sockets["replying"]))
        if bench_rspamd.is_installed():
            say("postfix: rspamd " + bench_rspamd.SURROUNDINGS)
            path = site.base / "rspamd" / "socket" / "milter.sock"
            sockets["rspamd"] = f"unix:{path}"
            stack.enter_context(bench_rspamd.Rspamd(site.base / "rspamd", path))
        else:
            say("postfix: rspamd left out, it is not installed (apt-get install rspamd)")
            del sockets["rspamd"]
        yield {"none": "", **sockets}


def measure_postfix(site, rounds, messages, say):
    """Messages a second for each filter, and ratios."""
    with all_filters(site, say) as sockets, BenchPostfix(site.base / "postfix", sockets) as postfix:
        for name in sockets:
            postfix.messages_per_second(name, max(SESSIONS, messages // 2))

        def measure(name, number):
            say(f"postfix: round {number + 1} of {rounds}, {name}")
            return postfix.messages_per_second(name, messages)
        return summary_of_rates(alternating(sockets, rounds, measure))
