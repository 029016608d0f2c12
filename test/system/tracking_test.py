# SPDX-License-Identifier: BSD-2-Clause
"""The tracking log: what it tells of each message, and that mail does not wait for it."""

import json
import os
import subprocess

import pytest

from harness.envelopes import key_file
from harness.process import program, run
from harness.reports import delivery_report
from harness.site import both
from harness.smtp import message, new_token, require
from harness.waiting import wait_until

LISTED, BLOCKED, HELD = "news@test.example", "evil@bad.example", "odd@bad.example"


class Tracking:
    """The events in the file."""

    def __init__(self, path):
        self.path = path

    def events(self, token=None):
        if not self.path.exists():
            return []
        records = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [each for each in records if token is None or token in json.dumps(each)]

    def wait_for(self, count, token=None):
        wait_until(lambda: len(self.events(token)) >= count, 20, lambda: f"{count} of {self.events(token)}")
        found = self.events(token)
        assert len(found) == count, found
        return found


@pytest.fixture(scope="module")
def directory(site):
    return site.directory("tracking")


@pytest.fixture(scope="module")
def tracking(directory):
    return Tracking(directory / "tracking.log")


def configuration(site, directory, *more):
    return [f"tracking-log = {directory}/tracking.log", f"key-file = {key_file(site)}", f"list = {LISTED}",
            "bounce-domain = bounces.test.example", "loop-action = discard", "sender-action = hold",
            f"block-sender = {HELD}", "block-recipient = closed@test.example", "track-subjects = yes",
            f"control = unix:{directory}/control.sock", *both("deny-ip", 66), *more]


class TestEvents:
    @pytest.fixture(scope="class", autouse=True)
    def daemon(self, site, directory):
        with site.sluice(*configuration(site, directory)) as daemon:
            yield daemon

    def test_a_message_that_is_taken(self, site, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            octets = message("From: Ted <ted@out.example>", f"Subject: about {token}",
                             f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver("bounce@out.example", ["user@test.example", "other@test.example"], octets), 250)
        received, = tracking.wait_for(1, token)
        assert received["event"] == "RECEIVE"
        assert received["message_id"] == f"<{token}@out.example>"
        assert received["client"] == mta.address(7)
        assert received["sender"] == "ted@out.example"
        assert received["return_path"] == "bounce@out.example"
        assert received["recipients"] == ["user@test.example", "other@test.example"]
        assert received["subject"] == f"about {token}"
        assert received["class"] == "ordinary"
        assert received["stage"] == "message"
        assert received["queue_id"] and received["node"] and received["octets"] > 100

    def test_a_post_to_a_list_shows_both_return_paths(self, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            octets = message(f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver("ted@out.example", [LISTED], octets), 250)
        received, transferred = tracking.wait_for(2, token)
        assert (received["event"], transferred["event"]) == ("RECEIVE", "TRANSFER")
        assert received["return_path"] == transferred["return_path_before"] == "ted@out.example"
        assert transferred["return_path"].startswith("news-bounces+")
        assert transferred["recipients"] == [LISTED]
        assert transferred["rule"] == f"list {LISTED}"
        assert received["queue_id"] == transferred["queue_id"]

    def test_a_report_to_a_list_goes_elsewhere(self, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            require(session.deliver(f"{token}@out.example", [LISTED],
                                    delivery_report(LISTED, "gone@out.example", token,
                                                    f"Message-ID: <{token}@test.example>\r\n\r\n".encode())), 250)
        received, redirected, discarded = tracking.wait_for(3, token)
        assert received["class"] == "report"
        assert received["return_path"] == f"{token}@out.example"
        assert (redirected["event"], discarded["event"]) == ("REDIRECT", "DISCARD")
        assert redirected["recipients"] == [LISTED]

    def test_refusals(self, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            require(session.mail(f"{token}@out.example"), 250)
            assert session.rcpt("closed@test.example").code == 550
        with mta.connect(66) as session:
            assert session.mail(f"{token}@out.example").line == "554 5.7.1 Access denied"
        first, second = tracking.wait_for(2, token)
        assert (first["event"], first["stage"], first["recipients"]) == ("REFUSE", "rcpt", ["closed@test.example"])
        assert first["rule"] == "block-recipient closed@test.example"
        assert first["reply"].startswith("550 5.1.1 ") or first["reply"].startswith("550 5.7.1 ")
        assert second["client"] == mta.address(66)
        assert second["rule"].startswith("deny-ip ")

    def test_a_held_message(self, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            octets = message(f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver(HELD, ["user@test.example"], octets), 250)
        received, held = tracking.wait_for(2, token)
        assert (received["event"], held["event"]) == ("RECEIVE", "HOLD")
        assert held["rule"] == f"block-sender {HELD}"
        assert held["queue_id"] == received["queue_id"]

    def test_copies_of_a_post(self, mta, tracking):
        """The same post, again and again."""
        token = new_token()
        with mta.connect(7) as session:
            octets = message(f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver("ted@out.example", [LISTED], octets), 250)
            for _ in range(8):
                require(session.deliver("ted@out.example", [LISTED], octets), 250)
        wait_until(lambda: any(each["event"] in ("DUPLICATE", "LOOP") for each in tracking.events(token)), 20,
                   lambda: f"the copies are cut: {tracking.events(token)}")

    def test_hostile_text_does_no_harm(self, mta, tracking):
        token = new_token()
        with mta.connect(7) as session:
            octets = message(b'Message-ID: <"\\\x1b[31m\xff' + token.encode() + b'>', token=token)
            require(session.deliver("ted@out.example", ["user@test.example"], octets), 250)
        tracking.wait_for(1, token)
        for octet in tracking.path.read_bytes():
            assert octet == 10 or 32 <= octet < 127

    @pytest.mark.parametrize("good", [True, False], ids=["reloaded", "reload-refused"])
    def test_a_file_that_was_moved_is_made_anew(self, daemon, mta, tracking, good):
        moved = tracking.path.with_suffix(".moved")
        tracking.path.rename(moved)
        before = daemon.config.read_bytes()
        accepted, lines = daemon.reload(before if good else before + b"max-size = many\n")
        daemon.write(before)
        assert accepted == good, lines
        wait_until(tracking.path.exists, 20, "the file is there again")
        token = new_token()
        with mta.connect(7) as session:
            octets = message(f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver("ted@out.example", ["user@test.example"], octets), 250)
        tracking.wait_for(1, token)


def test_what_is_only_observed_says_so(site, directory, tracking, mta):
    token = new_token()
    with site.sluice(*configuration(site, directory, "mode = observe")):
        with mta.connect(66) as session:
            octets = message(f"Message-ID: <{token}@out.example>", token=token)
            require(session.deliver(f"{token}@out.example", ["user@test.example"], octets), 250)
        refusal, received = tracking.wait_for(2, token)
    assert (refusal["event"], refusal["observed"]) == ("REFUSE", True)
    assert received["event"] == "RECEIVE"
    assert "observed" not in received


def test_the_end_of_the_filter_loses_nothing(site, directory, tracking, mta):
    token = new_token()
    with site.sluice(*configuration(site, directory)):
        with mta.connect(7) as session:
            for _ in range(5):
                octets = message(f"Message-ID: <{token}@out.example>", token=new_token())
                require(session.mail(f"{token}@out.example"), 250)
                require(session.rcpt("user@test.example"), 250)
                require(session.data(octets), 250)
    assert len(tracking.events(token)) >= 5


@pytest.fixture
def small_disk(site):
    directory = site.directory("tracking-disk")
    run(program("mount"), "-t", "tmpfs", "-o", "size=256k,mode=0755", "none", directory)
    yield directory
    run(program("umount"), directory)


def status(directory):
    program = os.path.join(os.environ["SLUICE_BUILD"], "milter", "ctl", "sluicectl")
    done = subprocess.run([program, "status", "--json", "--control", f"{directory}/control.sock"],
                          capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["tracking"]


def test_mail_flows_when_the_disk_is_full(site, small_disk, mta):
    filler = small_disk / "filler"
    full, after = new_token(), new_token()
    with site.sluice(*configuration(site, small_disk)) as daemon:
        with open(filler, "wb") as file:
            try:
                while True:
                    os.write(file.fileno(), b"\0" * 4096)
            except OSError:
                pass
        with mta.connect(7) as session:
            for _ in range(60):
                require(session.mail(f"{full}@out.example"), 250)
                assert session.rcpt("closed@test.example").code == 550
                require(session.command("RSET"), 250)
            octets = message(f"Message-ID: <{full}@out.example>", token=full)
            require(session.deliver("ted@out.example", ["user@test.example"], octets), 250)
            wait_until(lambda: status(small_disk)["dropped"] > 0, 20, "lines are dropped")
            daemon.wait_for_log("tracking log: .*No space left on device; lines dropped so far: ")
            filler.unlink()
            octets = message(f"Message-ID: <{after}@out.example>", token=after)
            require(session.deliver("ted@out.example", ["user@test.example"], octets), 250)
        good = 0

        def written():
            nonlocal good
            good = 0
            for line in (small_disk / "tracking.log").read_text().splitlines():
                try:
                    good += after in json.dumps(json.loads(line))
                except ValueError:
                    assert line.startswith("{"), "half a line, at most"
            return good > 0
        wait_until(written, 20, "what comes later is written")


@pytest.mark.parametrize("line, what", [
    ("tracking-log = relative.log", "no absolute path"),
    ("tracking-log = /nowhere/at/all/t.log", "No such file"),
    ("tracking-log = /dev/null", "no regular file"),
    ("tracking-days = 0", "0 is not between 1 and 3650"),
    ("tracking-days = many", "many"),
    ("track-subjects = perhaps", "perhaps"),
])
def test_wrong_settings(site, line, what):
    from harness.sluice import run_once
    path = site.base / "tracking.conf"
    path.write_text(site.configuration(line))
    done = run_once("--config", path, "--check")
    assert done.returncode == 78
    assert what in done.stderr + done.stdout
    assert "tracking.conf:" in done.stderr + done.stdout
