# SPDX-License-Identifier: BSD-2-Clause
"""Mail to distribution lists: what becomes of the envelope and of the message, seen from the other
side of both mail servers."""

import re

import pytest

from harness.envelopes import OF_AUTHOR, WISHED, envelope_of, key_file, post_in_turn
from harness.reports import delivery_report, out_of_office
from harness.site import both
from harness.smtp import message, new_token, require

AUTHOR = "author@out.example"
MODES = {"signed": "signed", "owner": "owner:boss@test.example", "manager": "manager:chief@test.example",
         "null": "null", "keep": "keep", "delegate": "delegate"}
SIGNED = re.compile(r"[a-z-]+-bounces\+abc-[a-z2-7]{1,8}-[a-z2-7]{16,}@bounces\.test\.example")
TRUSTED = 30
OF_LIST = {"RET": "HDRS", "ENVID": "list"}
LIST_FIELDS = (b"Precedence: list\r\n", b"X-Auto-Response-Suppress: DR, OOF, AutoReply\r\n")
ODD_FIELDS = ["Subject:no space", "X-Odd:   three spaces", "X-Tab:\ttab", "X-Empty:", "X-Folded: a\r\n\tb",
              b"X-Eight-Bit: \xe4\xff", "Precedence-Not: list"]
ODD_BODY = b".\r\n..two dots\r\n\r\n\xff\xfe 8 bit\r\n" + b"long " * 150 + b"\r\n"


def configuration(site, *more):
    lists = [f"list = {name}{suffix}@test.example return-path={mode}"
             for name, mode in MODES.items() for suffix in ("", "-two")]
    return [f"key-file = {key_file(site)}", "bounce-domain = bounces.test.example", *both("trusted", TRUSTED),
            *lists, "list = news@test.example bounces-to=newsboss@test.example",
            "list = inside@test.example return-path=null accept-from=authenticated",
            "list = board@test.example return-path=null only-from=*@good.example except=bad@good.example",
            "robot = majordomo@test.example", *more]


@pytest.fixture(scope="module", autouse=True)
def daemon(site):
    with site.sluice(*configuration(site)) as daemon:
        yield daemon


@pytest.fixture
def client(mta):
    with mta.connect(200) as session:
        yield session


# the return path

def expected_sender(mode):
    """The sender that a copy must have; None for a signed one."""
    return {"signed": None, "owner": "boss@test.example", "manager": "chief@test.example",
            "null": ""}.get(mode, AUTHOR)


def replaces_notify(mta, mode):
    """Sendmail adds the wishes of a recipient that comes again to those of the one taken away."""
    return mode != "delegate" and mta.name != "sendmail"


def require_copy_of_list(mta, delivery, mode, dsn):
    sender, of_sender, of_recipients = envelope_of(delivery)
    expected = expected_sender(mode)
    assert sender == expected if expected is not None else SIGNED.fullmatch(sender), sender
    rewrites = mode not in ("keep", "delegate")
    assert of_sender == ((OF_LIST if rewrites else OF_AUTHOR) if dsn else {})
    wishes = {"NOTIFY": "FAILURE"} if replaces_notify(mta, mode) else WISHED
    assert list(of_recipients.values()) == [wishes if dsn else {}]


def require_copy_of_user(delivery, dsn):
    sender, of_sender, of_recipients = envelope_of(delivery)
    assert (sender, of_sender) == (AUTHOR, OF_AUTHOR if dsn else {})
    assert list(of_recipients.values()) == [WISHED if dsn else {}]


@pytest.mark.parametrize("dsn", [False, True], ids=["plain", "dsn"])
@pytest.mark.parametrize("other", ["", "user@test.example", "{}-two@test.example"],
                         ids=["list", "list-and-user", "two-lists"])
@pytest.mark.parametrize("mode", MODES)
def test_the_envelope_of_a_post(site, mta, mode, other, dsn):
    """Lists and users of one message go in transactions of their own, each list by itself."""
    token, recipients = new_token(), [f"{mode}@test.example"]
    recipients += [other.format(mode)] if other else []
    octets = message(token=token, sender=AUTHOR)
    assert post_in_turn(mta, AUTHOR, recipients, octets, dsn) == len(recipients)
    deliveries = site.sink.wait_for(token.encode(), len(recipients))
    assert sorted(each.recipients for each in deliveries) == sorted([each] for each in recipients)
    for delivery in deliveries:
        if delivery.recipients == ["user@test.example"]:
            require_copy_of_user(delivery, dsn)
        else:
            require_copy_of_list(mta, delivery, mode, dsn)


@pytest.mark.parametrize("spelling", ["SIGNED@Test.Example", "signed+extension@test.example", '"signed"@test.example'])
def test_every_spelling_of_a_list_is_the_list(site, mta, spelling):
    token = new_token()
    post_in_turn(mta, AUTHOR, [spelling], message(token=token), dsn=True)
    delivery, = site.sink.wait_for(token.encode())
    sender, _, of_recipients = envelope_of(delivery)
    assert SIGNED.fullmatch(sender)
    assert len(of_recipients) == 1, "it was replaced, not doubled"


def test_a_list_in_many_spellings_is_stamped_once(site, mta):
    token = new_token()
    spellings = [f"keep+{number}@test.example" for number in range(5)]
    post_in_turn(mta, AUTHOR, spellings, message(token=token))
    for delivery in site.sink.wait_for(token.encode()):
        assert len(delivery.header_lines("X-Sluice-Trace")) == 1


def test_the_user_first_puts_the_list_off(client):
    require(client.mail(AUTHOR), 250)
    require(client.rcpt("user@test.example"), 250)
    assert client.rcpt("signed@test.example").line == "452 4.5.3 Send to lists in a transaction of their own"
    assert client.rcpt("other@test.example").code == 250


@pytest.fixture
def leaving(site, daemon):
    """The daemon with mixed-recipients = leave."""
    changed, _ = daemon.reload(site.configuration(*configuration(site, "mixed-recipients = leave")))
    assert changed
    yield
    changed, _ = daemon.reload(site.configuration(*configuration(site)))
    assert changed


@pytest.mark.parametrize("recipients", [["user@test.example", "signed@test.example"],
                                        ["null@test.example", "user@test.example"],
                                        ["owner@test.example", "null@test.example"]], ids=str)
def test_mixed_recipients_that_are_left(site, mta, leaving, recipients):
    token = new_token()
    assert post_in_turn(mta, AUTHOR, recipients, message(token=token), dsn=True) == 1
    deliveries = site.sink.wait_for(token.encode())
    assert sorted(each for delivery in deliveries for each in delivery.recipients) == sorted(recipients)
    for delivery in deliveries:
        sender, of_sender, of_recipients = envelope_of(delivery)
        assert (sender, of_sender) == (AUTHOR, OF_AUTHOR)
        assert all(each == WISHED for each in of_recipients.values())


# the message

def test_what_a_post_gets_and_what_stays(site, mta):
    token = new_token()
    octets = message(*ODD_FIELDS, token=token, body=ODD_BODY)
    delivery, = site.deliver(mta, octets, token, ["signed@test.example"])
    assert delivery.octets.startswith(b"X-Sluice-Trace: 1 abc "), delivery.head
    assert len(delivery.header_lines("X-Sluice-Trace")) == 1
    assert delivery.body == ODD_BODY
    original = octets.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    assert delivery.head.endswith(original + b"".join(LIST_FIELDS)), delivery.head


def test_what_a_post_has_already_is_not_added(site, mta):
    token = new_token()
    octets = message("precedence: bulk", "X-AUTO-RESPONSE-SUPPRESS: All", token=token)
    delivery, = site.deliver(mta, octets, token, ["owner@test.example"])
    assert delivery.header_lines("Precedence") == [b"precedence: bulk\r\n"]
    assert delivery.header_lines("X-Auto-Response-Suppress") == [b"X-AUTO-RESPONSE-SUPPRESS: All\r\n"]


@pytest.mark.parametrize("names, added", [("from:Precedence", ["X-Auto-Response-Suppress"]),
                                          ("from:precedence:\r\n\tX-Auto-Response-Suppress", [])], ids=["one", "both"])
def test_what_the_author_has_signed_away_is_not_added(site, mta, names, added):
    """A name in h= without such a field says that there must be none (RFC 6376 section 5.4.2)."""
    token = new_token()
    octets = message(f"DKIM-Signature: v=1; a=rsa-sha256; d=out.example; h={names}; bh=x; b=y", token=token)
    delivery, = site.deliver(mta, octets, token, ["owner@test.example"])
    found = [name for name in ("Precedence", "X-Auto-Response-Suppress") if delivery.header_lines(name)]
    assert found == added


def test_a_message_to_a_user_gets_no_fields_of_a_list(site, mta):
    token = new_token()
    delivery, = site.deliver(mta, message(token=token), token)
    assert delivery.octets.startswith(b"X-Sluice-Trace: 1 abc ")
    assert not delivery.header_lines("Precedence")
    assert not delivery.header_lines("X-Auto-Response-Suppress")


# who may post

def test_a_list_for_those_inside(site, mta):
    with mta.connect(200) as session:
        require(session.mail(AUTHOR), 250)
        for address in ("inside@test.example", "Inside+x@TEST.example"):
            assert session.rcpt(address).line == "550 5.7.1 List takes posts from inside only"
    with mta.connect(TRUSTED) as session:
        require(session.mail(AUTHOR), 250)
        assert session.rcpt("inside@test.example").code == 250
    if mta.has_login:
        with mta.connect(200, login="joe") as session:
            require(session.mail(AUTHOR), 250)
            assert session.rcpt("inside@test.example").code == 250


@pytest.mark.parametrize("sender, welcome", [("a@bad.example", False), ("Bad@GOOD.example", False),
                                             ("a@good.example", True), ("a@sub.good.example", False)])
def test_a_list_with_authors_of_its_own(client, sender, welcome):
    require(client.mail(sender), 250)
    expected = 250 if welcome else 550
    reply = require(client.rcpt("board@test.example"), expected)
    assert welcome or reply.line == "550 5.7.2 List does not take posts from this sender"


# what never reaches a list

@pytest.mark.parametrize("address, reply", [("owner@test.example", "550 5.7.1 List does not take reports"),
                                            ("majordomo@test.example", "550 5.7.1 Address does not take reports"),
                                            ("majordomo+x@test.example", "550 5.7.1 Address does not take reports")])
def test_the_null_sender_is_refused(client, address, reply):
    require(client.mail(""), 250)
    assert client.rcpt(address).line == reply
    assert client.rcpt("user@test.example").code == 250, "each recipient is judged alone"


@pytest.mark.parametrize("sender", ["", "away@out.example"])
def test_reports_for_a_list_go_to_its_keeper(site, mta, sender):
    """The one to news@test.example, and with a sender of its own an automatic answer too."""
    token = new_token()
    octets = out_of_office("away@out.example", "news@test.example", token) if sender else \
        delivery_report("news@test.example", "dead@out.example", token)
    with mta.connect(200) as session:
        require(session.deliver(sender, ["news@test.example"], octets), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert (delivery.sender, delivery.recipients) == (sender, ["newsboss@test.example"])


@pytest.mark.parametrize("address", ["owner@test.example", "majordomo@test.example"])
def test_an_automatic_answer_that_nobody_wants_is_dropped(site, mta, address):
    token = new_token()
    with mta.connect(200) as session:
        octets = out_of_office("away@out.example", address, token)
        require(session.deliver("away@out.example", [address], octets), 250)
    site.require_nothing_delivered(mta, token)


def test_the_user_beside_a_robot_still_gets_the_answer(site, mta):
    token, recipients = new_token(), ["majordomo@test.example", "user@test.example"]
    octets = out_of_office("away@out.example", "user@test.example", token)
    with mta.connect(200) as session:
        require(session.deliver("away@out.example", recipients, octets), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert delivery.recipients == ["user@test.example"]


# signed return paths

def return_path(site, mta, address="news@test.example"):
    """What the sink sees of a post to this list."""
    token = new_token()
    delivery, = site.deliver(mta, message(token=token), token, [address])
    return delivery.sender


@pytest.mark.parametrize("spelt", [str, str.upper], ids=["as-sent", "upper-case"])
def test_a_report_finds_the_keeper_of_the_list(site, mta, spelt):
    address, token = spelt(return_path(site, mta)), new_token()
    with mta.connect(200) as session:
        require(session.deliver("", [address], delivery_report(address, "dead@out.example", token)), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert (delivery.sender, delivery.recipients) == ("", ["newsboss@test.example"])


def forged(address):
    local, _, domain = address.partition("@")
    return local[:-1] + ("a" if local[-1] != "a" else "b") + "@" + domain


def test_a_report_to_a_forged_address(site, mta, client):
    address = forged(return_path(site, mta))
    require(client.mail(""), 250)
    assert client.rcpt(address).line == "550 5.7.1 Return path is not valid"


def test_a_person_who_answers_to_an_address_that_is_no_longer_valid(site, mta):
    address, token = forged(return_path(site, mta)), new_token()
    with mta.connect(200) as session:
        require(session.deliver(AUTHOR, [address], message(token=token)), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert (delivery.sender, delivery.recipients) == (AUTHOR, ["newsboss@test.example"])
