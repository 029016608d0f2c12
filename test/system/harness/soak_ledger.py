# SPDX-License-Identifier: BSD-2-Clause
"""What became of each message that the mail server accepted: what it said to the client, what the
tracking log tells and what the sink took must be the same story."""

import collections
import re
import threading

QUEUE_ID = re.compile(rb"(?m)^\tby mx\.test\.example \(Postfix\) with \w+ id (\w+)")
QUEUED = re.compile(r"queued as (\w+)")
ENDS = {("DISCARD", "discard"): "discarded", ("LOOP", "discard"): "discarded", ("DUPLICATE", "discard"): "discarded",
        ("LOOP", "hold"): "held", ("HOLD", "hold"): "held", ("BADMAIL", "badmail"): "badmail"}
MOST_TOLD = 20


class Entry:
    """One message."""

    __slots__ = ("recipients", "received", "moved", "delivered", "end")

    def __init__(self):
        self.recipients = None  # that the client was told are taken
        self.received = None  # those of RECEIVE
        self.moved = {}  # recipient -> what it became; "": nothing
        self.delivered = collections.Counter()
        self.end = ""

    def due(self):
        """Who must get it."""
        recipients = set(self.received or self.recipients or ())
        if self.end:
            return set()
        return {each for each in recipients - set(self.moved)} | {each for each in self.moved.values() if each}

    def is_settled(self):
        if self.end:
            return True
        due = self.due()
        return bool(due) and due <= set(self.delivered)

    def trouble(self):
        """What is wrong with its story; "" when nothing is."""
        due = self.due()
        if set(self.delivered) - due:
            return f"it went to {sorted(self.delivered)} and not to {sorted(due)} alone ({self.end})"
        if due - set(self.delivered):
            return f"it never came to {sorted(due - set(self.delivered))}"
        if not due and not self.end:
            return "nobody knows what became of it"
        return ""


class Ledger:
    """Any thread may write into it. `problems`: what cannot be."""

    def __init__(self, notices_to=""):
        self._lock = threading.Lock()
        self._entries = collections.defaultdict(Entry)
        self._loops = collections.defaultdict(list)  # queue id -> what was done, and why
        self._notices_to = notices_to
        self.problems = []
        self.notices = self.accepted_count = 0
        self.events = collections.Counter()  # (origin, event, action) of the tracking log

    def _note(self, problem):
        if len(self.problems) < MOST_TOLD:
            self.problems.append(problem)

    def accepted(self, reply, recipients):
        """The client was told so. Returns the queue id."""
        queue_id = QUEUED.search(reply.line)[1]
        with self._lock:
            self.accepted_count += 1
            self._entries[queue_id].recipients = tuple(recipients)
        return queue_id

    def delivered(self, delivery):
        match = QUEUE_ID.search(delivery.octets)
        with self._lock:
            if match is None:
                self.notices += delivery.recipients == [self._notices_to]
                if delivery.recipients != [self._notices_to]:
                    self._note(f"nobody has sent what came to {delivery.recipients}: {delivery.octets[:300]}")
                return
            entry = self._entries[match[1].decode()]
            for recipient in delivery.recipients:
                entry.delivered[recipient] += 1
                if entry.delivered[recipient] > 1:
                    self._note(f"{match[1].decode()} was delivered to {recipient} twice")

    def count(self, origin, event, action, number=1):
        with self._lock:
            self.events[origin, event, action] += number

    def tracked(self, record):
        """An event of a message of the mail server."""
        event, action = record["event"], record.get("action", "")
        with self._lock:
            self.events["mail", event, action] += 1
            if event == "LOOP":
                self._loops[record["queue_id"]].append(f"{action}: {record.get('rule', '')}")
            if not (event == "RECEIVE" or event == "REDIRECT" or (event, action) in ENDS):
                return
            entry = self._entries[record["queue_id"]]
            if event == "RECEIVE":
                if entry.received is not None:
                    self._note(f"{record['queue_id']} was received twice")
                entry.received = tuple(record["recipients"])
            elif event == "REDIRECT":
                entry.moved.update({each: record.get("becomes", "") for each in record["recipients"]})
            else:
                entry.end = ENDS[event, action]

    def is_settled(self, queue_id):
        with self._lock:
            return self._entries[queue_id].is_settled()

    def outcome(self, queue_id):
        """What the message ended as, and who got it."""
        with self._lock:
            entry = self._entries[queue_id]
            return entry.end or "delivered", sorted(entry.delivered)

    def loops(self, queue_id):
        """Why the message was taken for one of a loop, and what was done."""
        with self._lock:
            return list(self._loops.get(queue_id, ()))

    def unsettled(self):
        with self._lock:
            return [each for each, entry in self._entries.items() if not entry.is_settled()]

    def ended(self, end):
        """The queue ids that ended so."""
        with self._lock:
            return {each for each, entry in self._entries.items() if entry.end == end}

    def untold(self):
        """How many messages the tracking log does not have."""
        with self._lock:
            return sum(entry.received is None for entry in self._entries.values())

    def unheard(self):
        """How many were taken whose client did not hear the reply."""
        with self._lock:
            return sum(entry.recipients is None for entry in self._entries.values())

    def __len__(self):
        return len(self._entries)

    def sum_of(self, event, action=None, origin=None):
        """How many events there were; None: of any."""
        with self._lock:
            return sum(number for (its_origin, its_event, its_action), number in self.events.items()
                       if its_event == event and action in (None, its_action) and origin in (None, its_origin))

    def troubles(self):
        """What is wrong at the end, when nothing is under way."""
        with self._lock:
            told = [f"{each}: {entry.trouble()}" for each, entry in self._entries.items() if entry.trouble()]
        more = [f"and {len(told) - MOST_TOLD} messages more"] if len(told) > MOST_TOLD else []
        return self.problems + told[:MOST_TOLD] + more
