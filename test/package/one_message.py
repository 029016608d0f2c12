# SPDX-License-Identifier: BSD-2-Clause
"""Hands one message to the filter at the unix socket in the first argument, from the sender in the
second, as a mail server does, and prints the last answer: c continue, d discard, t temporary
failure, or a line of SMTP. Needs nothing but Python, so that it runs anywhere and as any user."""

import socket
import struct
import sys

EVERY_EDIT = 0x1FF
NO_SHORT_CUTS = 0  # each step gets its answer
EDITS = b"+-2hiemqb1"  # that come before the last answer

path, sender = sys.argv[1:3]
mta = socket.socket(socket.AF_UNIX)
mta.settimeout(20)
mta.connect(path)


def receive(octets):
    data = mta.recv(octets, socket.MSG_WAITALL)
    assert len(data) == octets, "the filter closed the connection"
    return data


def ask(code, payload=b""):
    mta.sendall(struct.pack("!I", len(payload) + 1) + code + payload)
    while True:
        answer = receive(struct.unpack("!I", receive(4))[0])
        if answer[:1] not in [bytes([edit]) for edit in EDITS]:
            return answer


answer = ask(b"O", struct.pack("!III", 6, EVERY_EDIT, NO_SHORT_CUTS))
assert answer[:1] == b"O", answer
for code, payload in (
        (b"C", b"client.example\0" + b"4" + struct.pack("!H", 25) + b"192.0.2.77\0"),
        (b"H", b"client.example\0"),
        (b"M", b"<" + sender.encode() + b">\0"),
        (b"R", b"<anna@here.example>\0"),
        (b"T", b""),
        (b"L", b"From\0 " + sender.encode() + b"\0"),
        (b"L", b"Message-ID\0 <1@client.example>\0"),
        (b"N", b""),
        (b"B", b"text\r\n"),
        (b"E", b"")):
    answer = ask(code, payload)
    if answer[:1] != b"c":
        break
print(answer.strip(b"\0").decode().removeprefix("y"))
