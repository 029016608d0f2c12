# SPDX-License-Identifier: BSD-2-Clause
"""Those who take part in the incidents. Each is a function that takes a Delivery and says what comes of
it."""

import itertools
import re

from .reports import message_id, out_of_office
from .smtp import message, new_token
from .world import Letter

SUBJECT = re.compile(rb"(?im)^subject:[ \t]*(.*?)\r?$")
SENDER = re.compile(rb"(?im)^from:.*?([^\s<>]+@[^\s<>]+)")


def subject_of(delivery):
    match = SUBJECT.search(delivery.octets)
    return match.group(1).decode("latin-1") if match else ""


def author_of(delivery):
    """Who From: says has written it; some answer to that and not to the return path."""
    match = SENDER.search(delivery.octets)
    return match.group(1).decode("latin-1") if match else ""


def list_server(address, members, return_path=None):
    """Sends a copy to each member from `return_path`; None: from whom the post says it is."""
    def expand(delivery):
        sender = delivery.sender if return_path is None else return_path
        copy = f"X-Loop: {address}\r\n".encode() + delivery.octets
        return [Letter(sender, (member,), copy) for member in members]
    return expand


def dead_mailbox(address, report):
    """A remote mail server that has taken the message and then finds no mailbox. Some report even what
    came without a sender, to whom the header names."""
    def answer(delivery):
        to = delivery.sender or author_of(delivery)
        return [Letter("", (to,), report(to, address, original=delivery.octets), client=201)]
    return answer


def away_and_answers_all(address, to, marked, itself_too=False):
    """One that answers to the list, whatever the return path is; `itself_too`: even its own answers."""
    def answer(delivery):
        if author_of(delivery) == address and not itself_too:
            return []
        octets = out_of_office(address, to, original=delivery.octets, marked=marked)
        return [Letter(address, (to,), octets, client=203)]
    return answer


def responder(address, partner, text, client, subject="Re: {subject}", fields=(), threaded=True):
    """A program that answers each message of its partner with the same text; {number} counts in it."""
    count = itertools.count(1)

    def answer(delivery):
        number = next(count)
        words = {"number": number, "subject": subject_of(delivery), "id": message_id(delivery.octets)}
        lines = [f"From: <{address}>", f"To: <{partner}>", "Subject: " + subject.format(**words), *fields]
        lines += [f"In-Reply-To: {words['id']}"] if threaded else []
        octets = message(*lines, token=new_token(), body=text.format(**words).encode() + b"\r\n")
        return [Letter(address, (partner,), octets, client=client)]
    return answer


def forwarding_system(domain, client):
    """A mail server that sends what it does not know where it thinks that it belongs: back."""
    def forward(delivery):
        trace = f"Received: from mx.test.example by peer.{domain}; Mon, 06 Jul 2026 10:00:00 +0000\r\n"
        return [Letter(delivery.sender, tuple(delivery.recipients), trace.encode() + delivery.octets, client=client)]
    return forward
