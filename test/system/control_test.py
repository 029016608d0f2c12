# SPDX-License-Identifier: BSD-2-Clause
"""The control socket: what sluicectl shows of the running filter, and makes it do."""

import json
import os
import stat
import subprocess

import pytest

from harness.envelopes import envelope_of, key_file, post_in_turn
from harness.reports import delivery_report
from harness.smtp import message, new_token, require
from harness.waiting import wait_until

NEWS, TEAM = "news@test.example", "team@test.example"


@pytest.fixture(scope="module")
def control(site):
    return site.directory("control") / "control.sock"


def configuration(site, control, *more):
    return [f"control = unix:{control}", f"key-file = {key_file(site)}", f"list = {NEWS}",
            f"list = {TEAM} return-path=keep", "loop-action = discard", *more]


@pytest.fixture(scope="module", autouse=True)
def daemon(site, control):
    with site.sluice(*configuration(site, control)) as daemon:
        yield daemon
    assert not control.exists(), "it goes with the filter"


@pytest.fixture
def ctl(control):
    program = os.path.join(os.environ["SLUICE_BUILD"], "milter", "ctl", "sluicectl")

    def call(*words, status=0):
        done = subprocess.run([program, *words, "--control", str(control)], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done
        return done.stdout + done.stderr

    return call


def test_only_its_owner_may_use_it(control):
    assert stat.S_IMODE(control.stat().st_mode) == 0o600


def test_status(daemon, ctl):
    status = json.loads(ctl("status", "--json"))
    assert (status["pid"], status["mode"], status["lists"]) == (daemon.pid, "enforce", 2)
    assert status["store"] == {"kind": "memory", "available": True}
    assert "mode enforce" in ctl("status")


def test_status_counts_messages_and_refusals(site, ctl):
    def rates():
        return json.loads(ctl("status", "--json"))["rates"]
    before, token = rates(), new_token()
    site.deliver(site.mtas["postfix"], message(token=token), token)
    with site.mtas["postfix"].connect() as session:
        require(session.mail(""), 250)
        assert session.rcpt(TEAM).code == 550
    after = rates()
    for kind in ("messages", "refusals"):
        assert after[f"{kind}_hour"] == before[f"{kind}_hour"] + 1, (before, after)
        assert 1 <= after[f"{kind}_minute"] <= after[f"{kind}_hour"]
    assert f"last hour: {after['messages_hour']} messages, {after['refusals_hour']} refusals" in ctl("status")


def test_reload(site, daemon, control, ctl):
    daemon.write(site.configuration(*configuration(site, control, "mode = observe")))
    assert "in force" in ctl("reload")
    assert json.loads(ctl("status", "--json"))["mode"] == "observe"
    daemon.write(site.configuration(*configuration(site, control, "max-hops = many")))
    refused = ctl("reload", status=78)
    assert "max-hops" in refused and "many" in refused and str(daemon.config) in refused
    daemon.write(site.configuration(*configuration(site, control, *[f"deny-ip = bad{number}" for number in range(25)])))
    assert "and 5 more: --check shows all" in ctl("reload", status=78)
    assert json.loads(ctl("status", "--json"))["mode"] == "observe"
    daemon.write(site.configuration(*configuration(site, control)))
    ctl("reload")


def test_loops_are_listed_and_forgotten(ctl, mta):
    ctl("loops", "clear", "--all")
    for hops in (1, 3):
        received = [f"Received: by hop{number}.example; x" for number in range(hops)]
        with mta.connect() as session:
            require(session.mail("author@out.example"), 250)
            require(session.rcpt(TEAM), 250)
            require(session.data(message(*received, f"Message-ID: <{mta.name}@out.example>")), 250)
    loop, = json.loads(ctl("loops", "--json"))["loops"]
    assert loop["count"] == 1
    assert loop["label"].startswith(f"<author@out.example> to <{TEAM}> from ")
    assert f"<author@out.example> to <{TEAM}>" in ctl("loops")
    assert ctl("loops", "clear", loop["id"]) == "1 cleared\n"
    assert json.loads(ctl("loops", "--json"))["loops"] == []
    assert "is no id" in ctl("loops", "clear", "nonsense", status=65)


def test_failed_members_are_counted_from_reports_alone(site, ctl, mta):
    """Who writes to a signed return path by hand tells of no failure."""
    ctl("bounces", "clear", "--all")
    token = new_token()
    post_in_turn(mta, "author@out.example", [NEWS], message(token=token))
    delivery, = site.sink.wait_for(token.encode())
    signed = envelope_of(delivery)[0]
    report = delivery_report(signed, "Dead@out.example")
    for octets in (report, message("Subject: about <dead@out.example>"), report):
        with mta.connect() as session:
            require(session.mail(""), 250)
            require(session.rcpt(signed), 250)
            require(session.data(octets), 250)
    wait_until(lambda: json.loads(ctl("bounces", "--json")), 20, "the reports are counted")
    member, = json.loads(ctl("bounces", NEWS.upper(), "--json"))
    assert (member["label"], member["count"]) == (f"{NEWS} dead@out.example", 2)
    assert ctl("bounces", TEAM) == ""
    assert ctl("bounces", "clear", "--all") == "1 cleared\n"
