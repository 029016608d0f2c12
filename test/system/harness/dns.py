# SPDX-License-Identifier: BSD-2-Clause
"""Real DNS servers: rbldnsd with blocklists, and unbound in front of it as the resolver."""

import shutil
import socket
import subprocess

from .dns_stub import parse_question
from .process import OutputCollector, free_port, make_directory, program
from .waiting import wait_until

HEAD = """\
$SOA 300 ns.{zone} hostmaster.{zone} 1 600 300 86400 300
$NS 300 ns.{zone}
$TTL 120
"""

UNBOUND_CONF = """\
server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{base}"
  pidfile: "{base}/unbound.pid"
  use-syslog: no
  logfile: ""
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
remote-control:
  control-enable: no
"""

LOOK_UP_SECONDS = 0.5

STUB_ZONE = """\
stub-zone:
  name: "{zone}"
  stub-addr: 127.0.0.1@{port}
"""


class Dns:
    """`zones`: name -> (rbldnsd data set type, lines of data). `resolver` is what sluice's option of
    that name takes."""

    def __init__(self, base, zones):
        self.base = make_directory(base)
        self._zones = zones
        self._list_port = free_port(socket.SOCK_DGRAM)
        self._port = free_port(socket.SOCK_DGRAM)
        self.resolver = f"127.0.0.1@{self._port}"
        self._processes = [self._start_rbldnsd(), self._start_unbound()]
        wait_until(self._answers, 20, self._output)

    def _start_rbldnsd(self):
        data_sets = []
        for zone, (kind, lines) in self._zones.items():
            path = self.base / f"{zone}.zone"
            path.write_text(HEAD.format(zone=zone) + "\n".join(lines) + "\n")
            shutil.chown(path, "rbldns")
            data_sets.append(f"{zone}:{kind}:{path}")
        return self._spawn(program("rbldnsd"), "-n", "-4", "-f", "-u", "rbldns:rbldns", "-w", self.base,
                           "-b", f"127.0.0.1/{self._list_port}", *data_sets)

    def _start_unbound(self):
        path = self.base / "unbound.conf"
        stubs = "".join(STUB_ZONE.format(zone=zone, port=self._list_port) for zone in self._zones)
        path.write_text(UNBOUND_CONF.format(base=self.base, port=self._port) + stubs)
        return self._spawn(program("unbound"), "-d", "-c", path)

    @staticmethod
    def _spawn(*command):
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        process.collector = OutputCollector(process.stdout)
        return process

    def _output(self):
        lines = [line for process in self._processes for line in process.collector.lines()]
        return "the DNS servers answer:\n" + "\n".join(lines)

    def _answers(self):
        return all("127.0.0.2" in self.look_up("127.0.0.2", zone)
                   for zone, (_, lines) in self._zones.items() if any(lines))

    def look_up(self, address, zone):
        """The addresses that the resolver gives for an IPv4 client in a zone."""
        name = ".".join(address.split(".")[::-1]) + "." + zone
        question = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + question + b"\0\0\x01\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(LOOK_UP_SECONDS)
            asker.sendto(query, ("127.0.0.1", self._port))
            try:
                return set(addresses_in(asker.recv(4096)))
            except OSError:
                return set()

    def stop(self):
        for process in self._processes:
            process.terminate()
            process.wait(10)


def addresses_in(packet):
    """The A records of a response whose answers have compressed names."""
    end = parse_question(packet)[2]
    for number in range(int.from_bytes(packet[6:8], "big")):
        record = packet[end + 16 * number:end + 16 * number + 16]
        yield ".".join(str(octet) for octet in record[12:16])
