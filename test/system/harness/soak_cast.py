# SPDX-License-Identifier: BSD-2-Clause
"""Those who play a scene of a soak: their addresses, what they say, and what became of each message."""

import collections
import re
import threading
import time

from .reports import message_id
from .waiting import wait_until
from .world import MOST_LETTERS

REST_SECONDS = 240
IN_REPLY_TO = re.compile(rb"(?im)^In-Reply-To: *(<[^>]*>)")


def answered(octets):
    """To which message it is a reply, as words."""
    match = IN_REPLY_TO.search(octets)
    return f"in reply to {match[1].decode('latin-1')}" if match else "of itself"


class Cast:
    """Like harness.world.World, for one of many scenes that are played at once. `number` is new in each,
    and addresses made of it belong to no other scene."""

    def __init__(self, site, pool, number):
        self.site, self.number = site, number
        self.taken = collections.defaultdict(list)
        self.replies = []  # (letter, reply) of each that was sent
        self._sent = []  # when, and under which queue id, if any
        self.ids = []  # queue ids of those that were taken
        self._pool = pool
        self._actors = {}
        self._lock = threading.Lock()
        self._letters = self._unsent = 0
        self._problem = None
        self._disturbances = len(site.disturbances)
        self._log = site.daemon.log.position

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for address in self._actors:
            del self.site.sink.players[address]

    def play(self, actors):
        """Who answers: address -> function of harness.actors."""
        self._actors.update(actors)
        self.site.sink.players.update(dict.fromkeys(actors, self))

    def react(self, recipient, delivery):
        with self._lock:
            self.taken[recipient].append(delivery)
        for letter in self._actors[recipient](delivery):
            self.send(letter)

    def send(self, letter):
        """Has the letter sent soon, unless there were enough."""
        with self._lock:
            if self._letters == MOST_LETTERS:
                return
            self._letters += 1
            self._unsent += 1
        self._pool.submit(self._carry, letter)

    def _carry(self, letter):
        try:
            self.hand_over(letter)
        except (AssertionError, OSError) as problem:
            self._problem = problem
        finally:
            with self._lock:
                self._unsent -= 1

    def hand_over(self, letter):
        """The reply that decided about the letter."""
        with self.site.postfix.connect(letter.client) as session:
            replies = [session.mail(letter.sender)]
            taken = []
            for each in letter.recipients if replies[0].code == 250 else ():
                replies.append(session.rcpt(each))
                taken += [each] if replies[-1].code == 250 else []
            if taken:
                began = time.time()
                replies.append(session.data(letter.octets))
                queue_id = self.note(replies[-1], taken)
            session.quit()
        with self._lock:
            self.replies.append((letter, replies[-1]))
            if taken:
                self._sent.append((began, time.time() - began, letter, replies[-1], queue_id))
        return replies[-1]

    def note(self, reply, recipients):
        """A reply to a message. Returns the queue id of one that was taken."""
        if reply.code != 250:
            return ""
        queue_id = self.site.ledger.accepted(reply, recipients)
        with self._lock:
            self.ids.append(queue_id)
        return queue_id

    def story(self):
        """A line for each message, and for what disturbed the filter: for whoever wants to know what went wrong."""
        lines = self.site.disturbances[self._disturbances:]
        for when, seconds, letter, reply, queue_id in self._sent:
            end, recipients = self.site.ledger.outcome(queue_id) if queue_id else (reply.line, ())
            lines.append((when, f"{seconds:.2f} s {letter.sender} to {' '.join(letter.recipients)} "
                                f"{message_id(letter.octets)} {answered(letter.octets)}: {queue_id} {end} "
                                f"{' '.join(recipients)}; {'; '.join(self.site.ledger.loops(queue_id))}"))
        return [f"{time.strftime('%H:%M:%S', time.gmtime(when))}.{int(when * 1000) % 1000:03} {what}"
                for when, what in sorted(lines)] + [
                    line for line in self.site.daemon.log.lines(self._log) if "redis" in line]

    def rest(self):
        """Waits until nobody has anything more to say and all that was taken has come to its end."""
        wait_until(self._is_quiet, REST_SECONDS, lambda: f"the scene comes to rest: {self._unsent} unsent, "
                   f"under way {[each for each in self.ids if not self.site.ledger.is_settled(each)]}")
        if self._problem:
            raise self._problem
        return self

    def _is_quiet(self):
        with self._lock:
            ids, quiet = list(self.ids), self._unsent == 0
        return (quiet and all(map(self.site.ledger.is_settled, ids))
                and self._unsent == 0 and len(self.ids) == len(ids))

    def copies(self, *addresses):
        return sum(len(self.taken[each]) for each in addresses)

    def refusals(self):
        return [reply.line for _, reply in self.replies if reply.code != 250]

    def outcomes(self):
        """The ends of all that was taken."""
        return collections.Counter(self.site.ledger.outcome(each)[0] for each in self.ids)

    def ran_away(self):
        return self._letters == MOST_LETTERS

    def most(self, bound, again=None):
        """The bound, and as much (or `again`) for each time that the node lost sight of what it remembers:
        Redis went or came back, without what was in it, or the filter stood still."""
        losses = len(self.site.disturbances) - self._disturbances
        return bound + losses * (bound if again is None else again)
