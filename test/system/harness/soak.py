# SPDX-License-Identifier: BSD-2-Clause
"""A soak: mixed traffic with faults now and then, and whether anything grows, is lost, or runs away."""

import collections
import concurrent.futures
import contextlib
import itertools
import json
import re
import subprocess
import threading
import time

from .redis import RedisError
from .sluice import SANITIZER_REPORT, binary
from .soak_cast import Cast
from .soak_counts import Counts
from .soak_scenes import SCENES
from .soak_watch import MEGABYTE, NAMES, Watch
from .waiting import wait_until

WORKERS, CARRIERS = 8, 8
LOAD_KINDS = ((1, 500), (100, 2000), (20, 20_000))  # messages a connection, octets of each
LOAD_MESSAGES, LOAD_CONNECTIONS, LOAD_CLIENTS = 1000, 4, 1000
LOAD_SECONDS = 15  # the longest
ROTATE_OCTETS = 16 << 20
SAMPLE_SECONDS = 0.5
MINUTE = 60
END_SECONDS = 120
QUIET_FDS = 20  # descriptors more than before when no session is open: connections to Redis stay
MOST_PROBLEMS = 30
SLOW_REDIS_SECONDS = 0.5
STORE_CHANGED = re.compile(r"redis .*: (unavailable|available again)")
OF_THE_FILTER = re.compile(r"internal error|terminate called|\bcrit\b")


class Soak:
    """Runs for `minutes`, or else until each scene and each fault has been there `rounds` times."""

    def __init__(self, site, faults, minutes=None, rounds=1, pause=20.0, lasting=3.0, say=print):
        self.site, self.faults, self.say = site, faults, say
        self.minutes, self.rounds, self.pause, self.lasting = minutes, rounds, pause, lasting
        self.problems = []
        self.played = collections.Counter()
        self.happened = collections.Counter()
        self.load = collections.Counter()
        self.load_rate = 0.0
        self._over = threading.Event()
        self._turns = itertools.count()
        self._lock = threading.Lock()
        self._log_read = 0

    def problem(self, what):
        with self._lock:
            self.problems.append(what)
            if len(self.problems) <= MOST_PROBLEMS:
                self.say(f"PROBLEM {what}")

    # the traffic

    def _play(self, pool):
        for turn in self._turns:
            if self._over.is_set() or self.minutes is None and turn >= self.rounds * len(SCENES):
                return
            self._play_one(SCENES[turn % len(SCENES)], pool)

    def _play_one(self, scene, pool):
        with self.site.gate.passed() if scene.told else contextlib.nullcontext():
            number = next(self.site.numbers)
            try:
                with Cast(self.site, pool, number) as cast:
                    self._play_out(scene, cast)
            except Exception as problem:  # whatever it is, the soak has failed
                self.problem(f"{scene.name} {number}: {type(problem).__name__}: {problem}")
        self.played[scene.name] += 1

    def _play_out(self, scene, cast):
        try:
            scene.play(cast)
        except AssertionError as problem:
            self.problem("\n    ".join((f"{scene.name} {cast.number}: {problem}", *cast.story())))

    def _load(self):
        for messages_a_connection, size in itertools.cycle(LOAD_KINDS):
            if self._over.is_set():
                return
            try:
                self._take_load(self._load_report(messages_a_connection, size))
            except Exception as problem:
                self.problem(f"milter-load: {type(problem).__name__}: {problem}")

    def _load_report(self, messages_a_connection, size):
        words = {"messages-per-connection": messages_a_connection, "size": size, "messages": LOAD_MESSAGES,
                 "connections": LOAD_CONNECTIONS, "clients": LOAD_CLIENTS, "seconds": LOAD_SECONDS}
        done = subprocess.run([binary().parents[1] / "test" / "bench" / "milter-load",
                               "--socket", f"unix:{self.site.socket}",
                               *(f"--{name}={value}" for name, value in words.items())],
                              capture_output=True, text=True, timeout=LOAD_SECONDS + END_SECONDS)
        return json.loads(done.stdout) if done.stdout else {"troubles": [done.stderr], "replies": {}}

    def _take_load(self, report):
        if report["troubles"] or set(report["replies"]) != {"eom continue"}:
            self.problem(f"milter-load: {report}")
        self.load.update(report["replies"])
        self.load_rate = report.get("messages_per_second", 0.0)

    def _go_wrong(self):
        rounds = itertools.count() if self.minutes else range(self.rounds)
        for fault in (fault for _ in rounds for fault in self.faults):
            if self._over.wait(self.pause):
                return
            try:
                fault(self.site, self.lasting)
            except Exception as problem:
                self.problem(f"{fault.__name__}: {type(problem).__name__}: {problem}")
            self.happened[fault.__name__] += 1

    # what is looked at all the time

    def _look_after(self):
        while not self._over.wait(1):
            try:
                self.look()
            except Exception as problem:
                self.problem(f"{type(problem).__name__}: {problem}")

    def look(self):
        if self.site.tail.size() > ROTATE_OCTETS:
            self.site.tail.rotate(self.site.reopen)
        lines = self.site.daemon.log.lines(self._log_read)
        self._log_read += len(lines)
        for line in lines:
            if SANITIZER_REPORT.search(line) or OF_THE_FILTER.search(line):
                self.problem(f"the log says: {line}")
            if STORE_CHANGED.search(line):
                self.site.disturbed(line)
        self._ask_redis()
        if not self.site.daemon.is_running() and not self._over.is_set():
            self.problem("the filter has ended")
            self._over.set()

    def _ask_redis(self):
        """On a machine that is too busy the filter gives up a question and counts for itself."""
        began = time.monotonic()
        with contextlib.suppress(OSError, RedisError):
            self.site.redis.call("PING")
        if (took := time.monotonic() - began) > SLOW_REDIS_SECONDS:
            self.site.disturbed(f"Redis takes {took:.1f} s for an answer")

    # the run

    def run(self):
        """Returns whether all was well."""
        self._warm_up()
        before = self.site.usage()
        self.watch = Watch(self.site.usage, SAMPLE_SECONDS)
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CARRIERS) as carriers:
            others = [threading.Thread(target=target, daemon=True) for target in (self._load, self._look_after)]
            workers = [threading.Thread(target=self._play, args=(carriers,), daemon=True) for _ in range(WORKERS)]
            wrong = threading.Thread(target=self._go_wrong, daemon=True)
            for thread in (*others, *workers, wrong):
                thread.start()
            try:
                self._wait(began, [*workers, wrong] if self.minutes is None else [])
            finally:
                self._over.set()
            for thread in (*workers, wrong, *others):
                thread.join(END_SECONDS + LOAD_SECONDS)
        self.watch.stop()
        self._settle(before)
        return self._verdict(time.monotonic() - began)

    def _wait(self, began, until_ended):
        """Prints a line a minute."""
        ends = began + self.minutes * MINUTE if self.minutes else float("inf")
        for minute in itertools.count(1):
            until = min(ends, began + minute * MINUTE)
            while time.monotonic() < until and not self._over.wait(0.2):
                if until_ended and not any(each.is_alive() for each in until_ended):
                    return
            self._tell(time.monotonic() - began)
            if until == ends or self._over.is_set():
                return
            self.site.quarantine.empty()

    def _warm_up(self):
        """One of all that is bound to open something once."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            for scene in SCENES[:1]:
                self._play_one(scene, pool)
        self._until_no_sessions()

    def _until_no_sessions(self):
        wait_until(lambda: self.site.says(lambda status: status["sessions"] == 0), END_SECONDS, "no session is open")

    def _tell(self, seconds):
        fds, threads, memory = self.watch.last()
        told = ", ".join(f"{len(self.site.ledger.ended(end))} {end}" for end in ("held", "discarded", "badmail"))
        self.say(f"{seconds / MINUTE:5.1f} min  {len(self.site.ledger):,} messages by Postfix ({told}), "
                 f"{sum(self.load.values()):,} straight ({self.load_rate:.0f}/s), "
                 f"{sum(self.played.values()):,} scenes, {sum(self.happened.values())} faults; "
                 f"{memory / MEGABYTE:.1f} MB, {fds} descriptors, {threads} threads; {len(self.problems)} problems")

    def _settle(self, before):
        """Waits until nothing is under way, and compares."""
        ledger = self.site.ledger
        try:
            wait_until(lambda: not self.site.tail.read_on() and self.site.postfix.active() == 0
                       and not ledger.unsettled(), END_SECONDS,
                       lambda: f"all mail is settled: {ledger.unsettled()[:20]}")
            self._until_no_sessions()
        except AssertionError as problem:
            self.problem(str(problem))
        self.look()
        self._compare_usage(before)
        self.counts = Counts(self.site, sum(self.load.values()), "disk_full" in self.happened)
        for what in (*ledger.troubles(), *self.counts.contradictions(), *self.site.quarantine.troubles()):
            self.problem(what)

    def _compare_usage(self, before):
        wait = time.monotonic() + 20  # libmilter ends threads that nobody needs in its own time
        while self.site.usage()[0] > before[0] + QUIET_FDS and time.monotonic() < wait:
            time.sleep(0.2)
        after = self.site.usage()
        self.at_rest = (before, after)
        if after[0] > before[0] + QUIET_FDS:
            self.problem(f"{before[0]} descriptors were open before and {after[0]} after, without sessions: "
                         f"{self.site.descriptors()}")

    def _verdict(self, seconds):
        trends = self.watch.trends(NAMES if self.minutes else NAMES[:2])  # a sanitizer keeps memory
        for trend in trends:
            if not trend.is_flat():
                self.problem(f"not flat: {trend}")
        self._tell(seconds)
        self.say("scenes: " + ", ".join(f"{name} {count}" for name, count in sorted(self.played.items())))
        self.say("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(self.happened.items())))
        self.say(f"counted by the filter: {self.counts}")
        for trend in trends:
            self.say(str(trend))
        self.say(f"at rest, before and after: {self.at_rest[0][0]} and {self.at_rest[1][0]} descriptors, "
                 f"{self.at_rest[0][2] // MEGABYTE} and {self.at_rest[1][2] // MEGABYTE} MB")
        self.say("all is well" if not self.problems else f"FAILED: {len(self.problems)} problems")
        return not self.problems
