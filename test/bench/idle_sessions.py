# SPDX-License-Identifier: BSD-2-Clause
"""Sessions that have said HELO and then say nothing."""

import socket
import struct

from bench_site import CLIENTS

ANSWER_SECONDS = 30
OFFER = struct.pack("!III", 6, 0x1FF, 0x1FFFFF)  # version, actions, steps
NO_CONNECT, NO_HELO, SILENT_CONNECT, SILENT_HELO = 0x1, 0x2, 0x1000, 0x2000


def packet(code, payload=b""):
    return struct.pack("!I", 1 + len(payload)) + code + payload


class IdleSession:
    """One of them, at a unix or inet socket as the filters name it."""

    def __init__(self, address, number):
        kind, _, where = address.partition(":")
        if kind == "unix":
            self._socket = socket.socket(socket.AF_UNIX)
            place = where
        else:
            port, _, host = where.partition("@")
            self._socket = socket.socket(socket.AF_INET)
            place = (host, int(port))
        try:
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.connect(place)
            self._open(f"198.18.0.{number % CLIENTS}")
        except BaseException:
            self.close()
            raise

    def close(self):
        self._socket.close()

    def _open(self, client):
        steps = struct.unpack("!III", self._ask(packet(b"O", OFFER))[1:13])[2]
        greeting = b"client.example\0" + b"4" + struct.pack("!H", 40000) + client.encode() + b"\0"
        self._say(packet(b"C", greeting), steps, NO_CONNECT, SILENT_CONNECT)
        self._say(packet(b"H", b"client.example\0"), steps, NO_HELO, SILENT_HELO)

    def _say(self, words, steps, unwanted, silent):
        if steps & unwanted:
            return
        if steps & silent:
            self._socket.sendall(words)
        elif (answer := self._ask(words)) != b"c":
            raise RuntimeError(f"the filter does not take an idle session: {answer}")

    def _ask(self, words):
        self._socket.sendall(words)
        return self._receive(struct.unpack("!I", self._receive(4))[0])

    def _receive(self, size):
        octets = b""
        while len(octets) < size:
            some = self._socket.recv(size - len(octets))
            if not some:
                raise RuntimeError("the filter closed an idle session")
            octets += some
        return octets


class IdleSessions:
    """So many at once; they end with the `with` block."""

    def __init__(self, address, count):
        self._address = address
        self._count = count
        self._sessions = []

    def __enter__(self):
        try:
            for number in range(self._count):
                self._sessions.append(IdleSession(self._address, number))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for session in self._sessions:
            session.close()
