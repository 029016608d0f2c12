# SPDX-License-Identifier: BSD-2-Clause
"""A Postfix of our own in a private directory. All mail it accepts goes to one SMTP port."""

import json
import re
import socket
import subprocess

from .process import free_port, make_directory, program, run
from .smtp import SmtpClient, require
from .waiting import wait_until

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/log/maillog
maillog_file_prefixes = {base}, /var, /dev/stdout
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.test.example
mydomain = test.example
myorigin = test.example
mydestination = test.example, localhost
mynetworks = 0.0.0.0/0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
local_recipient_maps =
alias_maps =
alias_database =
default_transport = smtp:[127.0.0.1]:{sink_port}
local_transport = smtp:[127.0.0.1]:{sink_port}
relay_transport = smtp:[127.0.0.1]:{sink_port}
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_milters = unix:{milter_socket}
milter_default_action = tempfail
milter_protocol = 6
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_peername_lookup = no
local_header_rewrite_clients =
smtp_dns_support_level = disabled
smtputf8_enable = yes
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_recipient_limit = 50000
smtpd_recipient_overshoot_limit = 50000
message_size_limit = 50000000
mailbox_size_limit = 0
in_flow_delay = 0
notify_classes =
"""

SERVICES = """\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def names_of(lines):
    """The parameters that lines of main.cf set."""
    return set(re.findall(r"(?m)^(\w+) *=", lines))


def without_those_of(more, lines):
    """Lines of main.cf without the parameters that `more` sets. Every process of Postfix would warn of a parameter
    that is set twice, the one that takes the warnings among them: with many of them it waits for itself."""
    return "".join(line for line in lines.splitlines(True) if not names_of(line) & names_of(more))


def local_users(base, users):
    """Lines of main.cf."""
    if not users:
        return ""
    (base / "users").write_text("".join(f"{user} yes\n" for user in users))
    return f"local_recipient_maps = texthash:{base}/users\n"


class Postfix:
    """Listens on three ports: `port`, `submission_port` (whose milter name is SUBMISSION) and
    `other_port`. A client address comes from XCLIENT: 192.0.2.N. With `users` it knows these of
    test.example, and refuses all others there. `more` is for main.cf."""

    name = "postfix"
    has_login = True

    def __init__(self, base, milter_socket, sink_port, users=(), more=""):
        self.base = make_directory(base)
        self.etc = make_directory(self.base / "etc")
        self.port, self.submission_port, self.other_port = (free_port() for _ in range(3))
        self._more = local_users(self.base, users) + more
        self._lay_out(milter_socket, sink_port)
        self._postfix("start")
        self._wait_until_listening()

    def _lay_out(self, milter_socket, sink_port):
        make_directory(self.base / "queue")
        make_directory(self.base / "data", 0o700, "postfix")
        make_directory(self.base / "log")
        daemons = run(program("postconf"), "-d", "-h", "daemon_directory").stdout.strip()
        usual = MAIN_CF.format(base=self.base, daemons=daemons, sink_port=sink_port, milter_socket=milter_socket)
        (self.etc / "main.cf").write_text(without_those_of(self._more, usual) + self._more)
        (self.etc / "master.cf").write_text(
            f"127.0.0.1:{self.port} inet n - n - 200 smtpd\n"
            f"127.0.0.1:{self.submission_port} inet n - n - - smtpd\n"
            "  -o milter_macro_daemon_name=SUBMISSION\n"
            f"127.0.0.1:{self.other_port} inet n - n - - smtpd\n" + SERVICES)

    def _postfix(self, verb, check=True):
        return run(program("postfix"), "-c", self.etc, verb, check=check)

    def _wait_until_listening(self):
        def greets():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5):
                    return True
            except OSError:
                return False
        wait_until(greets, 30, lambda: f"Postfix listens:\n{self.log_tail()}")

    def stop(self):
        self._postfix("stop", check=False)

    def set(self, **parameters):
        """Changes main.cf parameters and lets Postfix read them."""
        run(program("postconf"), "-c", self.etc, "-e", *(f"{k}={v}" for k, v in parameters.items()))
        self._postfix("reload")

    @staticmethod
    def address(number):
        """The address that a client with this number has."""
        return f"192.0.2.{number}"

    def connect(self, number=1, port=None, login=None, ehlo=True):
        """A client from address(number), with the greeting that was meant for it. `login` makes
        it one that has authenticated as that user."""
        client = SmtpClient(port or self.port)
        with client.closed_on_failure():
            require(client.ehlo(), 250)
            attributes = f"NAME=[UNAVAILABLE] ADDR={self.address(number)}"
            client.greeting = client.command(f"XCLIENT {attributes}{' LOGIN=' + login if login else ''}")
            if ehlo and client.greeting.code == 220:
                require(client.ehlo(), 250)
        return client

    def queue(self):
        """The messages in the queue, as postqueue tells them."""
        listing = run(program("postqueue"), "-c", self.etc, "-j").stdout
        return [json.loads(line) for line in listing.splitlines()]

    def active(self):
        """How many messages wait for delivery."""
        return sum(entry["queue_name"] != "hold" for entry in self.queue())

    def held(self):
        """The content of each message in quarantine, envelope and all."""
        ids = [entry["queue_id"] for entry in self.queue() if entry["queue_name"] == "hold"]
        return [run(program("postcat"), "-c", self.etc, "-q", each).stdout.encode() for each in ids]

    def delete(self, queue_ids):
        subprocess.run([program("postsuper"), "-c", str(self.etc), "-d", "-"], text=True, check=True, timeout=300,
                       input="".join(f"{each}\n" for each in queue_ids), capture_output=True)

    def clear_queue(self):
        run(program("postsuper"), "-c", self.etc, "-d", "ALL")

    def log_tail(self, lines=40):
        path = self.base / "log" / "maillog"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
