# SPDX-License-Identifier: BSD-2-Clause
"""A Sendmail of our own, from packages that are unpacked and not installed (they conflict with
Postfix). It runs in a UTS name space of its own, for it needs a host name with a dot.
All mail it accepts goes to one SMTP port."""

import os
import pathlib
import re
import signal
import socket
import subprocess

from .packages import unpack
from .process import OutputCollector, free_port, make_directory, program, run
from .smtp import Reply, SmtpClient, require
from .waiting import wait_until

PACKAGES = ("sendmail-bin", "sendmail-base", "sendmail-cf")
HOST_NAME = "mx2.test.example"
ADDRESS_IN_FRONT = re.compile(r"^(\d\.\d\.\d )<.*>\.\.\. ")

SENDMAIL_MC = """\
divert(-1)
divert(0)dnl
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`QUEUE_DIR', `{base}/queue')dnl
define(`confPID_FILE', `{base}/sendmail.pid')dnl
define(`STATUS_FILE', `{base}/statistics')dnl
define(`HELP_FILE', `{root}/etc/mail/helpfile')dnl
define(`ALIAS_FILE', `{base}/aliases')dnl
define(`confCW_FILE', `{base}/local-host-names')dnl
define(`confSERVICE_SWITCH_FILE', `{base}/service.switch')dnl
define(`confHOSTS_FILE', `{base}/hosts')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `Safe,GroupWritableDirPathSafe,ClassFileInUnsafeDirPath,MapInUnsafeDirPath,IncludeFileInUnsafeDirPath,HelpFileInUnsafeDirPath,ForwardFileInUnsafeDirPath,WorldWritableAliasFile,LinkedAliasFileInWritableDir')dnl
define(`confTO_IDENT', `0')dnl
define(`confMILTER_LOG_LEVEL', `14')dnl
define(`confREFUSE_LA', `100000')dnl
define(`confQUEUE_LA', `100000')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confMAX_HOP', `200')dnl
define(`confMAX_HEADERS_LENGTH', `0')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink_port}')dnl
define(`LOCAL_RELAY', `relay:[127.0.0.1]')dnl
define(`MAIL_HUB', `relay:[127.0.0.1]')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Port={port}, Addr=127.0.0.1, Family=inet')dnl
DAEMON_OPTIONS(`Name=SUBMISSION, Port={submission_port}, Addr=127.0.0.1, Family=inet')dnl
DAEMON_OPTIONS(`Name=OTHER, Port={other_port}, Addr=127.0.0.1, Family=inet')dnl
INPUT_MAIL_FILTER(`sluice', `S=local:{milter_socket}, F=T, T=C:30s;S:10s;R:10s;E:60s')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""


class SendmailClient(SmtpClient):
    """A client that leaves out the address which Sendmail puts in front of the text of some refusals:
    `550 5.1.1 <user@test.example>... User unknown`."""

    def read_reply(self):
        reply = super().read_reply()
        return Reply(reply.code, tuple(ADDRESS_IN_FRONT.sub(r"\1", text) for text in reply.texts))


def without_hub(configuration):
    """Mail for local users goes to them, and so they must exist."""
    lines = configuration.splitlines(keepends=True)
    return "".join(line for line in lines if "LOCAL_RELAY" not in line and "MAIL_HUB" not in line)


class Sendmail:
    """Listens on three ports: `port`, `submission_port` (whose name is SUBMISSION) and `other_port`.
    It has no XCLIENT: a client comes from the loopback address 127.0.0.N. With `users` it knows these
    of test.example, and refuses all others there."""

    name = "sendmail"
    has_login = False

    def __init__(self, base, milter_socket, sink_port, users=()):
        self.base = make_directory(base)
        self.queue_directory = make_directory(self.base / "queue", 0o700)
        self.root = unpack(self.base, PACKAGES)
        self.binary = self._find_binary()
        self.port, self.submission_port, self.other_port = (free_port() for _ in range(3))
        self._users = users
        self._lay_out(milter_socket, sink_port)
        self._start()

    def _find_binary(self):
        places = [self.root / "usr" / "libexec" / "sendmail" / "sendmail",
                  self.root / "usr" / "lib" / "sm.bin" / "sendmail"]
        return next(place for place in places if place.exists())

    def _lay_out(self, milter_socket, sink_port):
        source = self.base / "sendmail.mc"
        source.write_text((without_hub(SENDMAIL_MC) if self._users else SENDMAIL_MC).format(
            root=self.root, base=self.base, host=HOST_NAME, port=self.port,
            submission_port=self.submission_port, other_port=self.other_port, sink_port=sink_port,
            milter_socket=milter_socket))
        (self.base / "local-host-names").write_text("localhost\n" + ("test.example\n" if self._users else ""))
        (self.base / "service.switch").write_text("hosts files\naliases files\npasswd files\n")
        (self.base / "hosts").write_text(f"127.0.0.1 {HOST_NAME} localhost\n")
        (self.base / "aliases").write_text("root: /dev/null\n" + "".join(
            f"{user}: {user}@mailbox.example\n" for user in self._users))
        made = run(program("m4"), f"-D_CF_DIR_={self.root}/usr/share/sendmail/cf/", source)
        (self.base / "sendmail.cf").write_text(made.stdout)

    def _command(self, *arguments):
        return [program("unshare"), "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', HOST_NAME,
                str(self.binary), "-C", str(self.base / "sendmail.cf"), *arguments]

    def _start(self):
        run(*self._command("-bi"))
        self._process = subprocess.Popen(self._command("-bD", "-X", str(self.base / "traffic")),
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        self.output = OutputCollector(self._process.stdout)
        wait_until(self._listens, 30, lambda: "Sendmail listens:\n" + "\n".join(self.output.lines()))

    def _listens(self):
        try:
            for port in (self.port, self.submission_port, self.other_port):
                socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        except OSError:
            return False

    def stop(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(20)

    @staticmethod
    def address(number):
        """The address that a client with this number has."""
        return f"127.0.0.{number}"

    def connect(self, number=1, port=None, login=None, ehlo=True):
        """A client from address(number)."""
        assert login is None, "no client can log in to this Sendmail"
        client = SendmailClient(port or self.port, self.address(number))
        if ehlo and client.greeting.code == 220:
            require(client.ehlo(), 250)
        return client

    def queue(self):
        """The files that describe queued messages: qf…, and hf… for those in quarantine."""
        return sorted(pathlib.Path(self.queue_directory).glob("[qh]f*"))

    def active(self):
        """How many messages wait for delivery."""
        return sum(path.name.startswith("qf") for path in self.queue())

    def held(self):
        """The content of each message in quarantine, envelope and all."""
        return [path.read_bytes() + self._body_of(path) for path in self.queue()
                if path.name.startswith("hf")]

    def _body_of(self, path):
        return (self.queue_directory / ("df" + path.name[2:])).read_bytes()

    def clear_queue(self):
        for path in self.queue_directory.iterdir():
            path.unlink()

    def log_tail(self, lines=40):
        path = self.base / "traffic"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
