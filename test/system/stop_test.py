# SPDX-License-Identifier: BSD-2-Clause
"""The filter is told to stop while mail goes through: a message that has come to its end gets its
answer, the others are put off, and the process ends in time."""

import threading
import time

import pytest

from harness.faults import Faults
from harness.mail_load import BROKEN_OFF, PUT_OFF, MailLoad, MailSession, configuration
from harness.nodes import Node, base  # noqa: F401 (fixture)
from harness.process import make_directory
from harness.waiting import wait_until

SESSIONS = 8
SYNC_MILLISECONDS = 400  # each of the three or four of a stored message
MOST_SECONDS = 12


@pytest.fixture
def badmail(base):
    return make_directory(base / "badmail")


@pytest.fixture
def faults(base):
    faults = Faults(base / "faults")
    yield faults
    faults.close()


@pytest.fixture
def daemon(base, badmail, faults):
    node = Node(base / "node", "socket-mode = 0600", "log = stderr", "log-level = info", "local-domain = test.example",
                *configuration(badmail), prefix=faults.prefix)
    node.daemon.start()
    yield node.daemon
    node.daemon.kill()


def require_end(daemon, told):
    assert daemon.wait_for_end() == 0, daemon.log_text()[-4000:]
    assert time.monotonic() - told < MOST_SECONDS
    daemon.require_no_sanitizer_report()


def test_messages_at_their_end_are_answered(daemon, badmail, faults):
    faults.set("sync", milliseconds=SYNC_MILLISECONDS)
    answers = []

    def send():
        with MailSession(daemon.socket_path) as session:
            answers.append(session.send("stored"))
    threads = [threading.Thread(target=send) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    # nothing is written of so short a message before its end
    wait_until(lambda: sum(path.stat().st_size > 0 for path in badmail.glob("*/*.eml")) == SESSIONS, 20,
               "all messages are at their end")
    told = time.monotonic()
    daemon.terminate()
    for thread in threads:
        thread.join(30)
    require_end(daemon, told)
    assert [each.end for each in answers] == ["stored"] * SESSIONS, answers
    stored = b"".join(path.read_bytes() for path in badmail.glob("new/*.eml"))
    assert all(each.mail.token.encode() in stored for each in answers)


def test_mail_under_way_is_answered_or_put_off(daemon, badmail):
    with MailLoad(daemon.socket_path, sessions=SESSIONS) as load:
        load.wait_for_more(60)
        load.require_all_well(0)
        told = time.monotonic()
        daemon.terminate()
        require_end(daemon, told)
    load.require_nothing_wrong(badmail)
    assert not load.ends(end=PUT_OFF), load.summary()
    assert load.ends(end=BROKEN_OFF)
