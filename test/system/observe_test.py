# SPDX-License-Identifier: BSD-2-Clause
"""mode = observe: all is logged, and nothing is refused, restricted or changed."""

import pytest

from harness.site import both
from harness.smtp import message, new_token, require

RESTRICTED, DENIED, LISTED = 10, 11, 40
LIST, ADMIN = "team@test.example", "admin@test.example"


@pytest.fixture(scope="module")
def store(site):
    return site.directory("badmail-observed")


@pytest.fixture(scope="module", autouse=True)
def daemon(site, store):
    users = site.base / "observed-users"
    users.write_text(f"user@test.example\nboard@test.example\n{LIST}\n")
    with site.sluice("mode = observe", *both("restrict-ip", RESTRICTED), *both("deny-ip", DENIED),
                     "dnsbl = listed bl.example", "dnsbl = marked bl.example action=mark",
                     "block-sender = evil@bad.example", "sender-action = badmail",
                     f"badmail-dir = {store}", "spoof-check = reject",
                     "block-recipient = closed@test.example", f"directory = file:{users}",
                     "harvest-limit = 1/1h",
                     "restrict-recipient = board@test.example only-from=*@good.example",
                     "max-size = 500", "max-messages = 1", "max-recipients = 5",
                     "max-hops = 1", f"list = {LIST} return-path=keep", "loop-action = reject",
                     f"notify = {ADMIN}", f"notify-relay = 127.0.0.1:{site.sink.port}") as daemon:
        yield daemon


@pytest.mark.parametrize("number, rule", [(RESTRICTED, "restrict-ip"), (DENIED, "deny-ip"),
                                          (LISTED, "dnsbl listed")])
def test_no_client_is_refused(site, daemon, mta, number, rule):
    start, token = daemon.log.position, new_token()
    delivery, = site.deliver(mta, message(token=token), token, client=number)
    assert delivery.header_lines("X-Sluice-Listed") == []
    daemon.wait_for_log(rf"{rule}", start=start)


def test_no_recipient_is_refused(daemon, mta):
    start = daemon.log.position
    with mta.connect() as session:
        require(session.mail(), 250)
        for recipient in ("closed", "nobody", "nobody2", "nobody3", "board", "user"):
            assert session.rcpt(f"{recipient}@test.example").code == 250
    for rule in ("block-recipient", "directory", "harvest-limit", "restrict-recipient",
                 "max-recipients"):
        daemon.wait_for_log(rule, start=start)


def test_no_message_is_refused_stored_or_changed(site, daemon, store, mta):
    start, token = daemon.log.position, new_token()
    fields = ["From: evil@bad.example, chief@test.example", "Received: by a.example; x",
              "Received: by b.example; x"]
    octets = message(*fields, token=token, body=b"long\r\n" * 100)
    with mta.connect() as session:
        for parameters in ("SIZE=9999", ""):
            require(session.mail("evil@bad.example", parameters), 250)
            require(session.rcpt("user@test.example"), 250)
            assert session.data(octets).code == 250
    for delivery in site.sink.wait_for(token.encode(), 2):
        assert b"X-Sluice" not in delivery.octets
        assert delivery.octets.endswith(octets.split(b"Subject:")[1])
    assert list((store / "new").glob("*")) == []
    for rule in ("block-sender", "max-size", "max-messages"):
        daemon.wait_for_log(rule, start=start)


def test_no_loop_is_cut_or_told(site, daemon, mta):
    """The operator wants to see in the log what would be done, and nobody is told that it was."""
    start = daemon.log.position
    for hops, recipient in ((1, LIST), (3, LIST), (1, "user@test.example")):
        received = [f"Received: by hop{number}.example; x" for number in range(hops)]
        last = daemon.log.position
        with mta.connect() as session:
            require(session.mail("someone@out.example"), 250)
            require(session.rcpt(recipient), 250)
            assert session.data(message(*received, "Message-ID: <post@out.example>")).code == 250
    daemon.wait_for_log("action=would-accept", start=last)
    text = daemon.log_text(start)
    assert 'would-refuse rule="loop: the post came back' in text
    assert "mail loop: " not in text  # what a notice comes with
