# SPDX-License-Identifier: BSD-2-Clause
"""Mail of several kinds that goes on until a block ends, each answer judged as a mail server takes it."""

import collections
import dataclasses
import threading
import time

from milter_client import MilterClient, MilterError

from .nodes import Mail
from .waiting import wait_until

BLOCKED, CLOSED, TEAM = "evil@bad.example", "closed@test.example", "team@test.example"
CLIENT = "192.0.2.7"
PAUSE_SECONDS = 0.005
PUT_OFF, BROKEN_OFF, WRONG = "put off", "broken off", "wrong"


def configuration(badmail):
    """What the kinds of mail below need."""
    return (f"block-sender = {BLOCKED}", "sender-action = badmail", f"badmail-dir = {badmail}",
            f"block-recipient = {CLOSED}", f"list = {TEAM} return-path=null")


def is_taken(reply):
    return reply.kind == "continue" and any(each["name"] == "X-Sluice-Trace" for each in reply.edits_of("insheader"))


# The only end of each kind but to be put off, and its name.
KINDS = {
    "taken": (lambda: Mail(), is_taken),
    "sent to the list": (lambda: Mail(recipient=TEAM),
                         lambda reply: is_taken(reply) and [each["address"] for each in reply.edits_of("chgfrom")] == ["<>"]),
    "stored": (lambda: Mail(sender=BLOCKED), lambda reply: reply.kind == "discard"),
    "refused": (lambda: Mail(recipient=CLOSED), lambda reply: reply.code == 550 and reply.enhanced in ("5.7.1", "5.1.1")),
}


@dataclasses.dataclass(frozen=True)
class Answer:
    kind: str
    end: str  # the kind, PUT_OFF, BROKEN_OFF or WRONG
    seconds: float
    mail: Mail
    reply: object


class MailSession:
    """A connection that is opened again when the filter has ended it."""

    def __init__(self, socket, patience=30.0):
        self._socket, self._patience = socket, patience
        self._client = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._client:
            self._client.close()
        self._client = None

    def send(self, kind):
        make, is_right = KINDS[kind]
        mail, began, reply = make(), time.monotonic(), None
        try:
            reply = self._reply(mail)
            end = kind if is_right(reply) else PUT_OFF if self._is_put_off(reply) else WRONG
        except MilterError as error:
            reply, end = error, BROKEN_OFF
            self.close()
        return Answer(kind, end, time.monotonic() - began, mail, reply)

    @staticmethod
    def _is_put_off(reply):
        return reply.kind == "tempfail" or reply.line == "451 4.3.0 Temporary failure of the filter" or \
            reply.line == "451 4.3.0 Message cannot be taken now"

    def _reply(self, mail):
        reply = self._greet() if self._client is None else None
        if reply is not None:
            return reply
        client = self._client
        reply = client.mail(f"<{mail.sender}>")
        reply = client.rcpt(f"<{mail.recipient}>") if reply.proceeds else reply
        if reply.proceeds:
            reply = client.message(mail.headers, mail.body)
        if not reply.proceeds and reply.kind != "discard":
            client.abort()
        return reply

    def _greet(self):
        """The answer that ends the session already."""
        self._client = MilterClient(f"unix:{self._socket}", timeout=self._patience)
        self._client.negotiate()
        for ask in (lambda: self._client.conn("client.example", CLIENT), lambda: self._client.helo("client.example")):
            reply = ask()
            if not reply.proceeds:
                self.close()
                return reply
        return None


class MailLoad:
    """Until the block ends, so many sessions send mail of each kind in turn."""

    def __init__(self, socket, sessions=4, kinds=tuple(KINDS), patience=30.0):
        self.answers = []
        self._problems = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(socket, number, kinds, patience), daemon=True)
                         for number in range(sessions)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()
        assert not self._problems, self._problems

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self, socket, number, kinds, patience):
        try:
            with MailSession(socket, patience) as session:
                while not self._over.wait(PAUSE_SECONDS):
                    self.answers.append(session.send(kinds[number % len(kinds)]))
                    number += 1
        except Exception as problem:  # whatever it is, the test has failed
            self._problems.append(problem)

    def wait_for_more(self, count=40, end=None):
        """So many answers (with this end) after those up to now."""
        start = len(self.answers)
        wait_until(lambda: self._problems or len(self.ends(start, end)) >= count, 60,
                   lambda: f"{count} more: {self.summary(start)}")

    def ends(self, start=0, end=None):
        return [each for each in self.answers[start:] if end in (None, each.end)]

    def summary(self, start=0):
        """How often each kind of mail had each end."""
        return collections.Counter((each.kind, each.end) for each in self.answers[start:])

    def longest(self, start=0):
        return max(each.seconds for each in self.answers[start:])

    def require_nothing_wrong(self, badmail):
        """No refusal by accident, no edit without the others, and what was discarded is stored."""
        assert not self.ends(end=WRONG), self.ends(end=WRONG)[:5]
        there = b"".join(path.read_bytes() for path in (badmail / "new").glob("*.eml"))
        lost = [each for each in self.ends(end="stored") if each.mail.token.encode() not in there]
        assert not lost, lost[:5]

    def require_all_well(self, start):
        """Since the answer number `start` nothing was put off."""
        assert not [each for each in self.answers[start:] if each.end != each.kind], self.summary(start)
