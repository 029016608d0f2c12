# SPDX-License-Identifier: BSD-2-Clause
"""Mail servers in all states of health, each on an address of its own and all on one port."""

import socket
import threading

BANNER = b"220 mx.example ESMTP\r\n"
MASKED = b"220 " + b"*" * 30 + b"2" + b"*" * 8 + b"0*" * 4 + b"\r\n"
GREETED = b"250-mx.example\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n"
LONGEST_SESSION = 60


class MailServer:
    """`banner` is said to each client; `replies` maps a command (b"EHLO") to a reply. Without a
    reply it is silent, and None ends the connection. Notes the commands that came."""

    def __init__(self, address, port, banner=BANNER, **replies):
        self.replies = {"EHLO": GREETED, "HELO": b"250 mx.example\r\n", "QUIT": b"221 bye\r\n", **replies}
        self.banner = banner
        self.commands = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=100)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        client.settimeout(LONGEST_SESSION)
        try:
            with client, client.makefile("rb") as commands:
                if not self._say(client, self.banner):
                    return
                for line in commands:
                    self.commands.append(line)
                    if not self._say(client, self.replies.get(line[:4].decode().upper(), b"500 what?\r\n")):
                        return
        except OSError:
            pass

    @staticmethod
    def _say(client, text):
        if text:
            client.sendall(text)
        return text is not None

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class BlackHole:
    """Takes no connection: its queue is full, so that the kernel drops what comes."""

    def __init__(self, address, port):
        self._listener = socket.create_server((address, port), backlog=0)
        self._waiting = [socket.socket() for _ in range(4)]
        for client in self._waiting:
            client.setblocking(False)
            client.connect_ex((address, port))

    def stop(self):
        for each in [*self._waiting, self._listener]:
            each.close()
