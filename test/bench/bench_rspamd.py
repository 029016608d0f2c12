# SPDX-License-Identifier: BSD-2-Clause
"""Debian's rspamd as a milter in a private directory: its settings as they come, but for what would
leave the machine. Needs root."""

import pathlib
import shutil
import socket
import subprocess
import time

from bench_tables import cpu_seconds
from harness.process import SYSTEM_PATH, make_directory, program
from harness.waiting import wait_until

READY_SECONDS = 300  # at its first start it compiles what it looks for
IDLE_SECONDS = 2  # without any CPU time used: it has compiled all
STOP_SECONDS = 20
SETTINGS = pathlib.Path("/etc/rspamd/rspamd.conf")
USER = "_rspamd"
# These ask name servers or servers of their own for each message, or fetch lists.
NETWORK_MODULES = ("arc", "asn", "dkim", "dkim_signing", "dmarc", "fuzzy_check", "hfilter", "mx_check", "rbl",
                   "rspamd_update", "spf", "surbl", "url_redirector", "whitelist")
LEFT_OUT = "without " + ", ".join(NETWORK_MODULES) + ", which ask the network, and in a network namespace without any"


def is_installed():
    return SETTINGS.exists() and shutil.which("rspamd", path=SYSTEM_PATH) is not None


class Rspamd:
    """The proxy worker, which scans by itself and listens at `socket`, a path. Ends with the `with`
    block. Its network namespace has not even loopback up: it is reached through the file alone."""

    def __init__(self, base, socket_path):
        self._base = make_directory(base, 0o755, USER)
        self._used = (-1.0, time.monotonic())  # CPU time, and since when it has been that
        self._socket = pathlib.Path(socket_path)
        self._lay_out()
        with open(self._base / "log.txt", "wb") as log:
            self._process = subprocess.Popen(
                [program("unshare"), "--net", program("rspamd"), "-f", "-u", USER, "-g", USER, "-c", SETTINGS,
                 f"--var=LOCAL_CONFDIR={self._base}", *(f"--var={name}={self._base}/state"
                                                       for name in ("DBDIR", "RUNDIR", "LOGDIR"))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        try:
            wait_until(self._accepts, READY_SECONDS, lambda: f"rspamd listens:\n{self._log_tail()}")
            wait_until(self._is_idle, READY_SECONDS, lambda: f"rspamd is ready:\n{self._log_tail()}")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *unused):
        self._end()

    def _lay_out(self):
        make_directory(self._base / "state", 0o755, USER)
        make_directory(self._socket.parent, 0o755, USER)
        overrides = make_directory(self._base / "override.d")
        (overrides / "worker-proxy.inc").write_text(
            f'bind_socket = "{self._socket} mode=0666";\n'
            'upstream "local" { default = yes; self_scan = yes; }\n')
        for worker in ("normal", "controller"):
            (overrides / f"worker-{worker}.inc").write_text("enabled = false;\n")
        for module in NETWORK_MODULES:
            (overrides / f"{module}.conf").write_text("enabled = false;\n")

    def _accepts(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"rspamd ended:\n{self._log_tail()}")
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self._socket))
                return True
        except OSError:
            return False

    def _is_idle(self):
        pid = self._process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        used = sum(cpu_seconds(each) for each in (pid, *children))
        if used != self._used[0]:
            self._used = (used, time.monotonic())
        return time.monotonic() - self._used[1] >= IDLE_SECONDS

    def _log_tail(self, lines=20):
        texts = [path.read_text(errors="replace") for path in (self._base / "log.txt", self._base / "state/rspamd.log")
                 if path.exists()]
        return "\n".join("".join(texts).splitlines()[-lines:])

    def _end(self):
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
