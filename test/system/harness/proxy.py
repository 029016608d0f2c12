# SPDX-License-Identifier: BSD-2-Clause
"""A proxy between the daemon and Redis, which counts what goes through and can spoil questions and answers."""

import contextlib
import selectors
import socket
import struct
import threading
import time

from .process import free_port

CHUNK = 65536
AT_ONCE_AND_HARD = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets the connection


# What becomes of the octets of an answer: the `answer` of Proxy.spoil().

def one_by_one(pause):
    def answer(client, octets):
        for octet in octets:
            client.sendall(bytes([octet]))
            time.sleep(pause)
    return answer


def silence(_, __):
    pass


def reset(client, _):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE_AND_HARD)
    raise ConnectionResetError("as wished")


def instead(junk):
    return lambda client, _: client.sendall(junk)


def twice(client, octets):
    client.sendall(octets * 2)


def late(seconds):
    def answer(client, octets):
        time.sleep(seconds)
        client.sendall(octets)
    return answer


class Proxy:
    """Listens on `port` for the server on the port `target`. `requests`: what was sent in each round
    trip, up to the answer; `connections`: how many there were."""

    def __init__(self, target):
        self._target = target
        self.port = free_port()
        self.requests = []
        self.connections = 0
        self._lock = threading.Lock()
        self._clients = set()
        self._waiting = []
        self.restore()

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, *_):
        self.close()

    def restore(self):
        """All goes through unspoilt."""
        self._asked = bytes
        self._answer = lambda client, octets: client.sendall(octets)

    def change(self, asked):
        """The server is given asked(octets) for what the daemon says."""
        self._asked = asked

    def spoil(self, answer):
        """Calls answer(client, octets) for what the server says."""
        self._answer = answer

    def listen(self, backlog=100):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(backlog)
        self._acceptor = None
        if backlog:
            self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
            self._acceptor.start()

    def close(self):
        """Takes no connection any more and ends those that there are."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._acceptor:
            self._acceptor.join(10)
        self._listener.close()
        for each in self._waiting:
            each.close()
        self._waiting = []
        with self._lock:
            threads = [thread for _, thread in self._clients]
            for client, _ in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)

    def vanish(self):
        """From now on nobody answers who wants to connect, as behind a firewall: the queue is full."""
        self.close()
        self.listen(backlog=0)
        for _ in range(4):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(each)

    def come_back(self):
        self.close()
        self.listen()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                with self._lock:
                    self.connections += 1
                    self._clients.add((client, thread))
                thread.start()

    def _serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._carry(client, server)
        with self._lock:
            self._clients.discard((client, threading.current_thread()))

    def _carry(self, client, server):
        request = None
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
            while True:
                for ready in {key.fileobj for key, _ in selector.select()}:
                    octets = ready.recv(CHUNK)
                    if not octets:
                        return
                    if ready is client:
                        if request is None:
                            request = bytearray()
                            self.requests.append(request)
                        request += octets
                        server.sendall(self._asked(bytes(octets)))
                    else:
                        request = None
                        self._answer(client, octets)
