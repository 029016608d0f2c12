# SPDX-License-Identifier: BSD-2-Clause
"""What mail systems and mailboxes write by themselves: reports of failed deliveries in three forms, and
automatic answers."""

import re

from .smtp import message, new_token

MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^>]*>)")


def message_id(octets):
    """The first Message-ID in these octets, "" when there is none."""
    match = MESSAGE_ID.search(octets)
    return match.group(1).decode("latin-1") if match else ""


def lines(*texts):
    return b"".join(text.encode("latin-1") + b"\r\n" for text in texts)


def head_of(octets):
    return octets.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"


def delivery_report(to, failed, token="", original=b"Subject: lost\r\n\r\n"):
    """As RFC 3464 has it."""
    body = lines("--frontier", "Content-Type: text/plain", "", f"<{failed}> has no mailbox here.", "",
                 "--frontier", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.out.example",
                 "", f"Final-Recipient: rfc822; {failed}", "Action: failed", "Status: 5.1.1", "",
                 "--frontier", "Content-Type: text/rfc822-headers", "")
    return message(f"To: {to}", "From: Mail Delivery System <MAILER-DAEMON@mx.out.example>",
                   "Subject: Undelivered Mail Returned to Sender", "MIME-Version: 1.0",
                   "Auto-Submitted: auto-replied",
                   'Content-Type: multipart/report; report-type=delivery-status; boundary="frontier"',
                   token=token, body=body + head_of(original) + b"--frontier--\r\n")


def qmail_report(to, failed, token="", original=b"Subject: lost\r\n\r\n"):
    """As qmail-send writes it: text alone, the message behind it."""
    body = lines("Hi. This is the qmail-send program at mx.out.example.",
                 "I'm afraid I wasn't able to deliver your message to the following addresses.",
                 "This is a permanent error; I've given up. Sorry it didn't work out.", "", f"<{failed}>:",
                 "Sorry, no mailbox here by that name. (#5.1.1)", "",
                 "--- Below this line is a copy of the message.", "")
    return message(f"To: {to}", "From: MAILER-DAEMON@mx.out.example", "Subject: failure notice", token=token,
                   body=body + original)


def plain_report(to, failed, token="", original=b"Subject: lost\r\n\r\n"):
    """As an old gateway writes it: a text that quotes the head of the message."""
    quoted = b"".join(b"> " + line + b"\r\n" for line in head_of(original).rstrip().split(b"\r\n"))
    body = lines("The following message could not be delivered, for the user is unknown:", "", f"    {failed}", "")
    return message(f"To: {to}", "From: Postmaster <postmaster@mx.out.example>",
                   "Subject: Returned mail: user unknown", token=token, body=body + quoted)


REPORTS = {"rfc3464": delivery_report, "qmail": qmail_report, "plain": plain_report}


def out_of_office(sender, to, token="", original=b"", marked=True):
    """What a mailbox answers while its owner is away; `marked`: it says that no person wrote it."""
    fields = [f"To: {to}", f"From: Someone <{sender}>", "Subject: I am not here"]
    fields += [f"In-Reply-To: {message_id(original)}"] if message_id(original) else []
    fields += ["Auto-Submitted: auto-replied", "Precedence: bulk"] if marked else []
    return message(*fields, token=token or new_token(),
                   body=b"I am travelling and will read your mail on Monday next week.\r\n")
