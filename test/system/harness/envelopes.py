# SPDX-License-Identifier: BSD-2-Clause
"""Transactions with the parameters of RFC 3461, as an author's mail server sends them and as they
come out on the other side."""

import re

from .smtp import require

PARAMETER = re.compile(r"(\w+)=(\S+)")
OF_AUTHOR = {"RET": "FULL", "ENVID": "of-the-author"}
WISHED = {"NOTIFY": "SUCCESS,FAILURE"}


def parameters_of(text, *names):
    """Those of the named parameters that the text has."""
    found = {key.upper(): value for key, value in PARAMETER.findall(text)}
    return {name: found[name] for name in names if name in found}


def envelope_of(delivery):
    """The sender with its parameters, and NOTIFY by recipient."""
    notify = {recipient: parameters_of(text, "NOTIFY")
              for recipient, text in zip(delivery.recipients, delivery.rcpt_parameters)}
    return delivery.sender, parameters_of(delivery.mail_parameters, "RET", "ENVID"), notify


def xtext(address):
    """RFC 3461 section 4."""
    return re.sub(r"[+=\s]", lambda match: f"+{ord(match[0]):02X}", address)


def one_transaction(session, sender, recipients, octets, dsn):
    """Sends to those recipients that are taken now; returns those that are put off."""
    of_mail = " RET=FULL ENVID=of-the-author" if dsn else ""
    require(session.command(f"MAIL FROM:<{sender}>{of_mail}"), 250)
    later = []
    for recipient in recipients:
        of_rcpt = f" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{xtext(recipient)}" if dsn else ""
        reply = session.command(f"RCPT TO:<{recipient}>{of_rcpt}")
        if reply.code == 452:
            later.append(recipient)
        else:
            require(reply, 250)
    require(session.data(octets), 250)
    return later


def post_in_turn(mta, sender, recipients, octets, dsn=False):
    """Sends one message to all of them, as a mail server does it whose recipients are put off in
    part. Returns how many transactions it took."""
    transactions = 0
    with mta.connect(200) as session:
        while recipients:
            recipients = one_transaction(session, sender, recipients, octets, dsn)
            transactions += 1
    return transactions


def key_file(site):
    """A file with a key of our own."""
    path = site.base / "keys"
    path.write_text("abc 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n")
    path.chmod(0o600)
    return path
