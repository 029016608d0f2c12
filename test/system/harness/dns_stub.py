# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server for blocklist zones that misbehaves as a test tells it to."""

import collections
import dataclasses
import ipaddress
import socket
import struct
import threading
import typing

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
TYPE_A, CLASS_IN = 1, 1
SILENT = object()
FAIL = object()
LISTED_TEST_POINTS = ("127.0.0.2", "::ffff:127.0.0.2")


@dataclasses.dataclass
class Zone:
    """How a zone answers: `answer(client)` is asked for every address but the test points of
    RFC 5782 (127.0.0.2 is listed, 127.0.0.1 not) and gives the addresses of the A records (none:
    not listed), FAIL or SILENT. With `test_points` off it is asked for these as well."""

    answer: typing.Callable
    delay: float = 0.0
    test_points: bool = True


def never_listed(_client):
    return ()


def always(*codes):
    """An answer for everybody."""
    return lambda _client: codes


def silent(_client):
    return SILENT


def failing(_client):
    return FAIL


class DnsStub:
    """Answers on a UDP port of 127.0.0.1 for the zones in `zones` (name -> Zone, may be changed at
    any time); other names do not exist. Counts the questions for each zone in `asked`."""

    def __init__(self, zones=None):
        self.zones = dict(zones or {})
        self.asked = collections.Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1@{self.port}"
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopped = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, sender = self._socket.recvfrom(4096)
            if self._stopped:
                return
            if len(query) > 12:
                self._take(query, sender)

    def _take(self, query, sender):
        name, kind, end = parse_question(query)
        zone_name = next((zone for zone in self.zones if name.endswith("." + zone)), None)
        if zone_name is None:
            self._send(response(query, end, NXDOMAIN), sender)
            return
        zone = self.zones[zone_name]
        self.asked[zone_name] += 1
        answer = self._answer(zone, client_of(name[:-len(zone_name) - 1])) if kind == TYPE_A else ()
        if answer is SILENT:
            return
        packet = answer_packet(query, end, answer)
        if zone.delay:
            timer = threading.Timer(zone.delay, self._send, (packet, sender))
            timer.daemon = True
            timer.start()
        else:
            self._send(packet, sender)

    @staticmethod
    def _answer(zone, client):
        if zone.test_points and client in LISTED_TEST_POINTS:
            return ("127.0.0.2",)
        if zone.test_points and client in ("127.0.0.1", "::ffff:127.0.0.1"):
            return ()
        return zone.answer(client)

    def _send(self, packet, sender):
        try:
            self._socket.sendto(packet, sender)
        except OSError:
            pass


def parse_question(query):
    """Name (small letters, no final dot), type and the offset behind the question."""
    labels, offset = [], 12
    while query[offset]:
        labels.append(query[offset + 1:offset + 1 + query[offset]])
        offset += 1 + query[offset]
    kind, = struct.unpack_from("!H", query, offset + 1)
    return b".".join(labels).decode("latin-1").lower(), kind, offset + 5


def client_of(prefix):
    """The address that a query name asks about; None when the name is no reversed address."""
    labels = prefix.split(".")[::-1]
    try:
        if len(labels) == 4:
            return str(ipaddress.ip_address(".".join(labels)))
        digits = "".join(labels)
        address = ipaddress.IPv6Address(int(digits, 16)) if len(digits) == 32 else None
    except ValueError:
        return None
    mapped = address and address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else str(address)


def answer_packet(query, end, answer):
    if answer is FAIL:
        return response(query, end, SERVFAIL)
    return response(query, end, NOERROR if answer else NXDOMAIN, answer)


def response(query, end, rcode, addresses=()):
    """The response to a query whose question ends at `end`."""
    flags = 0x8580 | rcode
    header = query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0)
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", TYPE_A, CLASS_IN, 60, 4)
                       + ipaddress.IPv4Address(each).packed for each in addresses)
    return header + query[12:end] + records
