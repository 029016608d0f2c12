# SPDX-License-Identifier: BSD-2-Clause
"""A soak in short, see scripts/soak: each scene once, with one death of Redis and one bad reload. And
whether its checks see what they are there for."""

import math

import pytest

from harness.sink import Delivery
from harness.smtp import Reply
from harness.soak import Soak
from harness.soak_faults import FEW_FAULTS
from harness.soak_ledger import Ledger
from harness.soak_site import SoakSite
from harness.soak_watch import MEGABYTE, trend_of

USER, OTHER, ADMIN = "user@test.example", "other@test.example", "admin@test.example"
QUEUED = Reply(250, ("2.0.0 Ok: queued as 4aBcD",))


def test_nothing_grows_is_lost_or_runs_away():
    with SoakSite() as site:
        soak = Soak(site, FEW_FAULTS, rounds=1, pause=4, lasting=1.5)
        assert soak.run(), soak.problems
        site.daemon.require_no_sanitizer_report()


# the checks

def event(name, **fields):
    return {"event": name, "queue_id": "4aBcD", "recipients": [USER], **fields}


def delivery(*recipients, queue_id="4aBcD"):
    trace = f"Received: from c\r\n\tby mx.test.example (Postfix) with ESMTP id {queue_id}\r\n\tfor <{USER}>; x\r\n"
    return Delivery("a@out.example", list(recipients), trace.encode() + b"\r\nHello.\r\n")


def story(*events, deliveries=(), accepted=True):
    """What the ledger finds wrong."""
    ledger = Ledger(notices_to=ADMIN)
    if accepted:
        ledger.accepted(QUEUED, [USER])
    for each in events:
        ledger.tracked(each)
    for each in deliveries:
        ledger.delivered(each)
    return "; ".join(ledger.troubles())


RECEIVED, REDIRECTED = event("RECEIVE"), event("REDIRECT", becomes=OTHER)
HELD, DISCARDED = event("LOOP", action="hold"), event("DISCARD", action="discard")


@pytest.mark.parametrize("events, deliveries", [
    ((RECEIVED,), (delivery(USER),)),
    ((RECEIVED, REDIRECTED), (delivery(OTHER),)),
    ((RECEIVED, event("REDIRECT"), DISCARDED), ()),
    ((RECEIVED, HELD), ()),
    ((), (delivery(USER),)),  # its lines were dropped
])
def test_a_story_that_fits(events, deliveries):
    assert story(*events, deliveries=deliveries) == ""


@pytest.mark.parametrize("events, deliveries, trouble", [
    ((RECEIVED,), (), "it never came to ['user@test.example']"),
    ((), (), "it never came to"),
    ((RECEIVED,), (delivery(USER), delivery(USER)), "twice"),
    ((RECEIVED,), (delivery(USER, OTHER),), "and not to"),
    ((RECEIVED, REDIRECTED), (delivery(USER),), "and not to"),
    ((RECEIVED, HELD), (delivery(USER),), "and not to [] alone (held)"),
    ((RECEIVED, DISCARDED), (delivery(USER),), "and not to [] alone (discarded)"),
    ((RECEIVED, event("REDIRECT")), (), "nobody knows"),
    ((RECEIVED, RECEIVED), (delivery(USER),), "received twice"),
    ((RECEIVED,), (delivery(USER), Delivery("", [USER], b"\r\n")), "nobody has sent"),
])
def test_a_story_that_does_not_fit(events, deliveries, trouble):
    assert trouble in story(*events, deliveries=deliveries)


def test_notices_come_from_the_filter_itself():
    assert story(RECEIVED, deliveries=(delivery(USER), Delivery("", [ADMIN], b"\r\n"))) == ""


def points(value):
    return [(float(each), value(each)) for each in range(400)]


@pytest.mark.parametrize("value, flat", [
    (lambda at: 30, True),
    (lambda at: 30 + 12 * math.sin(at), True),
    (lambda at: min(30, at), True),  # a warm-up
    (lambda at: 30 + at / 10, False),
    (lambda at: 30 + (60 if at > 250 else 0), False),
], ids=["still", "noise", "warm-up", "leak", "step"])
def test_what_is_flat(value, flat):
    assert trend_of("descriptors", points(value)).is_flat() == flat


def test_memory_that_leaks():
    assert not trend_of("memory", points(lambda at: 40 * MEGABYTE + at * MEGABYTE // 16)).is_flat()
    assert trend_of("memory", points(lambda at: 40 * MEGABYTE + at % 7 * MEGABYTE)).is_flat()
