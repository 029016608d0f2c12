# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's side of a milter connection, for system tests.

    with MilterClient("unix:/tmp/x/filter.sock") as mta:
        mta.negotiate()
        mta.conn("mail.example.org", "192.0.2.1", 25)
        mta.helo("mail.example.org")
        assert mta.mail("<a@example.org>", "SIZE=1000").proceeds
        assert mta.rcpt("<nobody@example.net>").line == "550 5.1.1 ..."
        end = mta.message(headers=[("Subject", "hello")], body="text\r\n")
        assert end.kind == "continue" and end.edits == []

It drives the executable `milter-client` of the meson build directory that SLUICE_BUILD names; the
heading of milter_client_main.cc describes what goes between them. Every wait is bounded by `timeout`.

Text may be str or bytes in arguments. In results it is str when it is UTF-8, else bytes.
"""

import base64
import dataclasses
import ipaddress
import json
import os
import pathlib
import subprocess


class MilterError(Exception):
    """The exchange did not succeed: a system call failed, or the filter broke the protocol."""


class MilterClosed(MilterError):
    """The filter closed the connection."""


class MilterTimeout(MilterError):
    """The filter did not answer in time."""


class MilterUsage(MilterError):
    """milter-client does not understand the command."""


_ERRORS = {"closed": MilterClosed, "timeout": MilterTimeout, "usage": MilterUsage}


@dataclasses.dataclass(frozen=True)
class Negotiated:
    """What the filter asked for."""

    version: int
    actions: int
    steps: int
    macros: dict  # stage -> list of macros, as one text


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the filter said to a step. `kind` is "continue", "accept", "reject", "tempfail",
    "discard", "skip", "replycode", "connection-failure", "shutdown" or "none" (`why` has the reason)."""

    kind: str
    why: str = ""
    code: int = 0
    enhanced: str = ""
    text: object = ""
    line: object = ""
    edits: list = dataclasses.field(default_factory=list)  # dicts, after the end of a message

    @property
    def proceeds(self):
        """Whether an MTA would go on with the next step."""
        return self.kind in ("continue", "skip", "none")

    def edits_of(self, kind):
        """The edits of one kind: "addheader", "insheader", "chgheader", "chgfrom", ..."""
        return [edit for edit in self.edits if edit["edit"] == kind]


def _encoded(text):
    """A str goes as it is; bytes, and a str that stands for bytes (surrogateescape), as base64."""
    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(octets).decode("ascii")}


def _decoded(value):
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: _decoded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    return value


def executable():
    """The milter-client of the build directory in SLUICE_BUILD."""
    return pathlib.Path(os.environ["SLUICE_BUILD"]) / "test" / "support" / "milter-client"


class MilterClient:
    """One connection to a filter. `socket` is "unix:PATH", "inet:PORT@HOST" or "inet6:PORT@HOST"."""

    def __init__(self, socket, timeout=10.0):
        self._process = subprocess.Popen(
            [executable()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        try:
            self._ask("connect", socket=socket, **{"timeout-ms": int(timeout * 1000)})
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Drops the connection without a word. Can be called twice."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    # steps of a session

    def negotiate(self, **offer):
        """`offer`: version, actions, steps; all there is by default."""
        return Negotiated(**self._ask("negotiate", **offer))

    def macros(self, stage, /, **values):
        """`stage`: connect, helo, mail, rcpt, data, eoh, eom. They travel with the next step; those
        that the filter did not list are left out."""
        self._ask("macros", stage=stage, values={name: _encoded(each) for name, each in values.items()})

    def conn(self, host="mail.example.org", address=None, port=25, family=None):
        """The family follows from the address unless it is given; without both it is unknown."""
        if family is None:
            family = self._family(address)
        if family == "unknown":
            return self._step("conn", host=_encoded(host), family=family)
        return self._step("conn", host=_encoded(host), family=family, address=_encoded(address), port=port)

    def helo(self, name="mail.example.org", **how):
        return self._step("helo", name=_encoded(name), **how)

    def mail(self, *arguments, **how):
        """The path, then ESMTP arguments."""
        return self._step("mail", args=[_encoded(each) for each in arguments], **how)

    def rcpt(self, *arguments, **how):
        return self._step("rcpt", args=[_encoded(each) for each in arguments], **how)

    def data(self, **how):
        return self._step("data", **how)

    def unknown(self, command, **how):
        return self._step("unknown", command=_encoded(command), **how)

    def header(self, name, value=None, written=None, **how):
        """`value` follows "Name: "; `written` is all that stands behind the colon."""
        what = {"value": value} if written is None else {"written": written}
        return self._step("header", name=_encoded(name), **{key: _encoded(each) for key, each in what.items()},
                          **how)

    def eoh(self, **how):
        return self._step("eoh", **how)

    def body(self, octets, **how):
        """Of any length; goes in chunks."""
        encoded = _encoded(octets)
        return self._step("body", **(encoded if isinstance(encoded, dict) else {"text": encoded}), **how)

    def eom(self, chunk=None, **how):
        return self._step("eom", **({} if chunk is None else {"chunk": _encoded(chunk)}), **how)

    def abort(self):
        self._ask("abort")

    def quit(self):
        self._ask("quit")

    def quit_nc(self):
        """Ends the session; another may follow on the same connection."""
        self._ask("quit-nc")

    def message(self, headers=(), body=b""):
        """DATA to end of message, as an MTA does it: the first answer that is not "continue" ends it.
        Headers are pairs of name and value."""
        reply = self.data()
        for name, value in headers:
            reply = self.header(name, value) if reply.proceeds else reply
        reply = self.eoh() if reply.proceeds else reply
        reply = self.body(body) if reply.proceeds else reply
        return self.eom() if reply.proceeds else reply

    # answers apart from their steps: call a step with wait=False first

    def await_reply(self):
        return self._step("await")

    def await_eom(self):
        return self._step("await-eom")

    # what no MTA sends

    def raw(self, octets):
        """Bytes, or a str of hexadecimal digits, with or without blanks; no frame is added."""
        if isinstance(octets, str):
            octets = bytes.fromhex(octets)
        self._ask("raw", base64=base64.b64encode(octets).decode("ascii"))

    def raw_packet(self, code, payload=b""):
        """Any code, any payload, framed."""
        body = code.encode("ascii") + payload
        self.raw(len(body).to_bytes(4, "big") + body)

    def packet(self):
        """The next packet of the filter, whatever it is: its code and its payload."""
        answer = self._ask("packet")
        return answer["code"], answer["payload"]

    def await_close(self):
        """Returns when the filter has closed the connection; MilterTimeout if it does not."""
        self._ask("closed")

    @staticmethod
    def _family(address):
        if address is None:
            return "unknown"
        if os.fspath(address).startswith("/"):
            return "unix"
        return "inet6" if ipaddress.ip_address(address).version == 6 else "inet"

    def _step(self, command, /, **arguments):
        answer = self._ask(command, **arguments)
        return Reply(kind=answer.pop("reply"), **answer)

    def _ask(self, command, /, **arguments):
        try:
            self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise MilterError(f"milter-client ended with status {self._process.wait()}")
        answer = _decoded(json.loads(line))
        if "error" in answer:
            raise _ERRORS.get(answer["kind"], MilterError)(answer["error"])
        return answer
