# SPDX-License-Identifier: BSD-2-Clause
"""The incidents that machines have with each other: they answer each other's mail, or one of them repeats
a message because it never hears that it was taken. First without sluice, then with it."""

import time

import pytest

from harness import actors
from harness.incidents import alone, sluice  # noqa: F401 (fixtures)
from harness.reports import delivery_report
from harness.smtp import dot_stuffed, message, new_token, require
from harness.waiting import wait_until
from harness.world import Letter, World

LISTSERV, POSTMASTER = "listserv@test.example", "postmaster@out.example"
DESK, BOX = "desk@test.example", "box@out.example"
ADMIN = "admin@test.example"
MARKED = ("Auto-Submitted: auto-replied",)
SILENCE_SECONDS = 1.2  # what the client of incident 3 waits for a reply; more than duplicate-silence


# 2 and 6: two programs that answer each other

def command_loop(threaded, marked):
    """A list server that answers a report as if it were a command, to a mailbox that takes no answers."""
    fields = MARKED if marked else ()
    return {
        LISTSERV: actors.responder(LISTSERV, POSTMASTER, "Unknown command in line {number}: no action "
                                   "was taken. Write HELP to see the commands.", 204,
                                   fields=fields, threaded=threaded),
        POSTMASTER: actors.responder(POSTMASTER, LISTSERV, "Your message could not be delivered. The "
                                     "mailbox does not take mail, diagnostic code 550-{number}.", 205,
                                     fields=fields, threaded=threaded)}


def desk_loop(threaded, marked):
    """A service desk that opens a ticket for each mail, and the rule of a mailbox."""
    fields = MARKED if marked else ()
    return {
        DESK: actors.responder(DESK, BOX, "Your request {number} has been received and will be looked "
                               "at soon.", 204, subject="[Ticket#{number}] {subject}", fields=fields,
                               threaded=threaded),
        BOX: actors.responder(BOX, DESK, "This mailbox is not read any more. Please write to "
                              "info@out.example.", 205, fields=fields, threaded=threaded)}


LOOPS = {"commands": (command_loop, POSTMASTER, LISTSERV), "tickets": (desk_loop, BOX, DESK)}
FIRST_TEXT = {"commands": b"Your message could not be delivered. The mailbox does not take mail, "
                          b"diagnostic code 550-0.\r\n",
              "tickets": b"This mailbox is not read any more. Please write to info@out.example.\r\n"}


def first_letter(name, marked):
    """What one of the two says unasked."""
    _, sender, recipient = LOOPS[name]
    fields = MARKED if marked else ()
    octets = message(f"To: {recipient}", "Subject: Your mail of today", *fields, sender=sender, body=FIRST_TEXT[name])
    return Letter(sender, (recipient,), octets, client=205)


def passed(world, name):
    """How many messages of the loop came through."""
    _, one, other = LOOPS[name]
    return len(world.taken[one]) + len(world.taken[other])


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("server", ["postfix", "sendmail"])
def test_two_programs_answer_each_other_without_sluice(site, alone, server, name):
    with World(alone[server], site.sink, LOOPS[name][0](True, False)) as world:
        world.send(first_letter(name, False))
        wait_until(world.ran_away, 60, "the mail runs away")
        world.run_down()


@pytest.mark.parametrize("threaded", [True, False], ids=["with-references", "without-references"])
@pytest.mark.parametrize("marked, most", [(False, 3), (True, 2)], ids=["unmarked", "marked"])
@pytest.mark.parametrize("name", LOOPS)
def test_two_programs_are_stopped(site, sluice, mta, name, marked, most, threaded):
    with sluice("loop-action = discard"), World(mta, site.sink, LOOPS[name][0](threaded, marked)) as world:
        world.send(first_letter(name, marked))
        world.run_down()
        assert not world.ran_away()
        assert 1 <= passed(world, name) <= most


@pytest.mark.parametrize("action, reply", [("reject", ["554 5.4.6 Mail loop detected"]), ("hold", []), ("discard", [])])
def test_what_becomes_of_the_message_that_closes_the_loop(site, sluice, mta, action, reply):
    held_before = len(mta.held())
    with sluice(f"loop-action = {action}"), World(mta, site.sink, command_loop(True, False)) as world:
        world.send(first_letter("commands", False))
        world.run_down()
        assert (passed(world, "commands"), world.refusals()) == (3, reply)
    assert len(mta.held()) - held_before == (1 if action == "hold" else 0)


def test_the_operator_gets_one_notice_and_sees_the_pair(site, sluice, mta):
    """However often the two begin again."""
    notify = (f"notify = {ADMIN}", f"notify-relay = 127.0.0.1:{site.sink.port}")
    with sluice("loop-action = discard", *notify) as daemon, World(mta, site.sink, command_loop(True, False)) as world:
        for _ in range(3):
            world.send(first_letter("commands", False))
            world.run_down()
        pair = r"mail loop: .*<(listserv@test|postmaster@out)\.example> to <(listserv@test|postmaster@out)\.example>"
        daemon.wait_for_log(pair)
        wait_until(lambda: world.taken[ADMIN], 20, "there is a notice")
        loops = {line.split("mail loop: ")[1].split(": ")[0] for line in daemon.log.lines() if "mail loop: " in line}
        assert len(world.taken[ADMIN]) == len(loops), loops
        notice = world.taken[ADMIN][0]
        assert notice.sender == "" and notice.header_lines("Auto-Submitted")
        assert b"listserv@test.example" in notice.octets and b"postmaster@out.example" in notice.octets


def test_a_robot_gets_neither_reports_nor_answers(site, sluice, mta):
    """The surest remedy: the address of the list server is named."""
    with sluice(f"robot = {LISTSERV}"), World(mta, site.sink, command_loop(True, True)) as world:
        world.send(first_letter("commands", True))
        world.send(Letter("", (LISTSERV,), delivery_report(LISTSERV, POSTMASTER)))
        world.run_down()
        assert passed(world, "commands") == 0


# 3: a sender that never sees our reply

def send_and_hear_nothing(mta, octets, recipient, silence=SILENCE_SECONDS):
    """One try of a client whose firewall swallows the reply to the end of DATA: it waits, and goes."""
    session = mta.connect(206)
    require(session.mail("sender@out.example"), 250)
    require(session.rcpt(recipient), 250)
    require(session.command("DATA"), 354)
    session.send(dot_stuffed(octets) + b".\r\n")
    time.sleep(silence)
    session.close()


def copies(site, mta, token):
    wait_until(lambda: mta.active() == 0, 20, "the queue is empty")
    return len(site.sink.deliveries(token.encode()))


@pytest.mark.parametrize("server", ["postfix", "sendmail"])
def test_a_repeated_message_is_delivered_each_time_without_sluice(site, alone, server):
    token = new_token()
    for _ in range(5):
        send_and_hear_nothing(alone[server], message(token=token), "user@test.example", silence=0.2)
    site.sink.wait_for(token.encode(), 5)


def test_a_repeated_message_is_delivered_twice(site, sluice, mta):
    token = new_token()
    octets = message(token=token, body=b"The same again.\r\n" * 50)
    with sluice("duplicate-silence = 1s") as daemon:
        for _ in range(6):
            send_and_hear_nothing(mta, octets, "user@test.example")
            daemon.wait_for_no_sessions()
        assert copies(site, mta, token) == 2
        daemon.wait_for_log("duplicates: .*firewall")


def test_another_message_of_the_same_sender_still_passes(site, sluice, mta):
    tokens = [new_token(), new_token()]
    with sluice("duplicate-silence = 1s") as daemon:
        for token in (tokens[0], tokens[0], tokens[0], tokens[1]):
            send_and_hear_nothing(mta, message(token=token), "user@test.example")
            daemon.wait_for_no_sessions()
        assert [copies(site, mta, token) for token in tokens] == [2, 1]


def test_a_sender_that_hears_us_may_repeat_itself(site, sluice, mta):
    token = new_token()
    with sluice("duplicate-silence = 1s"):
        for _ in range(5):
            with mta.connect(206) as session:
                require(session.deliver("sender@out.example", ["user@test.example"], message(token=token)), 250)
                session.quit()
        site.sink.wait_for(token.encode(), 5)
