# SPDX-License-Identifier: BSD-2-Clause
"""sender-action = badmail: accepted, stored, not delivered, and never lost."""

import json
import os
import stat

import pytest

from harness.process import program, run
from harness.smtp import message, new_token, require

BLOCKED = "evil@bad.example"
LATER = "451 4.3.0 Message cannot be taken now"
OCTETS_OF_A_BIG_MESSAGE = 1_500_000
ODD_FIELDS = ["Subject:no space", "X-Odd:   three spaces", "X-Tab:\ttab", "X-Empty:",
              "X-Folded: a\r\n\tb\r\n   c", b"X-Eight-Bit: \xe4\xff"]
ODD_BODY = b".\r\n..two dots\r\n\r\n\xff\xfe 8 bit\r\n\r\n"


def settings(directory, *lines):
    return ["sender-action = badmail", f"badmail-dir = {directory}",
            f"block-sender = {BLOCKED}", *lines]


def stored(directory, token):
    """The stored messages with this token."""
    return [path for path in sorted((directory / "new").glob("*.eml"))
            if token.encode() in path.read_bytes()]


def leftovers(directory):
    return sorted((directory / "tmp").iterdir())


class TestStore:
    @pytest.fixture(scope="class")
    def store(self, site):
        return site.directory("badmail")

    @pytest.fixture(scope="class", autouse=True)
    def daemon(self, site, store):
        with site.sluice(*settings(store, "max-size = 100k",
                                   "block-recipient = closed@test.example")) as daemon:
            yield daemon

    def test_the_message_is_stored_as_it_was_sent(self, site, store, mta):
        token = new_token()
        octets = message(*ODD_FIELDS, token=token, body=ODD_BODY)
        with mta.connect(7) as session:
            reply = session.deliver(BLOCKED, ["user@test.example", "other@test.example"], octets)
            assert reply.code == 250
        path, = stored(store, token)
        assert path.read_bytes() == octets
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert leftovers(store) == []
        site.require_nothing_delivered(mta, token)

    def test_the_sidecar_tells_envelope_client_and_rule(self, store, mta):
        token = new_token()
        with mta.connect(7) as session:
            require(session.deliver(BLOCKED, ["user@test.example", "other@test.example"],
                                    message(token=token)), 250)
        path, = stored(store, token)
        sidecar = path.with_suffix(".json")
        assert stat.S_IMODE(sidecar.stat().st_mode) == 0o600
        content = json.loads(sidecar.read_text())
        assert content["sender"] == f"<{BLOCKED}>"
        assert content["recipients"] == ["<user@test.example>", "<other@test.example>"]
        assert content["clientAddress"] == mta.address(7)
        assert content["rule"] == f"block-sender {BLOCKED}"

    def test_a_blocked_author_in_the_header_is_enough(self, site, store, mta):
        token = new_token()
        with mta.connect() as session:
            octets = message(f"From: Evil <{BLOCKED}>", token=token)
            assert session.deliver("a@out.example", ["user@test.example"], octets).code == 250
        assert len(stored(store, token)) == 1
        site.require_nothing_delivered(mta, token)

    def test_other_mail_of_the_session_is_delivered(self, site, store, mta):
        bad, good = new_token(), new_token()
        with mta.connect() as session:
            require(session.deliver(BLOCKED, ["user@test.example"], message(token=bad)), 250)
            require(session.deliver("a@out.example", ["user@test.example"], message(token=good)), 250)
        assert len(stored(store, bad)) == 1
        assert stored(store, good) == []
        site.sink.wait_for(good.encode())

    def test_what_another_rule_refuses_is_not_stored(self, store, mta):
        token = new_token()
        with mta.connect() as session:
            require(session.mail(BLOCKED), 250)
            assert session.rcpt("closed@test.example").code == 550
            require(session.rcpt("user@test.example"), 250)
            octets = message(token=token, body=(b"x" * 70 + b"\r\n") * 2000)
            assert session.data(octets).line == "552 5.3.4 Message too large"
        assert stored(store, token) == []
        assert leftovers(store) == []

    def test_a_session_that_ends_within_a_message_leaves_nothing(self, daemon, store, mta):
        token = new_token()
        with mta.connect() as session:
            require(session.mail(BLOCKED), 250)
            require(session.rcpt("user@test.example"), 250)
            require(session.command("DATA"), 354)
            session.send(message(token=token) + b"no end\r\n" * 10)
        daemon.wait_for_no_sessions()
        assert stored(store, token) == []
        assert leftovers(store) == []


def test_a_full_quota_refuses_for_now(site, mta):
    directory = site.directory("badmail-quota")
    with site.sluice(*settings(directory, "badmail-quota = 20k")):
        accepted = []
        with mta.connect() as session:
            reply = None
            for _ in range(20):
                token = new_token()
                octets = message(token=token, body=b"x" * 70 + b"\r\n" + b"y" * 3000 + b"\r\n")
                reply = session.deliver(BLOCKED, ["user@test.example"], octets)
                if reply.code != 250:
                    break
                accepted.append(token)
            assert reply.line == LATER
            assert session.deliver("a@out.example", ["user@test.example"], message()).code == 250
        assert len(accepted) >= 3
        assert all(len(stored(directory, token)) == 1 for token in accepted)
        assert stored(directory, token) == []
        assert leftovers(directory) == []
        site.require_nothing_delivered(mta, token)


@pytest.fixture
def small_disk(site):
    """A directory on a file system of 1 MB."""
    directory = site.directory("badmail-disk")
    run(program("mount"), "-t", "tmpfs", "-o", "size=1m,mode=0755", "none", directory)
    yield directory
    run(program("umount"), directory)


def test_a_full_disk_refuses_for_now(site, mta, small_disk):
    token = new_token()
    body = b"z" * 70 + b"\r\n"
    octets = message(token=token, body=body * (OCTETS_OF_A_BIG_MESSAGE // len(body)))
    with site.sluice(*settings(small_disk)):
        with mta.connect() as session:
            reply = session.deliver(BLOCKED, ["user@test.example"], octets)
            assert reply.line == LATER
            assert stored(small_disk, token) == []
            assert leftovers(small_disk) == []
            site.require_nothing_delivered(mta, token)
            small = new_token()
            reply = session.deliver(BLOCKED, ["user@test.example"], message(token=small))
            assert reply.code == 250, "there is room for this one"
        assert len(stored(small_disk, small)) == 1


def test_a_retry_is_stored_once_there_is_room(site, mta, small_disk):
    token = new_token()
    octets = message(token=token, body=b"z" * 70 + b"\r\n")
    with site.sluice(*settings(small_disk)):
        filler = small_disk / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    os.write(file.fileno(), b"\0" * 4096)
            except OSError:
                pass
        with mta.connect() as session:
            assert session.deliver(BLOCKED, ["user@test.example"], octets).line == LATER
            filler.unlink()
            assert session.deliver(BLOCKED, ["user@test.example"], octets).code == 250
        assert len(stored(small_disk, token)) == 1
