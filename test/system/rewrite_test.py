# SPDX-License-Identifier: BSD-2-Clause
"""Merged domains: what of a message to the outside shows the new one, seen from the other side of both
mail servers."""

import pytest

from harness.envelopes import OF_AUTHOR, envelope_of
from harness.site import both
from harness.smtp import message, new_token, require
from milter_client import MilterClient

TRUSTED, NAMED, STRANGER = 30, 31, 200
ANNA, OUTSIDER = "Anna@old.example", "x@out.example"
CONFIGURATION = ["local-domain = new.example", "local-domain = old.example", *both("trusted", TRUSTED),
                 "rewrite-domain = old.example=new.example"]
RULE = "rewrite-domain old.example=new.example"


def configuration(site, *more):
    named = ",".join(line.split(" = ")[1] for line in both("net", NAMED))
    return site.configuration(*CONFIGURATION, f"rewrite-domain = .branch.example=branch.new.example from={named} "
                              "signed=yes", *more)


@pytest.fixture(scope="module", autouse=True)
def daemon(site):
    with site.sluice() as daemon:
        changed, log = daemon.reload(configuration(site))
        assert changed, log
        yield daemon


def send(site, mta, octets, token, sender=ANNA, recipients=(OUTSIDER,), client=TRUSTED, login=None):
    """The one delivery of this message."""
    with mta.connect(client, login=login) as session:
        require(session.deliver(sender, recipients, octets), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert sorted(delivery.recipients) == sorted(recipients)
    return delivery


def fields_of(octets):
    """The header lines but for those that the way adds."""
    lines = octets.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    while lines[0].startswith((b"X-Sluice-Trace:", b"Received:", b" ", b"\t")):
        lines.pop(0)
    return lines


def without_addition(octets):
    """Header and body without what the way adds."""
    return b"\r\n".join(fields_of(octets)) + b"\r\n\r\n" + octets.split(b"\r\n\r\n", 1)[1]


def laid_out(octets):
    """The fields as Sendmail writes them, whatever came: folds anew, and quotes that it closes itself."""
    text = octets.split(b"\r\n\r\n", 1)[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    return [line.split() for line in fields_of(text + b"\r\n\r\n") if b"never ends" not in line]


# what changes, and nothing else

FIELDS = [
    ('From: "Anna at anna@old.example" <Anna@OLD.example> (not bob@old.example)',
     'From: "Anna at anna@old.example" <Anna@new.example> (not bob@old.example)'),
    ("From: =?utf-8?q?anna=40old=2Eexample?=\r\n\t<anna@old.example>,\r\n   bob@notold.example",
     "From: =?utf-8?q?anna=40old=2Eexample?=\r\n\t<anna@new.example>,\r\n   bob@notold.example"),
    ("FROM:anna@old.example", "FROM:anna@new.example"),
    ("Sender:   desk@old.example", "Sender:   desk@new.example"),
    ("Reply-To: Desk: anna@old.example,\r\n bob@old.example; (both)",
     "Reply-To: Desk: anna@new.example,\r\n bob@new.example; (both)"),
    ("Reply-To: x@old.example.org", "Reply-To: x@old.example.org"),
    ('Reply-To: "never ends <anna@old.example>', 'Reply-To: "never ends <anna@old.example>'),
    ("reply-to: anna@old.example", "reply-to: anna@new.example"),
    ("To: bob@old.example", "To: bob@old.example"),
    ("X-From: anna@old.example", "X-From: anna@old.example"),
]


def test_what_changes_of_a_header(site, mta):
    token = new_token()
    octets = message(*(before for before, _ in FIELDS), token=token, body=b"anna@old.example\r\n")
    expected = message(*(after for _, after in FIELDS), token=token, body=b"anna@old.example\r\n")
    delivery = send(site, mta, octets, token)
    assert delivery.sender == "Anna@new.example"
    if mta.name == "postfix":
        assert without_addition(delivery.octets) == expected
    else:
        assert laid_out(delivery.octets) == laid_out(expected)


def test_many_addresses_in_many_lines(site, mta):
    token = new_token()
    old = ",\r\n ".join(f"Person {number} <p{number}@old.example>" for number in range(300))
    delivery = send(site, mta, message("Reply-To: " + old, token=token), token)
    field, = delivery.header_lines("Reply-To")
    expected = f"Reply-To: {old}\r\n".replace("old.example", "new.example").encode()
    assert field == expected if mta.name == "postfix" else field.split() == expected.split()


def test_the_authors_wishes_for_reports_stay(site, mta):
    token = new_token()
    with mta.connect(TRUSTED) as session:
        require(session.mail(ANNA, "RET=FULL ENVID=of-the-author"), 250)
        require(session.rcpt(OUTSIDER), 250)
        require(session.data(message(token=token)), 250)
    delivery, = site.sink.wait_for(token.encode())
    assert envelope_of(delivery)[:2] == ("Anna@new.example", OF_AUTHOR)


def test_the_null_sender_stays(site, mta):
    token = new_token()
    delivery = send(site, mta, message("From: postmaster@old.example", token=token), token, sender="")
    assert delivery.sender == ""
    assert delivery.header_lines("From") == [b"From: postmaster@new.example\r\n"]


def test_the_log_tells_it(site, daemon, mta):
    start, token = daemon.log.position, new_token()
    send(site, mta, message("From: Anna <Anna@old.example>", token=token), token)
    daemon.wait_for_log(rf'action=return-path rule="{RULE}" .*becomes="<Anna@new.example>"', start=start)
    daemon.wait_for_log(rf'action=rewrite rule="{RULE} in From:" .*becomes="Anna <Anna@new.example>"', start=start)


# which mail

def require_unchanged(site, mta, octets, token, **how):
    delivery = send(site, mta, octets, token, **how)
    assert delivery.sender == how.get("sender", ANNA)
    assert without_addition(delivery.octets) == octets


def of_anna(*more, token):
    return message("From: Anna@old.example", *more, token=token)


def test_mail_inside_stays(site, mta):
    token = new_token()
    require_unchanged(site, mta, of_anna(token=token), token, recipients=["bob@old.example", "carl@new.example"])


def test_everyone_sees_the_new_domain_where_one_is_outside(site, mta):
    token = new_token()
    delivery = send(site, mta, of_anna(token=token), token, recipients=["bob@old.example", OUTSIDER])
    assert delivery.sender == "Anna@new.example"
    assert delivery.header_lines("From") == [b"From: Anna@new.example\r\n"]


def test_mail_of_strangers_stays(site, mta):
    token = new_token()
    require_unchanged(site, mta, of_anna(token=token), token, client=STRANGER)


def test_a_client_that_has_logged_in_is_none(site, mta):
    if mta.has_login:
        token = new_token()
        delivery = send(site, mta, of_anna(token=token), token, client=STRANGER, login="anna")
        assert delivery.sender == "Anna@new.example"


@pytest.mark.parametrize("name", ["DKIM-Signature", "ARC-Seal"])
def test_signed_mail_stays(site, daemon, mta, name):
    start, token = daemon.log.position, new_token()
    octets = of_anna(f"{name}: v=1; a=rsa-sha256; d=old.example; h=from; bh=x; b=y", token=token)
    require_unchanged(site, mta, octets, token)
    daemon.wait_for_log(rf'action=observe rule="{RULE} not in a message with {name}"', start=start)


def test_signed_mail_of_a_rule_that_takes_it(site, mta):
    token, sender = new_token(), "dora@paris.branch.example"
    octets = message(f"From: {sender}", "DKIM-Signature: v=1; h=from", token=token)
    require_unchanged(site, mta, octets, token, sender=sender)  # it is for other networks
    token = new_token()
    octets = message(f"From: {sender}", "DKIM-Signature: v=1; h=from", token=token)
    delivery = send(site, mta, octets, token, sender=sender, client=NAMED)
    assert delivery.sender == "dora@paris.branch.new.example"
    assert delivery.header_lines("From") == [b"From: dora@paris.branch.new.example\r\n"]


def test_messages_of_a_session_do_not_mix(site, mta):
    outside, inside = new_token(), new_token()
    with mta.connect(TRUSTED) as session:
        require(session.deliver(ANNA, [OUTSIDER], of_anna(token=outside)), 250)
        require(session.deliver(ANNA, ["bob@old.example"], of_anna(token=inside)), 250)
    assert site.sink.wait_for(outside.encode())[0].sender == "Anna@new.example"
    assert site.sink.wait_for(inside.encode())[0].sender == ANNA


def test_nothing_is_changed_in_observe_mode(site, daemon, mta):
    start, token = daemon.log.position, new_token()
    assert daemon.reload(configuration(site, "mode = observe"))[0]
    try:
        octets = of_anna(token=token)
        delivery = send(site, mta, octets, token)
    finally:
        assert daemon.reload(configuration(site))[0]
    assert (delivery.sender, without_addition(delivery.octets)) == (ANNA, octets)
    daemon.wait_for_log(rf'action=would-rewrite rule="{RULE} in From:"', start=start)


# what the mail server is asked for

def changes(site, headers, **offer):
    """The reply at the end of such a message, and its changes of fields."""
    trusted = both("net", TRUSTED)[0].split(" = ")[1]
    with MilterClient(f"unix:{site.socket}") as client:
        negotiated = client.negotiate(**offer)
        client.conn("client.example", trusted, 9)
        client.helo("client.example")
        assert client.mail(f"<{ANNA}>").proceeds
        assert client.rcpt(f"<{OUTSIDER}>").proceeds
        end = client.message(headers, b"Hello.\r\n")
    return negotiated, end, [(edit["index"], edit["name"], edit["value"]) for edit in end.edits_of("chgheader")]


@pytest.mark.parametrize("steps, blank", [(0x1FFFFF, " "), (0x0FFFFF, "")], ids=["blank", "no-blank"])
def test_fields_are_named_by_their_index(site, steps, blank):
    headers = [("From", "x@else.example"), ("FROM", "A,\n <a@old.example>,\n\tb@old.example"),
               ("Sender", " a@old.example"), ("X-From", "a@old.example"), ("from", "c@old.example"),
               ("From", '"a@old.example')]
    _, end, found = changes(site, headers, steps=steps, actions=0x1FF)
    assert end.kind == "continue"
    assert found == [(2, "FROM", blank + "A,\n <a@new.example>,\n\tb@new.example"),
                     (1, "Sender", blank + " a@new.example"), (3, "from", blank + "c@new.example")]


def test_a_mail_server_that_lets_no_field_be_changed(site, daemon):
    start = daemon.log.position
    _, end, found = changes(site, [("From", "a@old.example")], actions=0x1FF & ~0x10)
    assert (end.line, found) == ("451 4.3.0 Temporary failure of the filter", [])
    daemon.wait_for_log("does not offer all edits", start=start)


@pytest.mark.parametrize("rules", [True, False])
def test_the_right_is_asked_for_when_it_is_needed(site, daemon, rules):
    changed, _ = daemon.reload(configuration(site) if rules else site.configuration())
    assert changed
    negotiated, _, _ = changes(site, [], actions=0x1FF)
    assert bool(negotiated.actions & 0x10) == rules
    assert daemon.reload(configuration(site))[0]


# what an attacker inside may send

def octets_of(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("value", [b'"' + b"a@old.example " * 3000, b"(" * 10_000 + b"a@old.example",
                                   b"<" * 10_000, b"a@old.example," * 4000, b"a@old.example\rX-Evil: yes",
                                   b"a@old.example, \x01\x02 b@old.example", b"\xff\xfe@old.example"],
                         ids=["quote", "comments", "angles", "many", "return", "controls", "eight-bit"])
def test_odd_fields_do_no_harm(site, mta, value):
    token = new_token()
    with mta.connect(TRUSTED) as session:
        reply = session.deliver(ANNA, [OUTSIDER], message(b"Reply-To: " + value[:900], token=token))
        assert reply.code in (250, 421, 550, 554), reply
        if reply.code == 250:
            delivery, = site.sink.wait_for(token.encode())
            assert delivery.sender == "Anna@new.example"
            assert delivery.header_lines("X-Evil") == []
    _, end, found = changes(site, [("From", "a@old.example"), ("Reply-To", value)])
    assert end.kind == "continue"
    assert found[0] == (1, "From", " a@new.example")
    assert all(set(octets_of(new)).isdisjoint(b"\r\n\x01\0") for _, _, new in found)
