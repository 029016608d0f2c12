# SPDX-License-Identifier: BSD-2-Clause
"""DNS blocklists: real ones (rbldnsd behind unbound), and servers that misbehave."""

import time

import pytest

from harness.dns_stub import DnsStub, Zone, always, failing, never_listed, silent
from harness.smtp import require
from milter_client import MilterClient

USER = "user@test.example"
UNSEEN = "trusted = 127.0.0.1"  # where clients of Postfix come from before they say XCLIENT


def recipient_reply(mta, number, recipient=USER):
    with mta.connect(number) as session:
        require(session.mail(), 250)
        return session.rcpt(recipient)


class TestRealLists:
    @pytest.fixture(scope="class", autouse=True)
    def daemon(self, site):
        with site.sluice(
                "dnsbl = good allow.example kind=allow",
                "dnsbl = codes bl.example match=codes:127.0.0.3,127.0.0.5-127.0.0.7",
                "dnsbl = bits bl.example match=mask:0.0.0.10",
                "dnsbl = ten bl.example match=codes:127.0.0.10 action=tempfail",
                'dnsbl = other bl.example match=anybit:0.0.1.0 errors=127.0.0.4 reply="on %2 by %1"',
                "dnsbl = second second.example provider=second-list"
                ' reply="%0: see %2"') as daemon:
            yield daemon

    @pytest.mark.parametrize("number, expected", [
        (40, "250"), (41, "550 5.7.1"), (43, "550 5.7.1"), (44, "250"), (45, "550 5.7.1"),
        (46, "250"), (47, "250"), (48, "250"), (200, "250"), (42, "250"), (49, "250"),
        (50, "550 5.7.1"), (51, "550 5.7.1")])
    def test_the_first_match_decides(self, mta, number, expected):
        assert recipient_reply(mta, number).line.startswith(expected)

    def test_the_reply_names_client_rule_and_provider(self, mta):
        assert recipient_reply(mta, 43).line == \
            f"550 5.7.1 {mta.address(43)} has been blocked by codes"
        assert recipient_reply(mta, 45).line == \
            f"550 5.7.1 {mta.address(45)} has been blocked by bits"
        assert recipient_reply(mta, 51).line == "550 5.7.1 on bl.example by other"
        assert recipient_reply(mta, 50).line == f"550 5.7.1 {mta.address(50)}: see second-list"

    def test_a_provider_error_is_logged(self, daemon, mta):
        start = daemon.log.position
        assert recipient_reply(mta, 48).code == 250
        daemon.wait_for_log(r"bl\.example", start=start)


class TestSelfTest:
    def test_a_list_of_the_whole_world_refuses_nobody_for_long(self, site):
        """Two self-tests suspend it; they are at most two seconds apart."""
        with site.sluice("dnsbl = mad world.example", "dnsbl = bl bl.example") as daemon:
            daemon.wait_for_log(r"world\.example.*suspend|suspend.*world\.example", timeout=5)
            assert recipient_reply(site.postfix, 200).code == 250
            assert recipient_reply(site.sendmail, 200).code == 250
            assert recipient_reply(site.postfix, 40).code == 550, "the other list goes on"

    def test_a_list_without_its_test_entry_is_suspended(self, site):
        with site.sluice("dnsbl = dead empty.example") as daemon:
            daemon.wait_for_log(r"empty\.example.*suspend|suspend.*empty\.example", timeout=5)
            assert recipient_reply(site.postfix, 40).code == 250

    def test_an_allowlist_of_the_whole_world_is_suspended(self, site):
        with site.sluice("dnsbl = mad world.example kind=allow", "dnsbl = bl bl.example") as daemon:
            daemon.wait_for_log(r"world\.example.*suspend|suspend.*world\.example", timeout=5)
            assert recipient_reply(site.postfix, 40).code == 550

    def test_a_list_recovers(self, site):
        with DnsStub({"list.example": Zone(always("127.0.0.2"), test_points=False)}) as stub:
            with site.sluice("dnsbl = list list.example", f"resolver = {stub.address}") as daemon:
                daemon.wait_for_log(r"suspend", timeout=5)
                assert recipient_reply(site.postfix, 60).code == 250
                start = daemon.log.position
                stub.zones["list.example"] = Zone(always("127.0.0.2"))
                daemon.wait_for_log(r"list\.example", timeout=90, start=start)
                assert recipient_reply(site.postfix, 61).code == 550

    def test_without_self_test_a_list_is_taken_at_its_word(self, site):
        with site.sluice("dnsbl = mad world.example", "dnsbl-self-test = no"):
            assert recipient_reply(site.postfix, 200).code == 550


def timed(action):
    start = time.monotonic()
    result = action()
    return result, time.monotonic() - start


class TestSlowServers:
    def test_a_silent_server_costs_the_timeout_once_in_a_session(self, site, mta):
        with DnsStub({f"silent{n}.example": Zone(silent) for n in range(3)}) as stub:
            with site.sluice(*(f"dnsbl = s{n} silent{n}.example" for n in range(3)),
                             f"resolver = {stub.address}", "dns-timeout = 1s"):
                with mta.connect(70) as session:
                    connected = time.monotonic()
                    require(session.mail(), 250)
                    assert session.rcpt(USER).code == 250
                    assert 0.8 < time.monotonic() - connected < 1.5
                    for recipient in ("other@test.example", "third@test.example"):
                        reply, seconds = timed(lambda: session.rcpt(recipient))
                        assert reply.code == 250
                        assert seconds < 0.3
                    require(session.command("RSET"), 250)
                    require(session.mail(), 250)
                    reply, seconds = timed(lambda: session.rcpt(USER))
                    assert reply.code == 250
                    assert seconds < 0.3

    def test_a_silent_server_defers_where_that_is_wanted(self, site, mta):
        with DnsStub({"silent.example": Zone(silent), "bl.example": Zone(always("127.0.0.2"))}) as stub:
            with site.sluice("dnsbl = s silent.example on-unknown=tempfail",
                             f"resolver = {stub.address}", "dns-timeout = 300ms"):
                assert recipient_reply(mta, 71).status == "451 4.4.3"
                assert recipient_reply(mta, 71, "postmaster@test.example").code == 250

    def test_a_later_match_wins_over_an_unknown_one(self, site):
        with DnsStub({"fail.example": Zone(failing), "bl.example": Zone(always("127.0.0.2"))}) as stub:
            with site.sluice("dnsbl = f fail.example on-unknown=tempfail", "dnsbl = b bl.example",
                             f"resolver = {stub.address}"):
                assert recipient_reply(site.postfix, 72).status == "550 5.7.1"

    def test_what_the_client_says_meanwhile_is_not_delayed(self, site, mta):
        with DnsStub({"silent.example": Zone(silent)}) as stub:
            with site.sluice("dnsbl = s silent.example", f"resolver = {stub.address}",
                             "dns-timeout = 5s"):
                session, seconds = timed(lambda: mta.connect(73))
                with session:
                    assert seconds < 1
                    _, seconds = timed(session.mail)
                    assert seconds < 0.3
                    reply, seconds = timed(lambda: session.rcpt("postmaster@test.example"))
                    assert reply.code == 250
                    assert seconds < 0.3

    def test_six_slow_lists_are_asked_at_the_same_time(self, site, mta):
        zones = {f"slow{n}.example": Zone(never_listed, delay=0.3) for n in range(6)}
        with DnsStub(zones) as stub:
            with site.sluice(*(f"dnsbl = s{n} slow{n}.example" for n in range(6)),
                             f"resolver = {stub.address}", "dnsbl-self-test = no", UNSEEN):
                with mta.connect(74) as session:
                    connected = time.monotonic()
                    require(session.mail(), 250)
                    assert session.rcpt(USER).code == 250
                    assert time.monotonic() - connected < 0.6
                assert all(stub.asked[zone] == 1 for zone in zones), stub.asked

    def test_a_zone_is_asked_once_however_many_rules_use_it(self, site, mta):
        with DnsStub({"one.example": Zone(always("127.0.0.9"))}) as stub:
            with site.sluice("dnsbl = a one.example match=codes:127.0.0.2",
                             "dnsbl = b ONE.example match=codes:127.0.0.3",
                             "dnsbl = c one.example. match=codes:127.0.0.9",
                             f"resolver = {stub.address}", "dnsbl-self-test = no", UNSEEN):
                assert recipient_reply(mta, 75).status == "550 5.7.1"
                assert recipient_reply(mta, 75).status == "550 5.7.1"
                assert stub.asked["one.example"] == 1

    def test_an_ipv6_client(self, site):
        listed = "2001:db8::a:7"
        zone = Zone(lambda client: ("127.0.0.2",) if client == listed else ())
        with DnsStub({"six.example": zone, "four.example": Zone(always("127.0.0.2"))}) as stub:
            with site.sluice("dnsbl = six six.example", "dnsbl = four four.example ipv6=no",
                             f"resolver = {stub.address}", "dnsbl-self-test = no"):
                for address, expected in (
                        (listed, f"550 5.7.1 {listed} has been blocked by six"), ("2001:db8::a:8", ""),
                        ("::ffff:192.0.2.9", "550 5.7.1 192.0.2.9 has been blocked by four")):
                    with MilterClient(f"unix:{site.socket}") as client:
                        client.negotiate()
                        client.conn("six.example", address)
                        client.helo("six.example")
                        assert client.mail("<a@out.example>").proceeds
                        assert client.rcpt(f"<{USER}>").line == expected
                assert stub.asked["four.example"] == 1

    def test_nobody_who_needs_no_list_is_looked_up(self, site, mta):
        with DnsStub({"one.example": Zone(always("127.0.0.2"))}) as stub:
            number = 76
            with site.sluice("dnsbl = a one.example", f"resolver = {stub.address}",
                             "dnsbl-self-test = no", UNSEEN, f"trusted = {mta.address(number)}"):
                assert recipient_reply(mta, number).code == 250
                assert stub.asked["one.example"] == 0
