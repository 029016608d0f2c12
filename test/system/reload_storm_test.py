# SPDX-License-Identifier: BSD-2-Clause
"""Reloads one after the other, every second one of a bad configuration, while mail goes through: no
message is refused or put off, and no session ends."""

import json
import os
import pathlib
import subprocess

RELOADS = int(os.environ.get("SLUICE_RELOADS", "50"))  # 1,000: for a build without sanitizers
LOAD_SECONDS = 4
LOAD = ("--connections", "4", "--messages-per-connection", "10", "--seconds", str(LOAD_SECONDS))


def load(socket):
    program = pathlib.Path(os.environ["SLUICE_BUILD"]) / "test" / "bench" / "milter-load"
    return subprocess.Popen([program, "--socket", f"unix:{socket}", *LOAD], stdout=subprocess.PIPE, text=True)


def require_all_taken(process):
    report = json.loads(process.communicate(timeout=60)[0])
    assert not report["troubles"] and set(report["replies"]) == {"eom continue"}, report
    return report["messages"]


def test_mail_goes_through_while_the_configuration_is_read(site):
    senders = site.base / "storm-senders"
    senders.write_text("".join(f"spam{number}@bad.example\n" for number in range(1000)))
    good = ("log-level = info", "deny-ip = 203.0.113.0/24", f"block-sender = @{senders}")
    reloads = messages = 0
    with site.sluice(*good) as daemon:
        while reloads < RELOADS:
            mail = load(site.socket)
            while mail.poll() is None:
                bad = reloads % 2 == 1
                accepted, lines = daemon.reload(site.configuration(*good, *(["max-size = many"] if bad else [])))
                assert accepted != bad, lines
                reloads += 1
            messages += require_all_taken(mail)
    assert messages > reloads, (messages, reloads)
