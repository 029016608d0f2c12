# SPDX-License-Identifier: BSD-2-Clause
"""sender-action = drop and hold."""

import pytest

from harness.smtp import message, new_token, require

BLOCKED = "evil@bad.example"


@pytest.fixture(scope="class")
def dropping(site):
    with site.sluice("sender-action = drop", f"block-sender = {BLOCKED}") as daemon:
        yield daemon


@pytest.mark.usefixtures("dropping")
class TestDrop:
    def test_at_mail(self, mta):
        with mta.connect() as session:
            assert session.mail(BLOCKED).line == "550 5.1.0 Sender denied"
            assert session.mail().line == "421 4.7.0 Closing connection"
            assert session.is_closed()

    def test_at_end_of_message(self, site, mta):
        token = new_token()
        with mta.connect() as session:
            octets = message(f"From: {BLOCKED}", token=token)
            reply = session.deliver("a@out.example", ["user@test.example"], octets)
            assert reply.line == "550 5.1.0 Sender denied"
            assert session.mail().status == "421 4.7.0"
            assert session.is_closed()
        site.require_nothing_delivered(mta, token)


@pytest.fixture(scope="class")
def holding(site):
    with site.sluice("sender-action = hold", f"block-sender = {BLOCKED}") as daemon:
        yield daemon
    for server in site.mtas.values():
        server.clear_queue()


@pytest.mark.usefixtures("holding")
class TestHold:
    @pytest.mark.parametrize("sender, fields", [(BLOCKED, ()), ("a@out.example", [f"From: {BLOCKED}"]),
                                                ("a@out.example", [f"Sender: {BLOCKED}"])])
    def test_the_message_waits_in_quarantine(self, site, mta, sender, fields):
        bad, good = new_token(), new_token()
        with mta.connect() as session:
            octets = message(*fields, token=bad)
            require(session.deliver(sender, ["user@test.example"], octets), 250)
            require(session.deliver("a@out.example", ["user@test.example"], message(token=good)), 250)
        site.sink.wait_for(good.encode())
        assert sum(bad.encode() in held for held in mta.held()) == 1
        assert not any(good.encode() in held for held in mta.held())
        assert not site.sink.deliveries(bad.encode())
