# SPDX-License-Identifier: BSD-2-Clause
"""SIGUSR1: a new configuration for new sessions, or the old one for all."""

import pytest

from harness.site import both
from harness.smtp import message, require

DENIED = 11


@pytest.fixture
def table(site):
    path = site.base / "denied"
    path.write_text("203.0.113.0/24 note=\"nobody\"\n")
    return path


@pytest.fixture
def daemon(site, table):
    with site.sluice(f"deny-ip = @{table}", "block-sender = evil@bad.example") as daemon:
        yield daemon


def mail_code(mta, number, sender="a@out.example"):
    with mta.connect(number) as session:
        return session.mail(sender).code


def test_a_changed_table_counts_for_new_sessions(daemon, table, mta):
    assert mail_code(mta, DENIED) == 250
    with mta.connect(DENIED) as before:
        table.write_text(f"{mta.address(DENIED)} expires=2099-12-31 note=\"a test\"  # comment\n")
        accepted, _ = daemon.reload()
        assert accepted
        assert mail_code(mta, DENIED) == 554
        assert before.mail().code == 250, "no session sees half a reload"
    table.write_text(f"# empty\n{mta.address(DENIED)} expires=2001-01-01\n")
    assert daemon.reload()[0]
    assert mail_code(mta, DENIED) == 250, "the entry has expired"


def test_a_changed_option_counts_for_new_sessions(site, daemon, mta):
    assert mail_code(mta, 1, "evil@bad.example") == 550
    assert daemon.reload(site.configuration("block-sender = other@bad.example"))[0]
    assert mail_code(mta, 1, "evil@bad.example") == 250
    assert mail_code(mta, 1, "other@bad.example") == 550


def test_a_reload_may_add_what_needs_other_milter_steps(site, daemon, mta):
    """A session keeps what it has negotiated, one that starts later has the rest."""
    assert daemon.reload(site.configuration("mode = enforce"))[0]
    with mta.connect() as before:
        require(before.mail(), 250)
        assert daemon.reload(site.configuration("spoof-check = reject", "max-size = 1k",
                                                "block-recipient = closed@test.example"))[0]
        require(before.rcpt("closed@test.example"), 250)
        assert before.data(message("From: x@test.example", body=b"x\r\n" * 1000)).code == 250
        assert before.deliver("a@out.example", ["closed@test.example"], message()).code == 250
        with mta.connect() as after:
            require(after.mail(), 250)
            assert after.rcpt("closed@test.example").code == 550
            require(after.rcpt("user@test.example"), 250)
            assert after.data(message("From: x@test.example")).code == 550


def test_a_bad_configuration_leaves_the_old_one_in_force(site, daemon, mta):
    with mta.connect() as session:
        require(session.mail(), 250)
        accepted, lines = daemon.reload(site.configuration("block-sender = nonsense",
                                                           "max-size = many"))
        assert not accepted
        text = "\n".join(lines)
        assert "nonsense" in text and "many" in text, "all problems are named"
        assert mail_code(mta, 1, "evil@bad.example") == 550
        require(session.rcpt("user@test.example"), 250)
        assert session.data(message()).code == 250
    assert daemon.reload(site.configuration(*both("deny-ip", DENIED)))[0]
    assert mail_code(mta, DENIED) == 554


def test_many_reloads_in_a_row(site, daemon, mta):
    with mta.connect() as session:
        for _ in range(20):
            assert daemon.reload()[0]
            assert session.mail().code == 250
            require(session.command("RSET"), 250)
        assert session.deliver("a@out.example", ["user@test.example"], message()).code == 250


def test_what_a_reload_cannot_change_is_said(site, daemon, mta):
    start = daemon.log.position
    assert daemon.reload(site.configuration("socket = unix:/run/elsewhere.sock",
                                            "block-sender = other@bad.example"))[0]
    daemon.wait_for_log(r"warning config: .*socket", start=start)
    assert mail_code(mta, 1, "other@bad.example") == 550
