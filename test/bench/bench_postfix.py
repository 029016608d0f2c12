# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix end to end, from smtp-source to its discard transport: without a filter, with the
null filter, with sluice. Needs root."""

import statistics
import subprocess
import time

from bench_site import null_filter_like
from harness.postfix import Postfix
from harness.process import program, run
from harness.waiting import wait_until

SESSIONS = 20
MESSAGE_SIZE = 4000
RUN_LIMIT_SECONDS = 180
QUEUE_LIMIT_SECONDS = 120


class BenchPostfix:
    """Three listeners of one Postfix, which differ in their filter alone. `ports`: name -> port;
    `filters`: name -> milter socket, or nothing."""

    def __init__(self, base, filters):
        self._postfix = Postfix(base, "/nonexistent", 1)
        ports = (self._postfix.port, self._postfix.submission_port, self._postfix.other_port)
        self.ports = dict(zip(filters, ports, strict=True))
        for name, socket in filters.items():
            service = f"127.0.0.1:{self.ports[name]}/inet/smtpd_milters={socket}"
            run(program("postconf"), "-c", self._postfix.etc, "-P", service)
        self._postfix.set(**{f"{name}_transport": "discard:" for name in ("default", "local", "relay")})

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._postfix.stop()

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


def measure_postfix(site, rounds, messages, say):
    """Messages a second for each filter, with the medians of their ratios round by round."""
    sockets = {"none": "", "null": site.address("unix", "null"), "sluice": site.address("unix", "sluice")}
    with site.sluice(sockets["sluice"]):
        null, _ = null_filter_like(sockets["sluice"], sockets["null"])
        with null, BenchPostfix(site.base / "postfix", sockets) as postfix:
            rates = {name: [] for name in sockets}
            order = list(sockets)
            for name in order:
                postfix.messages_per_second(name, messages // 4)
            for number in range(rounds):
                say(f"postfix: round {number + 1} of {rounds}")
                for name in order:
                    rates[name].append(postfix.messages_per_second(name, messages))
                order.reverse()
    return {"messages_per_second": {name: statistics.median(each) for name, each in rates.items()},
            "ratios": {f"{one} to {other}": statistics.median(a / b for a, b in zip(rates[one], rates[other]))
                       for one, other in (("null", "none"), ("sluice", "none"), ("sluice", "null"))},
            "rounds": rates}
