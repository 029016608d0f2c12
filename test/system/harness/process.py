# SPDX-License-Identifier: BSD-2-Clause
"""Programs, ports and directories."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import threading

PORTS_FOR_ANY = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_PORT = 10_000
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def is_installed(name):
    return shutil.which(name, path=SYSTEM_PATH) is not None


def program(name):
    """The path of a program that the tests cannot do without."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise AssertionError(f"the program {name} is needed and not installed")
    return path


def run(*command, check=True, timeout=60, cwd=None):
    """Runs a command to its end and returns the result, its output as text."""
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, cwd=cwd,
                            capture_output=True, text=True, errors="replace", timeout=timeout)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that is free now, and that the kernel gives to nobody who asks for any."""
    lowest_for_any = int(PORTS_FOR_ANY.read_text().split()[0])
    while True:
        port = random.randrange(LOWEST_PORT, lowest_for_any)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def make_directory(path, mode=0o755, owner=None):
    """A directory with exactly this mode, for service users to traverse."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    os.chmod(path, mode)
    if owner:
        shutil.chown(path, owner)
    return path


class OutputCollector:
    """Reads what a process writes, line by line, from a thread, so that the process never blocks."""

    def __init__(self, stream):
        self._stream = stream
        self._lines = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._stream:
            with self._changed:
                self._lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        self._stream.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def position(self):
        """How many lines there are: what to hand to `lines` to get the later ones."""
        with self._changed:
            return len(self._lines)

    def lines(self, start=0):
        with self._changed:
            return self._lines[start:]

    def wait(self, matches, timeout, start=0):
        """The first line at or after `start` for which matches(line) is true; None when there is
        none within `timeout` seconds or at the end of the stream."""
        found = []

        def seen():
            nonlocal start
            found.extend(line for line in self._lines[start:] if matches(line))
            start = len(self._lines)
            return found or self._closed

        with self._changed:
            self._changed.wait_for(seen, timeout)
        return found[0] if found else None

    def join(self):
        """Waits until all that was written has been read; the process must have ended."""
        self._thread.join(10)
