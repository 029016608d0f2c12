# SPDX-License-Identifier: BSD-2-Clause
"""The filter is killed at each stage of a message, and in the middle of its answer: the mail server
puts the message off, nothing is delivered half edited, and a new filter takes over."""

import random
import socket
import struct
import threading
import time

import pytest

from harness.envelopes import key_file
from harness.sluice import NEGOTIATION, packet
from harness.smtp import dot_stuffed, message, new_token, require

TEAM = "team@test.example"
KILLS_IN_THE_ANSWER = 12
LONGEST_ANSWER_SECONDS = 0.02
FINAL = b"acdrtyfs4"  # codes of replies that end a stage; the others are edits
TEMPORARY = range(400, 500)
STEPS = ("greeting", "MAIL", "RCPT", "DATA", "headers", "body")


def configuration(site):
    return (f"key-file = {key_file(site)}", f"list = {TEAM} return-path=null")


def is_temporary(ask):
    """Whether the server puts off; it may close the connection too."""
    try:
        return ask().code in TEMPORARY
    except OSError:
        return True


def go_up_to(session, step, octets):
    """The dialogue as far as `step`."""
    head, body = octets.split(b"\r\n\r\n", 1)
    walk = {"greeting": lambda: None,
            "MAIL": lambda: require(session.mail(), 250),
            "RCPT": lambda: require(session.rcpt(TEAM), 250),
            "DATA": lambda: require(session.command("DATA"), 354),
            "headers": lambda: session.send(head + b"\r\n\r\n"),
            "body": lambda: session.send(dot_stuffed(body))}
    for name, do in walk.items():
        do()
        if name == step:
            return


def finish(session, step, octets):
    """The rest of the dialogue, up to the first refusal; the last reply."""
    head, body = octets.split(b"\r\n\r\n", 1)
    at = STEPS.index(step)
    if at < STEPS.index("DATA"):
        for ask in (session.mail, lambda: session.rcpt(TEAM), lambda: session.data(octets))[at:]:
            reply = ask()
            if reply.code != 250:
                break
        return reply
    session.send({"DATA": head + b"\r\n\r\n" + dot_stuffed(body), "headers": dot_stuffed(body), "body": b""}[step] + b".\r\n")
    return session.read_reply()


@pytest.mark.parametrize("step", STEPS)
def test_killed_between_two_stages(site, mta, step):
    token = new_token()
    octets = message(f"To: {TEAM}", token=token)
    with site.sluice(*configuration(site)) as daemon:
        with mta.connect() as session:
            go_up_to(session, step, octets)
            daemon.kill()
            assert is_temporary(lambda: finish(session, step, octets)), "the message is put off"
        daemon.start()
        site.require_nothing_delivered(mta, token)
        delivered, = site.deliver(mta, octets, token, recipients=(TEAM,))
        assert delivered.sender == "" and len(delivered.header_lines("X-Sluice-Trace")) == 1


def packets(connection):
    """(code, payload) of each packet up to the end; a packet without its end is dropped."""
    octets = b""
    try:
        while some := connection.recv(65536):
            octets += some
    except OSError:
        pass
    found = []
    while len(octets) >= 4 and len(octets) >= 4 + (size := struct.unpack("!I", octets[:4])[0]):
        found.append(octets[4:4 + size])
        octets = octets[4 + size:]
    assert not octets, "a packet is whole"
    return found


def post(site):
    """What a mail server sends of a post to the list, all at once."""
    connect = packet(b"C", b"client.example\0" + b"4" + struct.pack("!H", 9) + b"192.0.2.1\0")
    fields = ((b"From", b"author@out.example"), (b"Message-ID", f"<{new_token()}@out.example>".encode()))
    head = b"".join(packet(b"L", name + b"\0 " + value + b"\0") for name, value in fields)
    return (NEGOTIATION + connect + packet(b"H", b"x\0") + packet(b"M", b"<author@out.example>\0")
            + packet(b"R", f"<{TEAM}>\0".encode()) + packet(b"T") + head + packet(b"N")
            + packet(b"B", b"Who comes?\r\n") + packet(b"E"))


def answer_before_kill(site, daemon, seconds):
    """What arrives of the answer to a message when the filter is killed after so many seconds."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(site.socket))
        killer = threading.Timer(seconds, daemon.kill)
        killer.start()
        try:
            connection.sendall(post(site))
        except OSError:
            pass
        found = packets(connection)
        killer.join()
    return found


def test_killed_in_the_middle_of_the_answer(site):
    """Edits come all together with the verdict, or not at all."""
    chance = random.Random(7)
    with site.sluice(*configuration(site)) as daemon:
        whole = None
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(site.socket))
            connection.sendall(post(site) + packet(b"Q"))
            whole = [each[:1] for each in packets(connection)]
        edits = [code for code in whole if code not in FINAL + b"O"]
        assert len(edits) >= 2, whole
        for _ in range(KILLS_IN_THE_ANSWER):
            codes = [each[:1] for each in answer_before_kill(site, daemon, chance.uniform(0, LONGEST_ANSWER_SECONDS))]
            assert codes == whole[:len(codes)]
            assert not any(code in edits for code in codes) or codes == whole, codes
            start = time.monotonic()
            daemon.start()
            assert time.monotonic() - start < 10
