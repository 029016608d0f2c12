# SPDX-License-Identifier: BSD-2-Clause
"""The null filter of the meson build directory that SLUICE_BUILD names, as a process for a test."""

import os
import pathlib
import subprocess


def program(name):
    return pathlib.Path(os.environ["SLUICE_BUILD"]) / "test" / "bench" / name


class NullFilter:
    """Listens when the constructor returns; ends with the `with` block."""

    def __init__(self, socket, *arguments):
        self._process = subprocess.Popen(
            [program("null-filter"), "--socket", socket, *arguments], stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"null-filter ended with status {self._process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill()
        self._process.stdout.close()

    def kill(self):
        """At once: libmilter takes seconds to stop in order."""
        self._process.kill()
        self._process.wait()
