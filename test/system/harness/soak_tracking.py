# SPDX-License-Identifier: BSD-2-Clause
"""Reads the tracking log while it grows, and moves it away before it fills its disk."""

import collections
import json
import os
import re
import threading
import time

from .waiting import wait_until

POLL_SECONDS = 0.1
REOPEN_SECONDS = 30
READ_ON_SECONDS = 5  # in a file that was moved away: what was queued before comes still
PIECE = 1 << 20
LOAD_CLIENT = re.compile(rb'"client":"198\.1[89]\.')
EVENT = re.compile(rb'"event":"([A-Z]+)"')
ACTION = re.compile(rb'"action":"([a-z-]+)"')


class _File:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.rest = b""
        self.until = None  # when nobody reads in it any more

    def lines(self):
        octets = self.rest + self.file.read(PIECE)
        *whole, self.rest = octets.split(b"\n")
        return whole


class TrackingTail:
    """A thread that tells the ledger. Messages of milter-load (by their clients) are only counted."""

    def __init__(self, path, ledger):
        self._path, self._ledger = path, ledger
        self._files = [_File(path)]
        self.lines = self.broken = 0
        self._changes = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join(30)
        for file in self._files:
            file.file.close()

    def size(self):
        return self._path.stat().st_size

    def rotate(self, reopen):
        """Moves the file away and calls `reopen`, which has the filter begin another."""
        old = f"{self._path}.moved-{time.monotonic_ns()}"
        with self._changes:
            os.rename(self._path, old)
            reopen()
            wait_until(self._path.exists, REOPEN_SECONDS, "the filter has begun another file")
            self._files[-1].until = time.monotonic() + READ_ON_SECONDS
            self._files.append(_File(self._path))
        os.unlink(old)  # it is read on

    def _follow(self):
        while not self._over.wait(POLL_SECONDS):
            while self.read_on():
                pass

    def read_on(self):
        """Returns whether there was something."""
        with self._changes:
            lines = [line for file in self._files for line in file.lines()]
            now = time.monotonic()
            for file in [each for each in self._files if each.until and each.until < now]:
                file.file.close()
                self._files.remove(file)
            self._take(lines)
        return bool(lines)

    def _take(self, lines):
        counts = collections.Counter()
        for line in lines:
            if LOAD_CLIENT.search(line) and line.endswith(b"}"):
                action = ACTION.search(line)
                counts[EVENT.search(line)[1].decode(), action[1].decode() if action else ""] += 1
                self.lines += 1
            else:
                self._take_one(line)
        for (event, action), number in counts.items():
            self._ledger.count("load", event, action, number)

    def _take_one(self, line):
        try:
            record = json.loads(line)
        except ValueError:
            self.broken += 1
            return
        self.lines += 1
        if record.get("queue_id"):
            self._ledger.tracked(record)
        else:
            self._ledger.count("direct", record["event"], record.get("action", ""))
