# SPDX-License-Identifier: BSD-2-Clause
"""A Redis server of our own, in a private directory. What a `with` block starts ends with it."""

import contextlib
import os
import re
import signal
import socket
import subprocess

from .process import free_port, is_installed, make_directory, program
from .waiting import wait_until

READY_SECONDS = 20
PROGRAM = "SLUICE_REDIS_SERVER"  # in the environment: the server to take
PROGRAMS = ("redis-server", "valkey-server")


def server_program():
    """The path of the server that is run."""
    return program(os.environ.get(PROGRAM, PROGRAMS[0]))


def server_names():
    """The servers that this machine has, Redis in any case, or the one that the environment names."""
    if PROGRAM in os.environ:
        return [os.environ[PROGRAM]]
    return [PROGRAMS[0], *filter(is_installed, PROGRAMS[1:])]


class RedisError(Exception):
    """The server answers with an error."""


class RedisConnection:
    """`where`: the port of a server, or the path of its socket."""

    def __init__(self, where, timeout=10):
        at_port = isinstance(where, int)
        self._socket = socket.socket(socket.AF_INET if at_port else socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(("127.0.0.1", where) if at_port else str(where))
        self._input = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._input.close()
        self._socket.close()

    def call(self, *words):
        """The answer to one command."""
        return self.call_all([words])[0]

    def call_all(self, commands):
        """The answers to commands that are sent at once; none may be an error."""
        self._socket.sendall(b"".join(encoded(words) for words in commands))
        answers = [self._read() for _ in commands]
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    def _read(self):
        line = self._input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return RedisError(rest.decode("latin-1"))
        if kind == b"+":
            return rest.decode("latin-1")
        count = int(rest)
        if kind == b":" or count < 0:
            return count if kind == b":" else None
        return [self._read() for _ in range(count)] if kind == b"*" else self._input.read(count + 2)[:-2]


def encoded(words):
    octets = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(octets) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in octets)


class RedisServer:
    """One process, on `port` and on `socket`. Options are those of redis.conf, such as "maxmemory 1mb"."""

    def __init__(self, base, *options, password=None):
        self.base = make_directory(base)
        self.port = free_port()
        self.socket = self.base / "redis.sock"
        self._options = options
        self._password = password
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, *more):
        """Starts the process with these options more, and waits until it answers."""
        self.launch(*more)
        wait_until(self.is_ready, READY_SECONDS, lambda: f"Redis answers:\n{self.log_tail()}")
        return self

    def launch(self, *more):
        """Starts the process and waits for nothing."""
        words = [word for option in (*self._options, *more) for word in f"--{option}".split()]
        with open(self.base / "log", "ab") as log:
            self._process = subprocess.Popen([*self._command(), *words], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)

    def _command(self):
        secret = ["--requirepass", self._password] if self._password else []
        return [server_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.base,
                "--unixsocket", self.socket, "--unixsocketperm", "700", "--save", "", "--appendonly", "no",
                "--repl-diskless-sync-delay", "0", *secret]

    def is_ready(self):
        assert self._process.poll() is None, f"Redis ended:\n{self.log_tail()}"
        try:
            return self.call("PING") == "PONG"
        except (OSError, RedisError):
            return False

    @contextlib.contextmanager
    def connection(self):
        with RedisConnection(self.port) as connection:
            if self._password:
                connection.call("AUTH", self._password)
            yield connection

    def call(self, *words):
        with self.connection() as connection:
            return connection.call(*words)

    def info(self, section, name):
        """A value of INFO or of CLUSTER INFO."""
        text = self.call("CLUSTER", "INFO") if section == "cluster" else self.call("INFO", section)
        match = re.search(rf"(?m)^{name}:(.*?)\r?$", text.decode())
        return match.group(1) if match else None

    def keys(self):
        cursor, found = b"0", set()
        with self.connection() as connection:
            while True:
                cursor, some = connection.call("SCAN", cursor, "COUNT", 1000)
                found.update(some)
                if cursor == b"0":
                    return found

    def kill(self):
        """Ends the process at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self, *more):
        self.kill()
        return self.start(*more)

    def pause(self):
        """The process stands still from now on; the kernel goes on to take what is sent to it."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self):
        os.kill(self._process.pid, signal.SIGCONT)

    def log_tail(self, lines=40):
        return "\n".join((self.base / "log").read_text(errors="replace").splitlines()[-lines:])
