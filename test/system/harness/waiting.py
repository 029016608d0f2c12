# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for a condition instead of for a time."""

import time

POLL_SECONDS = 0.02


def wait_until(condition, timeout, what):
    """Returns the first true value of condition(); fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            description = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {description}")
        time.sleep(POLL_SECONDS)
