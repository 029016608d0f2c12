# SPDX-License-Identifier: BSD-2-Clause
"""Calls of the C library that fail in the filter when a test wants them to: test/support/fault_plan.hh."""

import contextlib
import mmap
import os
import pathlib
import struct

CALLS = ("memory", "thread", "write", "sync", "rename", "socket", "connect", "accept")
FAULT = struct.Struct("iIIII")


def build():
    return pathlib.Path(os.environ["SLUICE_BUILD"])


def short_of_memory():
    """A filter whose `new` can fail also where a sanitizer brings the allocator."""
    return build() / "test" / "sluice-milter-short-of-memory"


class Faults:
    """Those of a process that is started with `prefix`."""

    def __init__(self, path):
        path.write_bytes(bytes(FAULT.size * len(CALLS)))
        with open(path, "r+b") as file:
            self._plan = mmap.mmap(file.fileno(), 0)
        self.prefix = ("env", f"LD_PRELOAD={build() / 'test' / 'fault-shim.so'}", f"SLUICE_FAULTS={path}")

    def close(self):
        self._plan.close()

    def set(self, call, error=0, every=1, milliseconds=0, spared=0):
        """About one call in `every` fails with this errno, after `spared` that do not; each takes so many
        milliseconds longer."""
        FAULT.pack_into(self._plan, FAULT.size * CALLS.index(call), error, every, milliseconds, 0, spared)

    def lift(self):
        """All goes well again."""
        for place in range(len(CALLS)):
            FAULT.pack_into(self._plan, FAULT.size * place, 0, 1, 0, self._failed(place), 0)

    def _failed(self, place):
        return FAULT.unpack_from(self._plan, FAULT.size * place)[3]

    def failed(self, call):
        """How many calls have failed since it was set."""
        return self._failed(CALLS.index(call))

    @contextlib.contextmanager
    def during(self, call, error, every=1):
        self.set(call, error, every)
        try:
            yield
        finally:
            self.lift()
