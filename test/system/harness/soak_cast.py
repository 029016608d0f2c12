# SPDX-License-Identifier: BSD-2-Clause
"""Those who play a scene of a soak: their addresses, what they say, and what became of each message."""

import collections
import threading

from .waiting import wait_until
from .world import MOST_LETTERS

REST_SECONDS = 240


class Cast:
    """Like harness.world.World, for one of many scenes that are played at once. `number` is new in each,
    and addresses made of it belong to no other scene."""

    def __init__(self, site, pool, number):
        self.site, self.number = site, number
        self.taken = collections.defaultdict(list)
        self.replies = []  # (letter, reply) of each that was sent
        self.ids = []  # queue ids of those that were taken
        self._pool = pool
        self._actors = {}
        self._lock = threading.Lock()
        self._letters = self._unsent = 0
        self._problem = None
        self._disturbances = site.disturbances

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
                replies.append(session.data(letter.octets))
                self.note(replies[-1], taken)
            session.quit()
        with self._lock:
            self.replies.append((letter, replies[-1]))
        return replies[-1]

    def note(self, reply, recipients):
        """A reply to a message."""
        if reply.code == 250:
            queue_id = self.site.ledger.accepted(reply, recipients)
            with self._lock:
                self.ids.append(queue_id)

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

    def most(self, bound):
        """The bound, and as much again for each time that the node lost sight of what it remembers: Redis
        went or came back, without what was in it, or the filter stood still."""
        return bound * (1 + self.site.disturbances - self._disturbances)
