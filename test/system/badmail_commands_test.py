# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl beside a running filter: stored mail is listed, shown, released and deleted, and the
lists that the filter asks are tested."""

import json
import os
import subprocess

import pytest

from harness.postfix import Postfix
from harness.smtp import message, new_token, require
from harness.waiting import wait_until

BLOCKED = "evil@bad.example"
RECIPIENTS = ["user@test.example", "other@test.example"]
BUILD = os.environ["SLUICE_BUILD"]
PROGRAM = os.path.join(BUILD, "milter", "ctl", "sluicectl")


def sluicectl(*words, status=0):
    """Standard output, and error output behind it. The filter is found in PATH."""
    path = os.path.join(BUILD, "milter") + ":" + os.environ["PATH"]
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": path})
    assert done.returncode == status, done
    return done.stdout + done.stderr


def settings(directory, *lines):
    return ["sender-action = badmail", f"badmail-dir = {directory}", *lines]


def store_one(mta, octets):
    with mta.connect(7) as session:
        require(session.deliver(BLOCKED, RECIPIENTS, octets), 250)


def test_a_message_is_found_and_shown(site, mta):
    directory = site.directory("badmail-shown")
    octets = message("Subject: \x1b[31mred", token=new_token())
    with site.sluice(*settings(directory, f"block-sender = {BLOCKED}")) as daemon:
        store_one(mta, octets)
        config = ("--config", daemon.config)
        mail, = json.loads(sluicectl("badmail", "list", "--sender", "@bad.example", "--since", "1h",
                                     "--json", *config))
        assert (mail["sender"], mail["recipients"]) == (f"<{BLOCKED}>", [f"<{name}>" for name in RECIPIENTS])
        assert (mail["clientAddress"], mail["size"]) == (mta.address(7), len(octets))
        assert f"[{mail['id']}]" in sluicectl("badmail", "list", *config)
        assert sluicectl("badmail", "list", "--sender", "@good.example", *config) == ""
        shown = sluicectl("badmail", "show", mail["id"], *config)
        assert "Subject: \\x1B[31mred" in shown and "\x1b" not in shown
        raw = subprocess.run([PROGRAM, "badmail", "show", "--raw", mail["id"], "--dir", directory],
                             capture_output=True, check=True, timeout=60).stdout
        assert raw == octets


def test_released_mail_reaches_its_recipients_once_the_rule_has_gone(site, mta):
    directory = site.directory("badmail-released")
    token = new_token()
    relay = f"127.0.0.1:{mta.port}"
    config = settings(directory)
    with site.sluice(*config, f"block-sender = {BLOCKED}") as daemon:
        store_one(mta, message(token=token, body=b".dot\r\n\r\n..\r\n"))
        mail, = json.loads(sluicectl("badmail", "list", "--json", "--dir", directory))
        told = sluicectl("badmail", "release", mail["id"], "--relay", relay, "--dir", directory, status=65)
        assert f"the filter stores it again (block-sender {BLOCKED})" in told
        assert [each["id"] for each in json.loads(sluicectl("badmail", "list", "--json", "--dir", directory))] == [mail["id"]]
        assert not site.sink.deliveries(token.encode())
        assert daemon.reload(site.configuration(*config))[0]
        told = sluicectl("badmail", "release", mail["id"], "--relay", relay, "--dir", directory)
        assert told == f"{mail['id']}: released to <{RECIPIENTS[0]}>, <{RECIPIENTS[1]}>\n"
        assert sluicectl("badmail", "list", "--dir", directory) == ""
        site.sink.wait_for(token.encode())
        wait_until(lambda: mta.active() == 0, 20, "the queue is empty")
        deliveries = site.sink.deliveries(token.encode())
    assert {each.sender for each in deliveries} == {BLOCKED}
    assert sorted(name for each in deliveries for name in each.recipients) == sorted(RECIPIENTS)
    for delivery in deliveries:
        assert delivery.header_lines("X-Sluice-Released") == [f"X-Sluice-Released: {mail['id']}\r\n".encode()]
        assert delivery.body == b".dot\r\n\r\n..\r\n"


def test_mail_that_cannot_be_given_on_is_kept(site):
    directory = site.directory("badmail-kept")
    with site.sluice(*settings(directory, f"block-sender = {BLOCKED}")):
        store_one(site.postfix, message(token=new_token()))
        mail, = json.loads(sluicectl("badmail", "list", "--json", "--dir", directory))
        sluicectl("badmail", "release", mail["id"], "--relay", "127.0.0.1:1", "--dir", directory, status=75)
        sluicectl("badmail", "release", "../" + mail["id"], "--dir", directory, status=66)
        assert mail["id"] in sluicectl("badmail", "list", "--dir", directory)


def test_the_quota_of_a_running_filter_takes_note_of_a_purge(site):
    directory = site.directory("badmail-purged")
    octets = message(body=b"x" * 70 + b"\r\n" + b"y" * 9000 + b"\r\n")

    def accepted():
        with site.postfix.connect(7) as session:
            return session.deliver(BLOCKED, RECIPIENTS, octets).code == 250

    with site.sluice(*settings(directory, f"block-sender = {BLOCKED}", "badmail-quota = 15k")):
        assert accepted()
        assert not accepted()
        assert sluicectl("badmail", "purge", "--older-than", "1h", "--dir", directory) == "0 deleted\n"
        assert sluicectl("badmail", "purge", "--all", "--dir", directory) == "1 deleted\n"
        wait_until(accepted, 10, "there is room again")


def test_the_lists_are_asked_as_the_filter_asks_them(site):
    config = site.directory("dnsbl-config") / "sluice.conf"
    config.write_text(site.configuration(
        "dnsbl = spam bl.example match=codes:127.0.0.3-127.0.0.4",
        "dnsbl = key second.example provider=paid.example ipv6=no"))
    report = json.loads(sluicectl("dnsbl", "test", Postfix.address(42), Postfix.address(46), "--config", config,
                                  "--json"))
    first, second = report["zones"]
    assert (first["zone"], second["zone"]) == ("bl.example", "paid.example")
    assert [test["result"] for test in first["self_tests"] + second["self_tests"]] == ["passed"] * 3
    assert [answer["meaning"] for answer in first["answers"]] == ["listed", "provider error"]
    assert [answer["meaning"] for answer in second["answers"]] == ["listed", "not listed"]
    assert [address["rule"] for address in report["addresses"]] == ["spam", None]
    assert "lists the world" in sluicectl("dnsbl", "test", "--zone", "world.example", "--config", config, status=69)


@pytest.mark.parametrize("command", ["allow", "badmail", "bounces", "classify", "completion", "deny", "dnsbl", "keys",
                                     "loops", "reload", "simulate", "status"])
def test_help_has_an_example(command):
    assert f"\n  {command} " in sluicectl("--help")
    usage, _, text = sluicectl(command, "--help").partition("\n\n")
    assert usage.startswith(f"Usage: sluicectl {command}")
    assert f"  sluicectl {command}" in text
