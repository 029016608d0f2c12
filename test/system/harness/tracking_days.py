# SPDX-License-Identifier: BSD-2-Clause
"""Tracking logs of made-up days: office hours, refusals, and on one day a storm.

    tracking_days.py FILE DAY MESSAGES [STORM]

writes FILE as the log of DAY with about so many messages, of them STORM between 10:15 and 11:30,
and FILE.YYYY-MM-DD for the seven days before. The same words give the same lines."""

import datetime
import json
import math
import random
import sys

QUARTERS = 96
STORM_FROM, STORM_UNTIL = 41, 46  # 10:15 to 11:30
STORM_PAIR = ("robot@lists.example", "postmaster@loop.example")
STORM_LIST = "staff@test.example"
RULES = ("dnsbl spamhaus", "directory", "deny-ip 192.0.2.0/24", "block-sender @bad.example", "max-size",
         f"list {STORM_LIST}")


def line(time, event, **fields):
    return json.dumps({"time": time.astimezone().isoformat(timespec="milliseconds"), "event": event, **fields},
                      separators=(",", ":"))


def share(quarter):
    """How busy a quarter of an hour is, beside the others."""
    return 0.15 + math.exp(-((quarter - 42) / 14) ** 2)


class DayLog:
    """The lines of one day of one node."""

    def __init__(self, day, seed, node="mx1"):
        self.midnight = datetime.datetime.combine(day, datetime.time())
        self.random = random.Random(f"{day} {seed} {node}")
        self.node = node
        self.number = 0
        self.lines = []

    def time(self, quarter):
        return self.midnight + datetime.timedelta(minutes=15 * quarter, seconds=self.random.uniform(0, 899.9))

    def add(self, time, event, **fields):
        self.lines.append((time, line(time, event, node=self.node, **fields)))

    def envelope(self):
        self.number += 1
        sender = f"user{self.random.randrange(4000)}@out{self.random.randrange(300)}.example"
        return {"session": self.number, "queue_id": f"4{self.number:08X}", "message_id": f"<{self.number}@{sender[-8:]}>",
                "client": f"198.51.100.{self.random.randrange(256)}", "return_path": sender, "sender": sender,
                "recipients": [f"staff{self.random.randrange(500)}@test.example"]}

    def ordinary(self, messages):
        weights = [share(quarter) for quarter in range(QUARTERS)]
        for quarter in self.random.choices(range(QUARTERS), weights, k=messages):
            self.one(self.time(quarter))

    def one(self, time):
        what, envelope = self.random.random(), self.envelope()
        if what < 0.78:
            self.add(time, "RECEIVE", stage="message", octets=self.random.randrange(1000, 90000), **envelope,
                     **{"class": "ordinary"})
        elif what < 0.97:
            del envelope["queue_id"]
            self.add(time, "REFUSE", stage="rcpt", rule=self.random.choice(RULES), action="refuse",
                     reply="550 5.7.1 no", **envelope)
        elif what < 0.99:
            self.add(time, "RECEIVE", stage="message", octets=500, **envelope)
            self.add(time, "HOLD", stage="message", rule="block-sender @odd.example", action="hold", **envelope)
        else:
            self.add(time, "REDIRECT", stage="message", rule=f"list {STORM_LIST} auto-reply", action="redirect",
                     becomes="owner@test.example", **envelope, **{"class": "auto-reply"})
            self.add(time, "RECEIVE", stage="message", octets=700, **envelope)

    def storm(self, messages):
        """Two programs answer each other; most of it is cut."""
        for turn in range(messages):
            quarter = STORM_FROM + turn * (STORM_UNTIL - STORM_FROM) // messages
            one, other = STORM_PAIR if turn % 2 else STORM_PAIR[::-1]
            envelope = {**self.envelope(), "return_path": one, "sender": one, "recipients": [other]}
            time = self.time(quarter)
            self.add(time, "RECEIVE", stage="message", octets=900, **envelope, **{"class": "auto-reply"})
            del envelope["recipients"]
            if turn % 20 > 0:
                self.add(time, "LOOP", stage="message", action="discard", **envelope,
                         rule=f"loop: message {turn} of a chain that holds its text already")

    def rest(self, copies=30):
        """A sender that does not hear, a dead list member, a DNSBL."""
        start = self.midnight + datetime.timedelta(hours=13)
        for copy in range(copies):
            self.add(start + datetime.timedelta(seconds=300 * copy), "DUPLICATE", stage="message", action="discard",
                     rule=f"duplicates: {copy + 2} equal copies were taken before", **{
                         **self.envelope(), "message_id": "<same@deaf.example>", "client": "203.0.113.9",
                         "return_path": "boss@deaf.example"})
            self.add(start + datetime.timedelta(seconds=200 * copy), "BOUNCE", rule=f"list {STORM_LIST}",
                     recipients=["gone@out7.example"], session=copy + 1)
            self.add(start + datetime.timedelta(seconds=120 * copy), "COUNTS", zones=[
                {"zone": "bl.example", "queries": 1000, "listed": 120, "unknown": 3, "provider_errors": 1},
                {"zone": "paid.example", "queries": 500, "listed": 1, "unknown": 0, "provider_errors": 0}])

    def write(self, path):
        self.lines.sort(key=lambda each: each[0])
        with open(path, "w", encoding="ascii") as file:
            file.writelines(text + "\n" for _, text in self.lines)


def write_days(path, day, messages, storm=0, days_before=7, node="mx1"):
    """The log of a day and of those before, without a storm."""
    for back in range(days_before, -1, -1):
        log = DayLog(day - datetime.timedelta(days=back), 5, node)
        log.ordinary(messages)
        if back == 0:
            log.rest()
            log.storm(storm)
        log.write(path if back == 0 else f"{path}.{day - datetime.timedelta(days=back)}")


if __name__ == "__main__":
    write_days(sys.argv[1], datetime.date.fromisoformat(sys.argv[2]), int(sys.argv[3]),
               int(sys.argv[4]) if len(sys.argv) > 4 else 0)
