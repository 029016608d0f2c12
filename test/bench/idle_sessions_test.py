# SPDX-License-Identifier: BSD-2-Clause
"""Idle sessions at the null filter, whatever it has negotiated. SLUICE_BUILD names the meson build
directory."""

import os
import pathlib
import sys
import tempfile
import unittest

TEST = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TEST / part) for part in ("support", "system")]

from harness.process import free_port  # noqa: E402
from idle_sessions import IdleSessions  # noqa: E402
from null_filter import NullFilter  # noqa: E402


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class IdleSessionsTest(unittest.TestCase):
    def test_they_are_open_at_once(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-"))
        steps = {"all stages": "0", "none": "0x37f", "unanswered": "0xff080"}
        for kind in ("unix", "inet"):
            for name, flags in steps.items():
                address = f"unix:{directory}/{name}" if kind == "unix" else f"inet:{free_port()}@127.0.0.1"
                with self.subTest(address=address), NullFilter(address, "--like", flags, "0x1ff") as filter:
                    before = open_files(filter.pid)
                    with IdleSessions(address, 20):
                        self.assertGreaterEqual(open_files(filter.pid), before + 20)

    def test_a_filter_that_is_not_there(self):
        with self.assertRaises(OSError), IdleSessions("unix:/nonexistent/filter.sock", 1):
            pass


if __name__ == "__main__":
    unittest.main()
