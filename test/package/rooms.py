# SPDX-License-Identifier: BSD-2-Clause
"""A machine to install packages on, thrown away afterwards."""

import pathlib
import shlex
import subprocess

from harness.waiting import wait_until

HERE = pathlib.Path(__file__).parent
BOOT_SECONDS = 60
COMMAND_SECONDS = 120


class Room:
    """See the script `room`. What runs in it runs as root unless a user is named."""

    def __init__(self):
        self._process = subprocess.Popen([HERE / "room"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self._first = self._process.stdout.readline().strip()
        if not self._first:
            self.close()
            raise AssertionError("no room to install the package in; see test/package/room")
        wait_until(self._is_up, BOOT_SECONDS, "systemd has started in the room")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Ends all that runs in there."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _is_up(self):
        state = self.run("systemctl is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(self, command, check=True, user=None, text=None):
        """A shell command; `text` is its standard input. Returns the result, with both outputs as
        text."""
        words = ["nsenter", "--all", "--target", self._first, "env", "-i", "LC_ALL=C.UTF-8",
                 "DEBIAN_FRONTEND=noninteractive",
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        if user:
            words += ["runuser", "-u", user, "--"]
        result = subprocess.run([*words, "sh", "-c", f"cd / && {command}"], input=text or "",
                                capture_output=True, text=True, errors="replace",
                                timeout=COMMAND_SECONDS)
        if check:
            assert result.returncode == 0, \
                f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}"
        return result

    def out(self, command, **options):
        """What a command prints."""
        return self.run(command, **options).stdout.strip()

    def succeeds(self, command):
        return self.run(command, check=False).returncode == 0

    def read(self, path):
        return self.run(f"cat {shlex.quote(path)}").stdout

    def write(self, path, text):
        self.run(f"cat > {shlex.quote(path)}", text=text)

    def put(self, source, path):
        """Copies a file of this machine into the room."""
        with open(source, "rb") as file:
            subprocess.run(["nsenter", "--all", "--target", self._first, "tee", path], stdin=file,
                           stdout=subprocess.DEVNULL, check=True)

    def files(self, *directories):
        """All there is below the directories, as a set of paths."""
        return set(self.out(f"find {' '.join(directories)} -xdev").splitlines())

    def property(self, unit, name):
        return self.out(f"systemctl show --value -p {name} {unit}")
