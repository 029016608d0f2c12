# SPDX-License-Identifier: BSD-2-Clause
"""Debian's rspamd as a milter in a private directory, its settings as they come, but for the workers
that do not scan. It is in a network of its own, where a name server says of each name on the Internet
that there is none. Mail from loopback, as the bench sends it, it spares some checks (SPF, DMARC).
Needs root."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

from bench_tables import cpu_seconds
from harness.dns import UNBOUND_CONF
from harness.process import SYSTEM_PATH, make_directory, program
from harness.waiting import wait_until

READY_SECONDS = 300  # at its first start it compiles what it looks for
IDLE_SECONDS = 2  # without any CPU time used: it has compiled all
STOP_SECONDS = 20
DNS_SECONDS = 20
SETTINGS = pathlib.Path("/etc/rspamd/rspamd.conf")
USER = "_rspamd"
SURROUNDINGS = "in a network namespace whose name server knows no name"

NO_NAMES = """\
server:
  local-zone: "." static
"""
PORT = 53
LISTENING = f"0100007F:{PORT:04X}"  # 127.0.0.1, as the kernel writes it


def end(process):
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_installed():
    return SETTINGS.exists() and shutil.which("rspamd", path=SYSTEM_PATH) is not None


class LonelyNetwork:
    """A network namespace with loopback alone, and there the name server. Ends with the `with` block."""

    def __init__(self, base):
        self._log = make_directory(base) / "log.txt"
        self._settings = base / "unbound.conf"
        self._settings.write_text(UNBOUND_CONF.format(base=base, port=PORT) + NO_NAMES)
        self._process = None

    def __enter__(self):
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [program("unshare"), "--net", program("sh"), "-c", 'ip link set lo up && exec "$@"', "sh",
                 program("unbound"), "-d", "-c", self._settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(self._listens, DNS_SECONDS, lambda: f"unbound listens:\n{self._log.read_text()}")
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(self, *unused):
        end(self._process)

    def _listens(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"unbound ended:\n{self._log.read_text()}")
        process = pathlib.Path("/proc") / str(self._process.pid)
        try:
            apart = os.readlink(process / "ns/net") != os.readlink("/proc/self/ns/net")
            return apart and LISTENING in (process / "net/udp").read_text()
        except OSError:
            return False  # it has just ended

    def inside(self, *command):
        """The command that runs `command` there."""
        return [program("nsenter"), f"--net=/proc/{self._process.pid}/ns/net", *command]


class Rspamd:
    """The proxy worker, which scans by itself and listens at `socket_path`: it is reached through the
    file alone. Ends with the `with` block."""

    def __init__(self, base, socket_path):
        self._base = make_directory(base, 0o755, USER)
        self._used = (-1.0, time.monotonic())  # CPU time, and since when it has been that
        self._socket = pathlib.Path(socket_path)
        self._process = self._running = None
        self._lay_out()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            network = stack.enter_context(LonelyNetwork(self._base / "network"))
            with open(self._base / "log.txt", "wb") as log:
                self._process = subprocess.Popen(
                    network.inside(program("rspamd"), "-f", "-u", USER, "-g", USER, "-c", SETTINGS,
                                   f"--var=LOCAL_CONFDIR={self._base}",
                                   *(f"--var={name}={self._base}/state" for name in ("DBDIR", "RUNDIR", "LOGDIR"))),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(end, self._process)
            wait_until(self._accepts, READY_SECONDS, lambda: f"rspamd listens:\n{self._log_tail()}")
            wait_until(self._is_idle, READY_SECONDS, lambda: f"rspamd is ready:\n{self._log_tail()}")
            self._running = stack.pop_all()
        return self

    def __exit__(self, *unused):
        self._running.close()

    def _lay_out(self):
        make_directory(self._base / "state", 0o755, USER)
        make_directory(self._socket.parent, 0o755, USER)
        overrides = make_directory(self._base / "override.d")
        (overrides / "worker-proxy.inc").write_text(
            f'bind_socket = "{self._socket} mode=0666";\n'
            'upstream "local" { default = yes; self_scan = yes; }\n')
        for worker in ("normal", "controller"):
            (overrides / f"worker-{worker}.inc").write_text("enabled = false;\n")
        additions = make_directory(self._base / "local.d")
        (additions / "options.inc").write_text('dns { nameserver = ["127.0.0.1"]; }\n')

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
