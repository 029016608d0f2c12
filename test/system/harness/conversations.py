# SPDX-License-Identifier: BSD-2-Clause
"""What makes a node remember more than an ordinary message does: answers, loops and reports that come to
one node after the other."""

from .nodes import Mail
from .reports import delivery_report

NEWS, TEAM = "news@test.example", "team@test.example"
LISTS = (f"list = {NEWS}", f"list = {TEAM} return-path=keep")


def conversation(nodes, box="box@out.example"):
    """Two programs answer each other, and each message comes to the next node; the answers to it."""
    kinds, before = [], []
    for number in range(8):
        parties = ("desk@test.example", box)
        sender, recipient = parties if number % 2 else parties[::-1]
        body = f"Dear customer, {sender} has received your mail and will not look at it.\r\n".encode()
        fields = (("Subject", "Re: Your mail of today"), *(("In-Reply-To", each) for each in before))
        mail = Mail(sender, recipient, fields, body)
        kinds.append(nodes[number % len(nodes)].send(mail).kind)
        before = [mail.message_id]
    return kinds


def post_and_its_return(sender="author@out.example"):
    """A post to a list, and what it is when it has been around: no equal copy."""
    post = Mail(sender, TEAM)
    received = tuple(("Received", f"by hop{number}.example; x") for number in range(3))
    return post, Mail(sender, TEAM, received, post.body + b"--\r\nThe list of the team\r\n", post.token)


def fields_and_body(octets):
    head, body = octets.split(b"\r\n\r\n", 1)
    return tuple(tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")), body


def report_a_failed_member(nodes):
    """To each node."""
    signed, = [edit["address"].strip("<>") for edit in nodes[0].send(Mail(recipient=NEWS)).edits_of("chgfrom")]
    for node in nodes:
        fields, body = fields_and_body(delivery_report(signed, "dead@out.example"))
        assert node.send(Mail("", signed, fields, body)).kind == "continue"
