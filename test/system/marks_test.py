# SPDX-License-Identifier: BSD-2-Clause
"""What the daemon adds to a message, and that it changes nothing else."""

import re

import pytest

from harness.smtp import message, new_token, require

LISTED = 40


@pytest.fixture(scope="module", autouse=True)
def daemon(site):
    with site.sluice("dnsbl = marked bl.example action=mark",
                     "dnsbl = watched bl.example action=observe",
                     "dnsbl = also second.example action=mark",
                     "dnsbl-exempt = exempt@test.example",
                     "spoof-check = mark") as daemon:
        yield daemon


ODD_FIELDS = ["Subject:no space", "X-Odd:   three spaces", "X-Tab:\ttab", "X-Empty:",
              "X-Folded: a\r\n\tb\r\n   c", b"X-Eight-Bit: \xe4\xff", "X-Percent: 100% %s %n"]
ODD_BODY = b".\r\n..two dots\r\n\r\n\xff\xfe 8 bit\r\n" + b"long " * 150 + b"\r\n"


def without_trace(head):
    """The header section without what is put on top: the stamp, and the server's Received: line."""
    lines = head.split(b"\r\n")
    while lines[0].startswith((b"X-Sluice-Trace:", b"Received:", b" ", b"\t")):
        lines.pop(0)
    return b"\r\n".join(lines)


def test_an_ordinary_message_passes_unchanged(site, mta):
    token = new_token()
    octets = message(*ODD_FIELDS, token=token, body=ODD_BODY)
    delivery, = site.deliver(mta, octets, token)
    assert without_trace(delivery.head) + b"\r\n" + delivery.body == octets


def test_every_message_gets_one_stamp_on_top(site, mta):
    token = new_token()
    delivery, = site.deliver(mta, message(token=token), token)
    stamp, = delivery.header_lines("X-Sluice-Trace")
    assert re.fullmatch(rb"X-Sluice-Trace: 1 [a-z2-7 ]{30,58}\r\n", stamp)
    assert delivery.head.index(stamp) < delivery.head.index(b"From:")


def test_a_listed_client_is_marked_once(site, mta):
    token = new_token()
    octets = message(*ODD_FIELDS, token=token, body=ODD_BODY)
    recipients = ["user@test.example", "other@test.example", "exempt@test.example"]
    delivery, = site.deliver(mta, octets, token, recipients, client=LISTED)
    assert delivery.header_lines("X-Sluice-Listed") == [b"X-Sluice-Listed: marked\r\n"]
    rest = delivery.octets.replace(b"X-Sluice-Listed: marked\r\n", b"")
    head, body = rest.split(b"\r\n\r\n", 1)
    assert without_trace(head) + b"\r\n\r\n" + body == octets


def test_a_message_to_exempt_recipients_only_is_not_marked(site, mta):
    token = new_token()
    delivery, = site.deliver(mta, message(token=token), token, ["exempt@test.example"],
                             client=LISTED)
    assert delivery.header_lines("X-Sluice-Listed") == []


def test_marks_of_one_message_do_not_stay_for_the_next(site, mta):
    first, second = new_token(), new_token()
    with mta.connect(LISTED) as session:
        octets = message("From: chief@test.example", token=first)
        require(session.deliver("a@out.example", ["user@test.example"], octets), 250)
        octets = message(token=second)
        require(session.deliver("a@out.example", ["exempt@test.example"], octets), 250)
    delivery, = site.sink.wait_for(first.encode())
    assert delivery.header_lines("X-Sluice-Spoof") == [b"X-Sluice-Spoof: test.example\r\n"]
    delivery, = site.sink.wait_for(second.encode())
    assert delivery.header_lines("X-Sluice-Spoof") == []
    assert delivery.header_lines("X-Sluice-Listed") == []


def test_an_own_domain_in_from_is_marked_once(site, mta):
    token = new_token()
    octets = message("From: Chief <chief@test.example>, clerk@TEST.example", token=token)
    delivery, = site.deliver(mta, octets, token)
    assert delivery.header_lines("X-Sluice-Spoof") == [b"X-Sluice-Spoof: test.example\r\n"]


def test_what_two_rules_found_is_marked_for_both(site, mta):
    token = new_token()
    delivery, = site.deliver(mta, message(token=token), token, client=42)
    assert sorted(delivery.header_lines("X-Sluice-Listed")) == [
        b"X-Sluice-Listed: also\r\n", b"X-Sluice-Listed: marked\r\n"]


def test_an_observed_listing_is_logged(site, daemon, mta):
    start, token = daemon.log.position, new_token()
    site.deliver(mta, message(token=token), token, client=LISTED)
    daemon.wait_for_log(r"watched", start=start)
