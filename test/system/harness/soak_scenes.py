# SPDX-License-Identifier: BSD-2-Clause
"""The traffic of a soak: the incidents of which sluice keeps a site, mail that only looks like them, and
input that means harm. A scene is a function of a Cast, which fails when what must hold does not."""

import contextlib
import dataclasses
import socket
import time
import typing

from milter_client import MilterClient, MilterError

from . import actors
from .reports import REPORTS, out_of_office
from .robustness import JUNK
from .sluice import NEGOTIATION, packet
from .smtp import dot_stuffed, message, new_token, require
from .soak_site import KEEPER, LISTED_NETWORK, PEER, USERS
from .world import Letter

SILENCE_SECONDS = 1.2  # more than duplicate-silence
INTERVAL_SECONDS = 0.8  # until the next copy: the filter has seen the end of the session
COPIES = 5
REPLIES, BUILDS = 6, 8
TURNS = 3  # of the same text, that pass when nobody knows what they answer
OVERSIZE = 1_200_000
HARVEST_LIMIT = 20
AUTOMATIC = ("Auto-Submitted: auto-replied",)


@dataclasses.dataclass(frozen=True)
class Scene:
    kind: str
    name: str
    play: typing.Callable
    told: bool  # what becomes of its mail is known from the tracking log alone


SCENES = []


def scene(kind, told=False):
    def add(play):
        SCENES.append(Scene(kind, play.__name__, play, told))
        return play
    return add


def one_of(cast, choices):
    """Another one each time."""
    return list(choices)[cast.number // len(SCENES) % len(choices)]


# incidents

def post_to(cast, address, client=200):
    author = f"author{cast.number}@out.example"
    return Letter(author, (address,), message(f"To: {address}", sender=author, body=b"Who comes on Thursday?\r\n"),
                  client=client)


def require_quiet_list(cast, address, reader, extra=0, again=0):
    cast.send(post_to(cast, address))
    cast.rest()
    most = 1 + cast.most(extra, again)
    assert 1 <= cast.copies(reader) <= most, f"{cast.copies(reader)} expansions, {most} may be"
    assert not cast.ran_away()


def of_list(cast, name="team"):
    """An address of the list, and those of its members."""
    number = cast.number
    return (f"{name}+{number}@test.example", f"reader{number}@one.example", f"dead{number}@two.example",
            f"away{number}@three.example", f"off{number}@four.example")


@scene("incident", told=True)
def report_to_a_list(cast):
    team, reader, dead, _, _ = of_list(cast)
    cast.play({team: actors.list_server(team, [reader, dead], team), reader: lambda _: [],
               dead: actors.dead_mailbox(dead, one_of(cast, REPORTS.values()))})
    require_quiet_list(cast, team, reader)
    assert cast.refusals() == ["550 5.7.1 List does not take reports"], cast.refusals()


@scene("incident", told=True)
def report_to_the_signed_return_path(cast):
    news, reader, dead, _, _ = of_list(cast, "news")
    cast.play({news: actors.list_server(news, [reader, dead]), reader: lambda _: [],
               dead: actors.dead_mailbox(dead, one_of(cast, REPORTS.values()))})
    require_quiet_list(cast, news, reader)
    assert cast.taken[reader][0].sender.startswith("news-bounces+"), cast.taken[reader][0].sender
    kept = [each for each in cast.ids if cast.site.ledger.outcome(each)[1] == [KEEPER]]
    assert len(kept) == 1 and not cast.refusals(), (kept, cast.refusals())


def absent_members(cast, marked):
    team, reader, _, away, off = of_list(cast)
    answers = {each: actors.away_and_answers_all(each, team, marked, itself_too=True) for each in (away, off)}
    cast.play({team: actors.list_server(team, [reader, away, off], team), reader: lambda _: [], **answers})
    # one answer of each; those that are under way when what they answer is forgotten count as turns again
    require_quiet_list(cast, team, reader, extra=0 if marked else len(answers),
                       again=0 if marked else len(answers) * TURNS)


@scene("incident", told=True)
def marked_out_of_office(cast):
    absent_members(cast, marked=True)


@scene("incident", told=True)
def unmarked_out_of_office(cast):
    absent_members(cast, marked=False)


def play_loop(cast, one, other, texts, marked, **how):
    """Two programs that answer each other, one of them first."""
    fields = AUTOMATIC if marked else ()
    cast.play({one: actors.responder(one, other, texts[0], 204, fields=fields, **how),
               other: actors.responder(other, one, texts[1], 205, fields=fields, **how)})
    octets = message(f"To: {one}", "Subject: Your mail of today", *fields, sender=other,
                     body=texts[1].format(number=0).encode() + b"\r\n")
    cast.send(Letter(other, (one,), octets, client=205))
    cast.rest()
    assert not cast.ran_away()
    passed, most = cast.copies(one, other), cast.most(2 if marked else 3)
    assert 1 <= passed <= most, f"{passed} messages of a loop passed, {most} may"
    assert set(cast.outcomes()) <= {"delivered", "held"} and not cast.refusals(), (cast.outcomes(), cast.refusals())


KINDS = [(marked, threaded) for marked in (False, True) for threaded in (False, True)]


@scene("incident", told=True)
def robot_that_answers_a_bounce(cast):
    marked, threaded = one_of(cast, KINDS)
    play_loop(cast, f"listserv+{cast.number}@test.example", f"postmaster{cast.number}@out.example",
              ("Unknown command in line {number}: no action was taken. Write HELP to see the commands.",
               "Your message could not be delivered. The mailbox does not take mail, code 550-{number}."),
              marked, threaded=threaded)


@scene("incident", told=True)
def service_desk_and_mailbox_rule(cast):
    marked, threaded = one_of(cast, KINDS)
    play_loop(cast, f"desk+{cast.number}@test.example", f"box{cast.number}@out.example",
              ("Your request {number} has been received and will be looked at soon.",
               "This mailbox is not read any more. Please write to info@out.example."), marked, threaded=threaded)


@scene("incident", told=True)
def lost_acknowledgements(cast):
    """The same message at a constant interval. That the client has the reply nobody can see: it says
    nothing to it, and goes."""
    sender, address = f"deaf{cast.number}@out.example", f"user+{cast.number}@test.example"
    octets = message(sender=sender, body=b"The same again.\r\n" * 50)
    for _ in range(COPIES):
        with cast.site.postfix.connect(206) as session:
            cast.note(require(session.deliver(sender, [address], octets), 250), [address])
            time.sleep(SILENCE_SECONDS)
        time.sleep(INTERVAL_SECONDS)
    cast.rest()
    outcomes = cast.outcomes()
    assert 2 <= outcomes["delivered"] <= cast.most(2), outcomes
    assert set(outcomes) <= {"delivered", "discarded"}, outcomes


@scene("incident", told=True)
def known_peer(cast):
    shared = f"nobody{cast.number}@shared.example"
    cast.play({shared: actors.forwarding_system("shared.example", PEER)})
    cast.send(post_to(cast, shared, client=PEER))
    cast.rest()
    assert cast.copies(shared) == 0
    assert [line[:9] for line in cast.refusals()] == ["554 5.4.6"], cast.refusals()


@scene("incident", told=True)
def unknown_peer(cast):
    forwarded = f"nobody{cast.number}@forward.example"
    cast.play({forwarded: actors.forwarding_system("forward.example", 78)})
    cast.send(post_to(cast, forwarded))
    cast.rest()
    assert 1 <= cast.copies(forwarded) <= cast.most(2), cast.copies(forwarded)


# innocent mail: all of it is delivered

def require_all_delivered(cast):
    cast.rest()
    assert not cast.refusals(), cast.refusals()
    assert set(cast.outcomes()) == {"delivered"}, cast.outcomes()


def word():
    """One that nobody has said yet; of letters, for numbers do not count as another text."""
    return new_token().translate(str.maketrans("0123456789abcdef", "ghijklmnopqrstuv"))


@scene("innocent", told=True)
def thread_of_people(cast):
    before, people = [], [f"person{cast.number}.{each}@out.example" for each in range(3)]
    for number in range(REPLIES):
        token, author = new_token(), people[number % len(people)]
        references = [f"In-Reply-To: {before[-1]}", f"References: {' '.join(before)}"] if before else []
        octets = message("To: team@test.example", f"Subject: {'Re: ' if before else ''}The shed", *references,
                         token=token, sender=author, body=f"I think of {word()}.\r\n-- \r\n{author}\r\n".encode())
        cast.hand_over(Letter(author, ("team@test.example",), octets))
        before.append(f"<{token}@out.example>")
    require_all_delivered(cast)


@scene("innocent")
def short_of_words(cast):
    pair = (f"one{cast.number}@out.example", f"user+{cast.number}@test.example")
    before = []
    for number in range(REPLIES):
        token = new_token()
        sender, recipient = pair[::(-1) ** number]
        octets = message("Subject: Re: Lunch", f"To: {recipient}", *[f"In-Reply-To: {each}" for each in before],
                         token=token, sender=sender, body=b"Thanks!\r\n")
        cast.hand_over(Letter(sender, (recipient,), octets))
        before = [f"<{token}@out.example>"]
    require_all_delivered(cast)


@scene("innocent")
def newsletter_and_its_reports(cast):
    """Its owner gets one for each reader who is gone."""
    owner = f"newsboss+{cast.number}@test.example"
    readers = tuple(f"reader{cast.number}.{each}@r{each}.example" for each in range(10))
    octets = message("Precedence: bulk", f"To: {owner}", sender=owner, body=b"All that is new.\r\n" * 20)
    cast.hand_over(Letter(owner, readers, octets))
    for reader in readers[:5]:
        cast.hand_over(Letter("", (owner,), one_of(cast, REPORTS.values())(owner, reader, original=octets), client=201))
    require_all_delivered(cast)


def same_text(cast, sender, recipient, *fields, text):
    for number in range(BUILDS):
        octets = message(*[field.format(number=number) for field in fields], f"To: {recipient}", sender=sender,
                         body=text.format(number=number).encode() + b"\r\n")
        cast.hand_over(Letter(sender, (recipient,), octets))
    require_all_delivered(cast)


@scene("innocent")
def monitor(cast):
    same_text(cast, f"monitor{cast.number}@out.example", f"monitor+{cast.number}@test.example",
              "Subject: Disk 3 is full", text="Disk 3 is full.")


@scene("innocent", told=True)
def build_robot(cast):
    same_text(cast, f"build{cast.number}@out.example", f"team+{cast.number}@test.example",
              "Subject: Build {number} failed", "Auto-Submitted: auto-generated",
              text="Build {number} failed in step {number}.")


@scene("innocent")
def retries(cast):
    """A client that breaks off in the middle, comes back, and repeats what it heard to be taken."""
    address = f"user+{cast.number}@test.example"
    octets = message(sender=f"again{cast.number}@out.example", body=b"Once more.\r\n" * 20)
    for _ in range(2):
        with cast.site.postfix.connect(207) as session:
            require(session.mail(f"again{cast.number}@out.example"), 250)
            require(session.rcpt(address), 250)
            require(session.command("DATA"), 354)
            session.send(dot_stuffed(octets)[:100])
    for _ in range(4):
        cast.hand_over(Letter(f"again{cast.number}@out.example", (address,), octets, client=207))
    require_all_delivered(cast)


@scene("innocent")
def user_who_is_away(cast):
    """One answer each to three who have written."""
    away = f"user+{cast.number}@test.example"
    for number in range(3):
        author = f"friend{cast.number}.{number}@out.example"
        octets = message(f"To: {away}", sender=author, body=f"Are you there, {word()}?\r\n".encode())
        cast.hand_over(Letter(author, (away,), octets))
        cast.hand_over(Letter(away, (author,), out_of_office(away, author, original=octets)))
    require_all_delivered(cast)


# what is refused, and what means harm

def refused_at(cast, client, *steps):
    """The last reply of a dialogue of (verb, argument); those before are 250."""
    with cast.site.postfix.connect(client) as session:
        for number, (verb, argument) in enumerate(steps):
            reply = getattr(session, verb)(argument)
            if number < len(steps) - 1:
                require(reply, 250)
        return reply.line


@scene("refused")
def rules(cast):
    user, author = ("rcpt", "user@test.example"), ("mail", f"author{cast.number}@out.example")
    assert refused_at(cast, "203.0.113.2", author) == "554 5.7.1 Access denied"
    assert refused_at(cast, 7, author, ("rcpt", "a@closed.example")).startswith("550 5.7.1 ")
    assert refused_at(cast, 7, author, ("rcpt", "board@test.example")).startswith("550 5.7.")
    travelled = message(*["Received: from a by b; x"] * 40)
    assert refused_at(cast, 7, author, user, ("data", travelled)).startswith("554 5.4.6")
    with cast.site.postfix.connect(7) as session:
        assert session.mail(parameters="SIZE=2000000").code == 552
    cast.hand_over(Letter(author[1], user[1:], message(sender=author[1]), client="203.0.113.3"))
    require_all_delivered(cast)


@scene("refused")
def listed_client(cast):
    """Whom the DNS has not told of in time may pass."""
    before, client = cast.site.dns_failures(), f"{LISTED_NETWORK}{cast.number // 250 % 250}.{cast.number % 250}"
    reply = refused_at(cast, client, ("mail", "author@out.example"), ("rcpt", "user@test.example"))
    if not reply.startswith("250 ") or cast.site.dns_failures() == before:
        assert reply == f"550 5.7.1 {client} has been blocked by spam", reply


@scene("refused")
def guesses_of_addresses(cast):
    client = f"203.2.{cast.number // 250 % 250}.{cast.number % 250}"
    with cast.site.postfix.connect(client) as session:
        require(session.mail("guess@out.example"), 250)
        codes = [session.rcpt(f"nobody{number}@test.example").code for number in range(HARVEST_LIMIT + 1)]
    assert codes[:HARVEST_LIMIT] == [550] * HARVEST_LIMIT, codes
    assert codes[-1] == 421 or cast.most(1) > 1, codes


@scene("refused", told=True)
def blocked_sender(cast):
    cast.hand_over(Letter("evil@bad.example", ("user@test.example",), message(sender="evil@bad.example")))
    cast.rest()
    assert cast.outcomes() == {"badmail": 1}, (cast.outcomes(), cast.refusals())


@scene("hostile")
def disconnects(cast):
    octets = message()
    steps = (lambda s: s.mail(), lambda s: s.rcpt("user@test.example"), lambda s: s.command("DATA"),
             lambda s: s.send(octets[:60]), lambda s: s.send(octets[60:]))
    for last in range(len(steps) + 1):
        session = cast.site.postfix.connect(208)
        for step in steps[:last]:
            step(session)
        session.close()


@scene("hostile")
def oversize(cast):
    """A message, and headers, that are too large."""
    for octets in (message(body=b"x" * 76 + b"\r\n" + (b"y" * 76 + b"\r\n") * (OVERSIZE // 78)),
                   message(*[f"X-Field-{number}: {'v' * 900}" for number in range(OVERSIZE // 900)])):
        reply = refused_at(cast, 209, ("mail", "big@out.example"), ("rcpt", "user@test.example"), ("data", octets))
        assert reply.startswith("552 5.3.4 "), reply


CONNECT = packet(b"C", b"client.example\x004\x00\x09192.0.2.9\0")
RAW = (b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\1Z",
       packet(b"O"), packet(b"O", b"\xff" * 12), NEGOTIATION * 3, NEGOTIATION + CONNECT[:20],
       NEGOTIATION + CONNECT + CONNECT, NEGOTIATION + packet(b"M", b"<a@out.example>\0"), NEGOTIATION + packet(b"E"),
       NEGOTIATION + CONNECT + packet(b"B", b"x" * 65535) + packet(b"A"), NEGOTIATION + CONNECT + packet(b"Q"))


@scene("hostile")
def broken_packets(cast):
    for octets in RAW:
        with socket.socket(socket.AF_UNIX) as raw, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.settimeout(30)
            raw.connect(str(cast.site.socket))
            raw.sendall(octets)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass


@scene("hostile")
def odd_sessions(cast):
    with MilterClient(f"unix:{cast.site.socket}", timeout=30) as client:
        client.negotiate()
        client.conn("client.example", "192.0.2.9", 9)
        client.helo("x")
        for argument in (JUNK, b"<" * 60_000, b"<a@" + b"b." * 20_000 + b"c>", b"%s%n%99999d"):
            assert client.mail(argument).proceeds
            client.rcpt(argument)
            client.header(b"X-Odd", argument[:30_000])
            client.abort()
        for _ in range(20):
            client.mail("<a@out.example>")
            client.rcpt("<user@test.example>")
            client.body(b"half")
            client.abort()
    for order in ("mail eom", "helo mail rcpt eoh eoh eom"):
        with contextlib.suppress(MilterError), MilterClient(f"unix:{cast.site.socket}", timeout=0.5) as client:
            client.negotiate()
            client.conn("client.example", "192.0.2.9", 9)
            for step in order.split():
                getattr(client, step)(*{"helo": ("x",), "mail": ("<a@out.example>",),
                                        "rcpt": (f"<user{cast.number % USERS}@test.example>",)}.get(step, ()))
