# SPDX-License-Identifier: BSD-2-Clause
"""The daemon under test."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading

from .process import OutputCollector, make_directory, program, run
from .waiting import wait_until

READY_SECONDS = 20
STOP_SECONDS = 20
RELOAD_SECONDS = 20
CHECK_FAILED = 78

# What the daemon says in its log, in one place.
RELOADED = re.compile(r"daemon: reloaded:")
RELOAD_REFUSED = re.compile(r"daemon: reload failed:")
OPEN_SESSIONS = re.compile(r"\bopen=(\d+)")
SANITIZER_REPORT = re.compile(r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def packet(code, payload=b""):
    """A packet of the milter protocol."""
    return struct.pack("!I", len(payload) + 1) + code + payload


NEGOTIATION = packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))


def binary():
    """The daemon in the build directory that the environment names."""
    build = os.environ.get("SLUICE_BUILD")
    assert build, "SLUICE_BUILD must name the build directory"
    path = pathlib.Path(build) / "milter" / "sluice-milter"
    assert path.exists(), f"{path} is not there: build it first"
    return path


def is_sanitized():
    """Whether this build is for finding errors and not for measuring."""
    return any(mark in binary().read_bytes() for mark in (b"__asan_init", b"__tsan_init"))


def control_tool():
    """The operator's tool beside it."""
    return str(binary().parent / "ctl" / "sluicectl")


def environment():
    return {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8",
            "ASAN_OPTIONS": "exitcode=99:handle_abort=1", "TSAN_OPTIONS": "exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            **{name: os.environ[name] for name in ("SSL_CERT_FILE",) if name in os.environ}}


def run_once(*arguments):
    """Runs the daemon for a command that ends by itself, like --check."""
    return subprocess.run([str(binary()), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=60,
                          env=environment())


def has_tls():
    """Whether this build can speak TLS to Redis."""
    return "libhiredis_ssl" in run(program("ldd"), binary()).stdout


def has_notifications():
    """Whether this build tells a service manager that it is ready."""
    return "libsystemd" in run(program("ldd"), binary()).stdout


def megabytes(daemon):
    """How much memory it has."""
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


class ServiceManager:
    """What the daemon tells the service manager, at an address like that of systemd. Like systemd it
    never lets a message wait."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        os.chmod(path, 0o666)
        self._states = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while message := self._socket.recv(4096):
            self._states += [line for line in message.decode().splitlines()
                             if not line.startswith("MONOTONIC_USEC=")]
        self._socket.close()

    def states(self):
        """The messages so far, READY=1 and so on, without their times."""
        return list(self._states)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.address)
        self._thread.join()


class Sluice:
    """One process: write(), start(), then reload() or stop()."""

    def __init__(self, base, socket_path, prefix=(), program=None):
        self.base = make_directory(base)
        self.socket_path = pathlib.Path(socket_path)
        self.config = self.base / "sluice.conf"
        self.log = None
        self._command = (*prefix, program or binary())
        self._process = None
        self.manager = None
        self.watchdog_seconds = None  # within which the service manager wants a sign of life

    def write(self, text):
        """The configuration file that start() and reload() read."""
        self.config.write_bytes(text if isinstance(text, bytes) else text.encode())

    @property
    def pid(self):
        return self._process.pid

    def launch(self):
        """Starts the process and does not wait for anything."""
        variables = environment()
        if has_notifications():
            self.manager = ServiceManager(self.base / "notify")
            variables["NOTIFY_SOCKET"] = self.manager.address
            if self.watchdog_seconds:
                variables["WATCHDOG_USEC"] = str(int(self.watchdog_seconds * 1_000_000))
        self._process = subprocess.Popen([*self._command, "--config", self.config],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, env=variables)
        self.log = OutputCollector(self._process.stdout)

    def start(self):
        """Starts the process and waits until it takes connections."""
        self.launch()
        wait_until(self._is_ready, READY_SECONDS, lambda: "the daemon is ready:\n" + self.log_text())
        return self

    def _is_ready(self):
        assert self._process.poll() is None, "the daemon ended:\n" + self.log_text()
        return "READY=1" in self.manager.states() if self.manager else self.accepts()

    def accepts(self):
        """Whether somebody takes connections at the socket."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket_path))
                return True
        except OSError:
            return False

    def reload(self, text=None):
        """Has the daemon read its configuration (`text` if given) and waits for what it says of it.
        Returns whether the new one is in force, and the log lines of the reload."""
        if text is not None:
            self.write(text)
        start = self.log.position
        os.kill(self.pid, signal.SIGUSR1)
        last = self.log.wait(lambda line: RELOADED.search(line) or RELOAD_REFUSED.search(line),
                             RELOAD_SECONDS, start)
        assert last, "the daemon says nothing of the reload:\n" + self.log_text(start)
        return not RELOAD_REFUSED.search(last), self.log.lines(start)

    def wait_for_log(self, pattern, timeout=20, start=0):
        """The first log line at or after `start` with this regular expression."""
        line = self.log.wait(re.compile(pattern).search, timeout, start)
        assert line, f"no log line has {pattern!r}:\n{self.log_text(start)}"
        return line

    def log_text(self, start=0):
        return "\n".join(self.log.lines(start)) if self.log else ""

    def cpu_seconds(self):
        """The time of a processor that it has used."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def wait_for_no_sessions(self, timeout=20):
        """Waits until no session is open any more. The log tells it at the end of each session (on
        level debug), and there is always one more: the one that asks."""
        def none_open():
            start = self.log.position
            self._negotiate_and_leave()
            assert self.log.wait(OPEN_SESSIONS.search, timeout, start), "the end of a session is logged"
            return any(match[1] == "0" for line in self.log.lines(start)
                       if (match := OPEN_SESSIONS.search(line)))
        wait_until(none_open, timeout, lambda: "no session open:\n" + self.log_text()[-4000:])

    def _negotiate_and_leave(self):
        with socket.socket(socket.AF_UNIX) as session:
            session.settimeout(10)
            session.connect(str(self.socket_path))
            session.sendall(NEGOTIATION)
            session.recv(4096)

    def wait_for_end(self, timeout=STOP_SECONDS):
        """The exit status of a process that ends by itself or was told to."""
        status = self._process.wait(timeout)
        self.log.join()
        if self.manager:
            self.manager.close()
        return status

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def stop(self, by=signal.SIGTERM):
        """Stops the process, which must end in order."""
        if not self.is_running():
            raise AssertionError("the daemon ended before:\n" + self.log_text()[-4000:])
        os.kill(self.pid, by)
        status = self._wake_until_end()
        assert status == 0, f"the daemon ended with {status}:\n{self.log_text()[-4000:]}"
        self.require_no_sanitizer_report()

    def _wake_until_end(self):
        """libmilter looks for the order to stop when a connection comes, or else every 5 s."""
        def ended():
            self.accepts()
            return self._process.poll() is not None
        wait_until(ended, STOP_SECONDS, lambda: "the daemon ends:\n" + self.log_text()[-4000:])
        return self.wait_for_end()

    @contextlib.contextmanager
    def stopped(self):
        """Within the block the process does nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def require_no_sanitizer_report(self):
        assert not SANITIZER_REPORT.search(self.log_text()), self.log_text()[-20000:]

    def kill(self):
        """Ends the process by force, for a test that failed before stop()."""
        if self.is_running():
            self._process.kill()
            self.wait_for_end()
