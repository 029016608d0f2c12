# SPDX-License-Identifier: BSD-2-Clause
"""A daemon with everything switched on, so that every piece of input is looked at, and the question
whether some input did it harm."""

import re

import pytest

from .site import both
from .smtp import require

NOT_FOR_A_LOG = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffd]")  # the last one: it was no UTF-8
JUNK = bytes(range(1, 10)) + bytes(range(11, 13)) + bytes(range(14, 32)) + bytes(range(127, 256))


def everything(site, store):
    """A configuration of all rules; `store` is the directory for badmail."""
    users = site.base / "all-users"
    users.write_text("user@test.example\n")
    return [*both("deny-ip", 11), "dnsbl = bl bl.example", "dnsbl = m second.example action=mark",
            "block-sender = evil@bad.example", "sender-action = badmail", f"badmail-dir = {store}",
            "spoof-check = mark", "block-recipient = @closed.example", f"directory = file:{users}",
            "restrict-recipient = board@test.example only-from=*@good.example",
            "max-size = 30M", "max-session-size = 100M", "max-messages = 1000000",
            "max-recipients = 20000", "max-hops = 100", "harvest-limit = 0",
            "log-level = info", "log-level = session=debug"]


def require_unharmed(site, daemon):
    """The daemon lives, keeps no session, has logged nothing odd, and answers the next session."""
    daemon.wait_for_no_sessions()
    assert daemon.is_running(), daemon.log_text()[-4000:]
    daemon.require_no_sanitizer_report()
    for server in site.mtas.values():
        with server.connect() as session:
            require(session.mail(), 250)
            assert session.rcpt("user@test.example").code == 250
    assert "internal error" not in daemon.log_text()
    assert not NOT_FOR_A_LOG.search(daemon.log_text()), "what is logged is escaped"



@pytest.fixture(scope="module")
def store(site):
    return site.directory("all-badmail")


@pytest.fixture(scope="module")
def daemon(site, store):
    with site.sluice(*everything(site, store)) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def unharmed(site, daemon):
    yield
    require_unharmed(site, daemon)


def short(value):
    """A name for a parameter of a test."""
    return repr(value)[:40]
