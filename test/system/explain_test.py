# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl explain: the verdict that the filter gives, without giving it."""

import json
import os
import random
import subprocess

import pytest

from harness.envelopes import key_file
from harness.smtp import message
from milter_client import MilterClient

CASES = 200
CLIENTS = ["192.0.2.66", "192.0.2.67", "198.51.100.9", "203.0.113.5", "2001:db8::5", "127.0.0.1"]
SENDERS = ["", "evil@bad.example", "Evil@BAD.example", "odd@held.example", "ted@out.example", "ted@test.example"]
RECIPIENTS = ["user@test.example", "USER+tag@test.example", "nobody@test.example", "closed@test.example",
              "boss@test.example", "news@test.example", "open@test.example", "someone@far.example",
              "postmaster@test.example", "bots@test.example"]
HEADERS = [["From: ted@out.example"], ["From: Evil <evil@bad.example>"], ["From: ted@test.example"],
           ["From: ted@out.example", "Auto-Submitted: auto-replied"],
           ["From: ted@out.example", *["Received: from a by b"] * 12],
           ["From: ted@out.example", "Subject: " + "x" * 3000]]


@pytest.fixture(scope="module")
def base(site):
    return site.directory("explain")


@pytest.fixture(scope="module", autouse=True)
def daemon(site, base):
    known = base / "known"
    known.write_text("\n".join(name for name in RECIPIENTS if not name.startswith("nobody")
                               and "+" not in name) + "\n")
    with site.sluice(f"control = unix:{base}/control.sock", f"key-file = {key_file(site)}", "deny-ip = 192.0.2.66",
                     "restrict-ip = 192.0.2.67", "accept-ip = 198.51.100.0/24", "trusted = 127.0.0.1",
                     "block-sender = evil@bad.example", "block-recipient = closed@test.example",
                     "restrict-recipient = boss@test.example only-from=@test.example", f"directory = file:{known}",
                     "harvest-limit = 0", "list = news@test.example accept-from=authenticated",
                     "list = open@test.example", "robot = bots@test.example", "spoof-check = reject", "max-hops = 10",
                     "max-size = 3000", "loop-action = discard") as daemon:
        yield daemon


def sluicectl(base, *words, status=0, **how):
    program = os.path.join(os.environ["SLUICE_BUILD"], "milter", "ctl", "sluicectl")
    done = subprocess.run([program, *words, "--control", f"{base}/control.sock"], capture_output=True, timeout=60,
                          **how)
    assert done.returncode == status, done
    return done.stdout.decode() + done.stderr.decode()


def verdict_of_filter(site, case):
    """The first refusal that ends it, or what becomes of the message."""
    client, authenticated, sender, recipients, headers = case
    with MilterClient(f"unix:{site.socket}") as session:
        session.negotiate()
        reply = session.conn("mail.example.org", client, port=25)
        if not reply.proceeds:
            return ("refuse", "")
        session.helo("mail.example.org")
        if authenticated:
            session.macros("mail", **{"{auth_authen}": "ted"})
        reply = session.mail(f"<{sender}>")
        if not reply.proceeds:
            return ("refuse", reply.line)
        first, accepted = None, 0
        for recipient in recipients:
            reply = session.rcpt(f"<{recipient}>")
            accepted += reply.proceeds
            first = first or (None if reply.proceeds else reply.line)
        if not accepted:
            return ("refuse", first)
        reply = session.message([tuple(each.split(": ", 1)) for each in headers], b"text\r\n")
        return outcome(reply)


def outcome(reply):
    if reply.kind == "discard":
        return ("discard", "")
    return ("accept", "") if reply.proceeds else ("refuse", reply.line)


def verdict_of_tool(base, case):
    client, authenticated, sender, recipients, headers = case
    octets = b"".join(each.encode() + b"\r\n" for each in headers) + b"\r\ntext\r\n"
    words = ["--client-ip", client, "--client-name", "mail.example.org", f"--from={sender}", "--message", "-"]
    words += ["--auth"] if authenticated else []
    for recipient in recipients:
        words += ["--rcpt", recipient]
    answer = json.loads(sluicectl(base, "explain", *words, "--json", input=octets))
    verdict = answer["verdict"]
    return (verdict["action"], verdict.get("reply", "")), answer


def test_the_tool_says_what_the_filter_does(site, base):
    chance = random.Random(20261123)
    seen = set()
    for number in range(CASES):
        case = (chance.choice(CLIENTS), chance.random() < 0.2, chance.choice(SENDERS),
                chance.sample(RECIPIENTS, chance.randint(1, 3)), chance.choice(HEADERS))
        expected = verdict_of_filter(site, case)
        found, answer = verdict_of_tool(base, case)
        assert found == expected, (number, case, answer)
        seen.add(expected)
    assert len(seen) >= 9, f"the cases are too much alike: {seen}"


def test_each_rule_is_shown_in_its_order(base):
    text = sluicectl(base, "explain", "--client-ip", "203.0.113.5", "--from", "ted@out.example", "--rcpt",
                     "user@test.example", "--rcpt", "closed@test.example")
    rules = ["restrict-ip", "trusted", "accept-ip", "deny-ip", "block-sender", "block-recipient", "directory"]
    places = [text.index(f"  {rule}") for rule in rules]
    assert places == sorted(places), text
    assert "=> 550 5.7.1 Recipient does not take mail (block-recipient closed@test.example)" in text
    assert text.endswith("accept\n")


def test_nothing_is_counted(site, base):
    octets = message("Message-ID: <same@out.example>", "From: ted@out.example")
    for _ in range(12):
        answer = json.loads(sluicectl(base, "explain", "--client-ip", "203.0.113.5", "--from", "ted@out.example",
                                      "--rcpt", "open@test.example", "--message", "-", "--json", input=octets))
        assert answer["verdict"] == {"action": "accept"}
        assert [note["action"] for note in answer["stages"][-1]["notes"]] == ["return-path"]


@pytest.mark.parametrize("words, status", [
    ([], 64),
    (["--rcpt"], 64),
    (["--rcpt", "a@b", "--colour"], 64),
    (["--rcpt", "a@b\nc@d"], 64),
    (["--rcpt", "a@b", "--client-ip", "300.1.1.1"], 65),
    (["--rcpt", "a@b", "--message", "/nowhere"], 66),
])
def test_bad_questions(base, words, status):
    assert "sluicectl explain: " in sluicectl(base, "explain", *words, status=status)
