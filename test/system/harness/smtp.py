# SPDX-License-Identifier: BSD-2-Clause
"""An SMTP client that sends any octets and shows each reply as it came."""

import contextlib
import dataclasses
import re
import secrets
import socket

REPLY_TIMEOUT_SECONDS = 30
ENHANCED_CODE = re.compile(r"([245]\.\d{1,3}\.\d{1,3}) ?")


@dataclasses.dataclass(frozen=True)
class Reply:
    """A reply: `line` is what a test compares, "550 5.7.1 Text"."""

    code: int
    texts: tuple

    @property
    def line(self):
        return f"{self.code} " + "\n".join(self.texts)

    @property
    def enhanced(self):
        match = ENHANCED_CODE.match(self.texts[-1])
        return match.group(1) if match else None

    @property
    def text(self):
        return ENHANCED_CODE.sub("", self.texts[-1], count=1)

    @property
    def status(self):
        return f"{self.code} {self.enhanced}"

    def __str__(self):
        return self.line


class SmtpClient:
    """One connection. `source` is the loopback address to come from."""

    def __init__(self, port, source=None, timeout=REPLY_TIMEOUT_SECONDS):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout,
                                               (source, 0) if source else None)
        self._input = self.socket.makefile("rb")
        with self.closed_on_failure():
            self.greeting = self.read_reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._input.close()
        self.socket.close()

    @contextlib.contextmanager
    def closed_on_failure(self):
        """A client that nobody gets hold of must not keep a session of the server open."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def send(self, octets):
        self.socket.sendall(octets)

    def read_reply(self):
        texts = []
        while True:
            line = self._input.readline()
            if not line:
                raise ConnectionResetError(f"the server closed the connection after {texts}")
            line = line.decode("latin-1").rstrip("\r\n")
            texts.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), tuple(texts))

    def command(self, line):
        """Sends one command (text or octets, without its CRLF) and returns the reply."""
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.read_reply()

    def ehlo(self, name="client.example"):
        return self.command(f"EHLO {name}")

    def mail(self, sender="sender@out.example", parameters=""):
        return self.command(f"MAIL FROM:<{sender}>{' ' + parameters if parameters else ''}")

    def rcpt(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, octets):
        """DATA with these octets, dots doubled; returns the reply to the final dot, or the
        refusal of DATA itself."""
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        self.send(dot_stuffed(octets) + b".\r\n")
        return self.read_reply()

    def quit(self):
        """Says QUIT and closes; returns the reply."""
        reply = self.command("QUIT")
        self.close()
        return reply

    def is_closed(self):
        """Whether the server closes the connection, waiting for it; unread replies do not count."""
        try:
            while self.socket.recv(4096):
                pass
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def deliver(self, sender, recipients, octets):
        """A whole transaction that must succeed up to DATA; returns the reply to the message."""
        require(self.mail(sender), 250)
        for recipient in recipients:
            require(self.rcpt(recipient), 250)
        return self.data(octets)


def require(reply, code):
    """The reply, which must have this code."""
    assert reply.code == code, f"expected {code}, got {reply.line}"
    return reply


def dot_stuffed(octets):
    """Message octets as they travel after DATA (RFC 5321 section 4.5.2)."""
    assert octets.endswith(b"\r\n")
    return (b"." if octets.startswith(b".") else b"") + octets.replace(b"\r\n.", b"\r\n..")


def new_token():
    """A word that no other message has, to find this one again."""
    return secrets.token_hex(8)


def message(*header_lines, token="", body=b"Hello.\r\n", sender="sender@out.example"):
    """A complete message with `token` in its Message-ID. `header_lines` are text or octets; a field
    among them takes the place of the usual one."""
    lines = [line if isinstance(line, bytes) else line.encode() for line in header_lines]
    given = {line.split(b":")[0].lower() for line in lines}
    usual = [f"From: <{sender}>", "To: <user@test.example>", "Date: Mon, 06 Jul 2026 10:00:00 +0000",
             f"Message-ID: <{token or new_token()}@out.example>", "Subject: test"]
    head = [line.encode() for line in usual if line.split(":")[0].lower().encode() not in given]
    return b"\r\n".join(head + lines) + b"\r\n\r\n" + body
