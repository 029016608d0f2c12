# SPDX-License-Identifier: BSD-2-Clause
"""An SMTP server that takes all mail and remembers envelope and octets."""

import contextlib
import dataclasses
import re
import socketserver
import threading

from .waiting import wait_until

ADDRESS = re.compile(rb"<([^>]*)>")


@dataclasses.dataclass
class Delivery:
    """One message as the mail server handed it on."""

    sender: str
    recipients: list
    octets: bytes
    mail_parameters: str = ""  # what stood behind the address of MAIL
    rcpt_parameters: tuple = ()  # the same of each recipient

    @property
    def head(self):
        return self.octets.split(b"\r\n\r\n", 1)[0] + b"\r\n"

    @property
    def body(self):
        return self.octets.split(b"\r\n\r\n", 1)[1]

    def header_lines(self, name):
        """The lines of this header field, each with its continuation lines, as they came."""
        field = re.compile(rb"(?im)^" + re.escape(name.encode()) + rb":.*?\r\n(?:[ \t].*?\r\n)*")
        return field.findall(self.head)


class _Session(socketserver.StreamRequestHandler):
    timeout = 60

    def say(self, line):
        self.wfile.write(line + b"\r\n")

    def handle(self):
        self.begin(b"")
        try:
            self.say(b"220 sink.example ESMTP")
            while self.one_command(self.rfile.readline()):
                pass
        except OSError:
            pass

    def begin(self, line):
        self.sender, self.mail_parameters = self.address(line), self.parameters(line)
        self.recipients, self.rcpt_parameters = [], []

    def one_command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say(b"250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES")
        elif verb == b"MAIL":
            self.begin(line)
            self.say(b"250 2.1.0 ok")
        elif verb == b"RCPT":
            self.recipient(line)
        elif verb == b"DATA":
            self.say(b"354 go on")
            self.server.sink.take(Delivery(self.sender, self.recipients, self.read_message(),
                                           self.mail_parameters, tuple(self.rcpt_parameters)))
            self.say(b"250 2.0.0 taken")
        elif verb == b"QUIT":
            self.say(b"221 2.0.0 bye")
        else:
            self.say(b"250 2.0.0 ok")
        return line and verb != b"QUIT"

    def recipient(self, line):
        if self.server.sink.refuses(self.address(line)):
            self.say(b"550 5.1.1 No such user here")
            return
        self.recipients.append(self.address(line))
        self.rcpt_parameters.append(self.parameters(line))
        self.say(b"250 2.1.5 ok")

    @staticmethod
    def address(line):
        match = ADDRESS.search(line)
        return match.group(1).decode("latin-1") if match else ""

    @staticmethod
    def parameters(line):
        return line.partition(b">")[2].strip().decode("latin-1")

    def read_message(self):
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                raise OSError("the client went away")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


class Sink:
    def __init__(self):
        self._deliveries = []
        self._audience = None
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.sink = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def watched_by(self, audience):
        """Until the block ends, `audience` has a word in what is taken: refuses(address) of a
        recipient, and react(delivery) before the client gets its reply."""
        self._audience = audience
        try:
            yield audience
        finally:
            self._audience = None

    def refuses(self, address):
        return self._audience is not None and self._audience.refuses(address)

    def take(self, delivery):
        with self._lock:
            self._deliveries.append(delivery)
        if self._audience is not None:
            self._audience.react(delivery)

    def deliveries(self, marker=b""):
        """The deliveries whose octets hold `marker`."""
        with self._lock:
            return [each for each in self._deliveries if marker in each.octets]

    def wait_for(self, marker, count=1, timeout=20):
        """The deliveries that hold `marker`, when there are `count` of them."""
        return wait_until(lambda: self.matching(marker, count), timeout,
                          f"{count} deliveries with {marker!r}")

    def matching(self, marker, count):
        found = self.deliveries(marker)
        return found if len(found) >= count else None
