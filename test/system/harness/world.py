# SPDX-License-Identifier: BSD-2-Clause
"""Everybody who gets mail: people, list servers, service desks and other mail servers, who answer it as
such do. However fast they turn, they send so many messages and no more."""

import collections
import dataclasses
import queue
import threading

from .waiting import wait_until

MOST_LETTERS = 60
CLIENT = 200
LOOKS = 3


@dataclasses.dataclass(frozen=True)
class Letter:
    """A message that an actor sends. `client`: the number of the machine that it comes from."""

    sender: str
    recipients: tuple
    octets: bytes
    client: int = CLIENT


class World:
    """What the sink takes goes to the actors of its recipients, and what they say to it goes to the
    mail server `mta`. An actor is a function: of a Delivery, to a list of Letters."""

    def __init__(self, mta, sink, actors=None, absent=()):
        self._mta, self._sink = mta, sink
        self._actors = actors or {}
        self._absent = set(absent)
        self._outbox = queue.Queue()
        self._lock = threading.Lock()
        self._unsent = 0
        self.letters = 0
        self.replies = []
        self.taken = collections.defaultdict(list)

    def __enter__(self):
        self._watch = self._sink.watched_by(self)
        self._watch.__enter__()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *problem):
        self._outbox.put(None)
        self._thread.join(60)
        self._watch.__exit__(*problem)

    def refuses(self, address):
        return address in self._absent

    def react(self, delivery):
        for recipient in delivery.recipients:
            with self._lock:
                self.taken[recipient].append(delivery)
            for letter in self._actors.get(recipient, silent)(delivery):
                self.send(letter)

    def send(self, letter):
        """Has the letter sent soon, unless there were enough."""
        with self._lock:
            if self.letters == MOST_LETTERS:
                return
            self.letters += 1
            self._unsent += 1
        self._outbox.put(letter)

    def _carry(self):
        for letter in iter(self._outbox.get, None):
            reply = self._hand_over(letter)
            with self._lock:
                self.replies.append((letter, reply))
                self._unsent -= 1

    def _hand_over(self, letter):
        """The reply that decided about the letter; a recipient that is refused gets nothing."""
        with self._mta.connect(letter.client) as session:
            replies = [session.mail(letter.sender)]
            replies += [session.rcpt(each) for each in letter.recipients if replies[0].code == 250]
            if any(reply.code == 250 for reply in replies[1:]):
                replies.append(session.data(letter.octets))
            return replies[-1]

    def run_down(self, timeout=60):
        """Waits until nobody has anything more to say and the mail server nothing to deliver."""
        wait_until(self._is_quiet, timeout, lambda: f"the mail comes to rest:\n{self._mta.log_tail()}")
        return self

    def _is_quiet(self):
        """Looks more than once: a message on its way from one queue of the mail server to the next may
        not be seen."""
        before = self._state()
        return all(self._unsent == 0 and self._mta.active() == 0 for _ in range(LOOKS)) and before == self._state()

    def _state(self):
        with self._lock:
            return self.letters, len(self.replies), sum(map(len, self.taken.values()))

    def refusals(self):
        """The lines of the replies that were not 250."""
        return [reply.line for _, reply in self.replies if reply.code != 250]

    def ran_away(self):
        return self.letters == MOST_LETTERS


def silent(_):
    return []
