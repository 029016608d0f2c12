# SPDX-License-Identifier: BSD-2-Clause
"""Every reply that a client can get from the daemon, as the client sees it through each server."""

import pytest

from harness.site import both, remove_file
from harness.smtp import message, require

RESTRICTED, DENIED, HARVESTER, ACCEPTED, TRUSTED = 10, 11, 12, 13, 14
LISTED, BUSY, PROVIDER_ERROR = 40, 41, 46
MAX_SIZE = 20 * 1024
DROPPED = "421 4.7.0 Closing connection"
USERS = ("user", "other", "staff", "board", "tagged+kept")


@pytest.fixture(scope="module")
def users(site):
    path = site.base / "users"
    path.write_text("# who exists\n" + "".join(f"{name}@test.example\n" for name in USERS))
    return path


@pytest.fixture(scope="module", autouse=True)
def daemon(site, users):
    lines = (both("restrict-ip", RESTRICTED) + both("deny-ip", DENIED) + both("deny-ip", ACCEPTED)
             + both("accept-ip", ACCEPTED) + both("accept-ip", RESTRICTED)
             + both("trusted", TRUSTED) + both("deny-ip", TRUSTED))
    with site.sluice(
            *lines,
            'dnsbl = strict bl.example match=codes:127.0.0.2 on-unknown=tempfail'
            ' reply="%0 is listed by %1 at %2, 100%% sure"',
            "dnsbl = busy bl.example match=codes:127.0.0.3 action=tempfail",
            "block-sender = evil@bad.example", "block-sender = @.worse.example",
            "block-sender = robot@", 'block-sender = "Ted Bremer"@out.example',
            "block-blank-sender = yes", "spoof-check = reject",
            "block-recipient = closed@test.example", f"directory = file:{users}",
            "restrict-recipient = staff@test.example accept-from=authenticated",
            "restrict-recipient = board@test.example only-from=*@good.example except=bad@good.example",
            "harvest-limit = 2/1h", "listener = submission all require-auth",
            f"max-size = {MAX_SIZE}", "max-messages = 3", "max-recipients = 3",
            "max-hops = 10") as daemon:
        yield daemon


@pytest.fixture
def client(mta):
    """A client that is on no list."""
    with mta.connect() as session:
        yield session


# connect

def test_a_restricted_client_is_refused_at_connect(mta):
    with mta.connect(RESTRICTED) as session:
        assert session.greeting.code == 554
        assert session.mail().code in (421, 503, 550, 554)


# mail

def test_a_denied_client_is_refused_at_mail_and_then_dropped(mta):
    with mta.connect(DENIED) as session:
        assert session.mail().line == "554 5.7.1 Access denied"
        assert session.mail().line == DROPPED
        assert session.is_closed()


def test_a_denied_client_is_dropped_at_helo_too(site):
    with site.postfix.connect(DENIED) as session:
        require(session.mail(), 554)
        assert session.ehlo().line == DROPPED
        assert session.is_closed()
    with site.sendmail.connect(DENIED) as session:
        require(session.mail(), 554)
        session.send(b"EHLO again.example\r\n")
        assert session.is_closed(), "Sendmail does so without passing the reply on"


def test_an_accepted_client_skips_the_deny_list(mta):
    with mta.connect(ACCEPTED) as session:
        assert session.mail().code == 250


def test_a_declared_size_that_is_too_large(client):
    assert client.mail(parameters=f"SIZE={MAX_SIZE + 1}").line == "552 5.3.4 Message too large"
    assert client.mail(parameters=f"SIZE={MAX_SIZE}").code == 250


def test_too_many_messages_of_a_connection(site, client):
    for _ in range(3):
        assert client.deliver("a@out.example", ["user@test.example"], message()).code == 250
    reply = client.mail()
    assert reply.line == "421 4.7.0 Too much for one connection, please reconnect"
    assert client.is_closed()


@pytest.mark.parametrize("sender", ["evil@bad.example", "EVIL@Bad.Example", "x@worse.example",
                                    "x@deep.worse.example", "robot@any.example",
                                    '"Ted Bremer"@out.example', '"evil"@bad.example'])
def test_a_blocked_sender(client, sender):
    assert client.mail(sender).line == "550 5.1.0 Sender denied"
    assert client.mail().code == 250, "the session goes on"


def test_a_sender_that_only_resembles_a_blocked_one(client):
    assert client.mail("evil+tag@bad.example").code == 250


def test_a_blank_sender(client):
    assert client.mail("").line == "550 5.1.0 Sender denied"


def test_a_listener_that_requires_authentication(mta):
    with mta.connect(port=mta.submission_port) as session:
        assert session.mail().line == "530 5.7.0 Authentication required"


def test_a_client_that_has_authenticated_may_use_that_listener(site):
    with site.postfix.connect(port=site.postfix.submission_port, login="joe") as session:
        assert session.mail().code == 250


# rcpt

def test_too_many_recipients(client):
    require(client.mail(), 250)
    for number in range(3):
        require(client.rcpt(f"user+{number}@test.example"), 250)
    assert client.rcpt("other@test.example").line == "452 4.5.3 Too many recipients"
    assert client.data(message()).code == 250


def test_refused_recipients_do_not_count(client):
    require(client.mail(), 250)
    for _ in range(5):
        require(client.rcpt("closed@test.example"), 550)
    assert client.rcpt("user@test.example").code == 250


def test_a_listed_client(mta):
    with mta.connect(LISTED) as session:
        require(session.mail(), 250)
        expected = f"550 5.7.1 {mta.address(LISTED)} is listed by strict at bl.example, 100% sure"
        assert session.rcpt("user@test.example").line == expected


def test_a_listed_client_may_write_to_postmaster(site, mta):
    """Each recipient is judged alone."""
    octets = message()
    with mta.connect(LISTED) as session:
        require(session.mail(), 250)
        assert session.rcpt("user@test.example").code == 550
        assert session.rcpt("postmaster@test.example").code == 250
        assert session.rcpt("other@test.example").code == 550
        assert session.rcpt("abuse@elsewhere.example").code == 550
        assert session.rcpt("POSTMASTER@second.test.example").code == 250
        assert session.rcpt("postmaster").code == 250
        assert session.data(octets).code == 250


def test_a_list_that_asks_to_come_back(mta):
    with mta.connect(BUSY) as session:
        require(session.mail(), 250)
        expected = f"451 4.7.1 {mta.address(BUSY)} has been blocked by busy"
        assert session.rcpt("user@test.example").line == expected


def test_a_list_whose_answer_is_unknown(mta):
    with mta.connect(PROVIDER_ERROR) as session:
        require(session.mail(), 250)
        expected = "451 4.4.3 The list strict does not answer, please try again later"
        assert session.rcpt("user@test.example").line == expected


def test_a_blocked_recipient(client):
    require(client.mail(), 250)
    assert client.rcpt("closed@test.example").line == "550 5.7.1 Recipient does not take mail"
    assert client.rcpt("user@test.example").code == 250


def test_an_unknown_recipient(client):
    require(client.mail(), 250)
    assert client.rcpt("nobody@test.example").line == "550 5.1.1 User unknown"
    for known in ("user@test.example", "USER@Test.Example", "user+tag@test.example",
                  "nobody@remote.example"):
        assert client.rcpt(known).code in (250, 452)


def test_postmaster_is_always_known(client):
    require(client.mail(), 250)
    assert client.rcpt("postmaster@test.example").code == 250
    assert client.rcpt("postmaster").code == 250


def test_too_many_unknown_recipients(mta):
    with mta.connect(HARVESTER) as session:
        require(session.mail(), 250)
        for number in range(2):
            require(session.rcpt(f"guess{number}@test.example"), 550)
        reply = session.rcpt("guess3@test.example")
        assert reply.line == "421 4.7.0 Too many unknown recipients"
        assert session.is_closed()


def test_a_recipient_for_those_inside(client):
    require(client.mail(), 250)
    expected = "550 5.7.1 Recipient takes mail from inside only"
    assert client.rcpt("staff@test.example").line == expected
    assert client.rcpt("staff+tag@test.example").line == expected


def test_those_inside_may_write_to_it(site, mta):
    with mta.connect(TRUSTED) as session:
        require(session.mail(), 250)
        assert session.rcpt("staff@test.example").code == 250
    if mta.has_login:
        with mta.connect(login="joe") as session:
            require(session.mail(), 250)
            assert session.rcpt("staff@test.example").code == 250


def test_a_recipient_that_is_closed_to_the_sender(client):
    expected = "550 5.7.2 Recipient does not take mail from this sender"
    for sender in ("a@out.example", "bad@good.example"):
        require(client.mail(sender), 250)
        assert client.rcpt("board@test.example").line == expected
        require(client.command("RSET"), 250)
    require(client.mail("ok@good.example"), 250)
    assert client.rcpt("board@test.example").code == 250


def test_a_directory_out_of_reach(daemon, mta, users):
    """What the last good copy does not hold may have been added since."""
    text = users.read_text()
    start = daemon.log.position
    remove_file(users)
    try:
        daemon.wait_for_log(r"directory.*(unavailable|not available|cannot|No such file)", start=start)
        with mta.connect(20) as session:
            require(session.mail(), 250)
            expected = "451 4.3.0 Directory not available, try again later"
            assert session.rcpt("nobody@test.example").line == expected
            assert session.rcpt("user@test.example").code == 250
    finally:
        start = daemon.log.position
        users.write_text(text)
    daemon.wait_for_log(r"info directory: .* addresses", start=start)
    with mta.connect(20) as session:
        require(session.mail(), 250)
        assert session.rcpt("nobody@test.example").line == "550 5.1.1 User unknown"


# end of message

@pytest.mark.parametrize("field", ["From: evil@bad.example", 'From: "Some Body" <EVIL@bad.example>',
                                   "From: ok@out.example, evil@bad.example",
                                   "From: Friends: ok@out.example, evil@bad.example;",
                                   "From:\r\n evil@bad.example", "Sender: evil@bad.example",
                                   "From: <>"])
def test_a_blocked_sender_in_the_header(client, field):
    octets = message(field)
    reply = client.deliver("a@out.example", ["user@test.example"], octets)
    assert reply.line == "550 5.1.0 Sender denied"
    reply = client.deliver("a@out.example", ["user@test.example"], message())
    assert reply.code == 250, "the session goes on"


@pytest.mark.parametrize("field", ["From:", "From: ???", "Reply-To: evil@bad.example"])
def test_a_header_without_a_blocked_sender(client, field):
    assert client.deliver("a@out.example", ["user@test.example"], message(field)).code == 250


def test_a_local_sender_from_outside(client):
    octets = message("From: Chief <chief@test.example>")
    reply = client.deliver("a@out.example", ["user@test.example"], octets)
    assert reply.line == "550 5.7.1 Log in to send mail from this domain"


def test_a_local_sender_from_inside(mta):
    octets = message("From: Chief <chief@test.example>")
    with mta.connect(TRUSTED) as session:
        assert session.deliver("a@test.example", ["user@test.example"], octets).code == 250
    if mta.has_login:
        with mta.connect(login="chief") as session:
            assert session.deliver("a@test.example", ["user@test.example"], octets).code == 250


def hops(count):
    return [f"Received: from h{n}.example by h{n + 1}.example; Mon, 06 Jul 2026 10:00:00 +0000"
            for n in range(count)]


def test_too_many_hops(client, mta):
    """The server's own Received line is not among those that a filter is shown."""
    for count, code in ((10, 250), (11, 554)):
        reply = client.deliver("a@out.example", ["user@test.example"], message(*hops(count)))
        assert reply.code == code
    assert reply.line == "554 5.4.6 Too many hops, this looks like a mail loop"


def message_of(size):
    """A message of exactly this many octets."""
    head = message(body=b"")
    full_lines, rest = divmod(size - len(head), 72)
    return head + (b"x" * 70 + b"\r\n") * (full_lines - 1) + b"y" * (70 + rest) + b"\r\n"


def test_a_message_that_is_too_large(client):
    reply = client.deliver("a@out.example", ["user@test.example"], message_of(MAX_SIZE))
    assert reply.code == 250
    reply = client.deliver("a@out.example", ["user@test.example"], message_of(MAX_SIZE + 1))
    assert reply.line == "552 5.3.4 Message too large"
