# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server with records of several types, and with names that it is silent or fails about."""

import ipaddress
import struct

from .dns_stub import CLASS_IN, FAIL, NOERROR, NXDOMAIN, SERVFAIL, SILENT, DnsStub, parse_question

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "AAAA": 28}


def encode_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "CNAME":
        return encode_name(value)
    preference, target = value
    return struct.pack("!H", preference) + encode_name(target)


class RecordStub(DnsStub):
    """`records`: name -> {type: values}; a value of MX is (preference, name). In place of a
    dictionary: FAIL or SILENT. Other names do not exist. May be changed at any time."""

    def __init__(self, records):
        self.records = records
        super().__init__()

    def _take(self, query, sender):
        name, kind, end = parse_question(query)
        found = self.records.get(name)
        if found is SILENT:
            return
        if found is FAIL:
            self._send(self._response(query, end, SERVFAIL, []), sender)
            return
        answers = self._answers(name, kind)
        self._send(self._response(query, end, NXDOMAIN if found is None else NOERROR, answers), sender)

    def _answers(self, name, kind):
        """Tuples of an owner, a type and data, from the name on along the aliases."""
        answers = []
        while isinstance(of_name := self.records.get(name), dict):
            wanted = "CNAME" if "CNAME" in of_name else next(key for key, code in TYPES.items() if code == kind)
            answers += [(name, TYPES[wanted], encode_data(wanted, value)) for value in of_name.get(wanted, ())]
            if wanted != "CNAME":
                break
            name = of_name["CNAME"][0]
        return answers

    @staticmethod
    def _response(query, end, rcode, answers):
        header = query[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(answers), 0, 0)
        return header + query[12:end] + b"".join(
            encode_name(owner) + struct.pack("!HHIH", kind, CLASS_IN, 60, len(data)) + data
            for owner, kind, data in answers)
