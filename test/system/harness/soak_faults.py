# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong during a soak. Each fault begins, lasts for a moment and is over when its function
returns; mail goes on meanwhile."""

import os
import signal
import time

from .dns_stub import silent
from .soak_site import is_listed
from .waiting import wait_until

BACK_SECONDS = 120
STOPPED_SECONDS = 0.7
PIECE = 1 << 16


def without_redis(site, seconds, go, come):
    """What is remembered is in another place meanwhile, and then where it was."""
    site.disturbed(go.__name__)
    go()
    time.sleep(seconds)
    site.disturbed(come.__name__)
    come()
    wait_until(lambda: site.says(lambda status: status["store"]["available"]), BACK_SECONDS,
               "the filter has found Redis again")
    site.disturbed("it is found again")


def redis_killed(site, seconds):
    without_redis(site, seconds, site.redis.kill, site.redis.start)


def redis_paused(site, seconds):
    without_redis(site, seconds, site.redis.pause, site.redis.resume)


def dns_silent(site, seconds):
    site.answer_dns(silent)
    time.sleep(seconds)
    site.answer_dns(is_listed)


def disk_full(site, seconds):
    """Of the tracking log. Scenes that need it to know what became of their mail wait."""
    with site.gate.alone():
        filler = site.tracking / "filler"
        try:
            fill(filler)
            time.sleep(seconds)
        finally:
            filler.unlink()
        time.sleep(1)  # until the writer tries again


def fill(path):
    with open(path, "wb", buffering=0) as file:
        size = PIECE
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


def good_reload(site, _seconds):
    accepted, lines = site.reload(site.configuration(f"block-sender = spam{next(site.numbers)}@bad.example"))
    assert accepted, lines


def bad_reload(site, _seconds):
    accepted, lines = site.reload(site.configuration("max-hops = many", "dnsbl = twice bl.example match=none"))
    assert not accepted, lines


def filter_stopped(site, _seconds):
    """For less time than any mail server waits."""
    site.disturbed("SIGSTOP")
    os.kill(site.daemon.pid, signal.SIGSTOP)
    try:
        time.sleep(STOPPED_SECONDS)
    finally:
        os.kill(site.daemon.pid, signal.SIGCONT)
    site.disturbed("SIGCONT")


FAULTS = (redis_killed, bad_reload, dns_silent, filter_stopped, disk_full, good_reload, redis_paused)
FEW_FAULTS = (redis_killed, bad_reload)
