# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl mx: mail servers in all states of health, on addresses of loopback and one port."""

import json
import signal
import socket
import subprocess
import time

import pytest

from harness.dns_records import RecordStub
from harness.dns_stub import FAIL, SILENT
from harness.mail_servers import BANNER, GREETED, MASKED, BlackHole, MailServer
from harness.process import OutputCollector, free_port
from harness.sluice import control_tool
from harness.waiting import wait_until

LONGEST_LOOK = 60
QUICK = ("--timeout", "2s")
BUCHER = "b\u00fccher.example"

EXCHANGERS = {
    "good": "127.0.0.11", "silent": "127.0.0.12", "masked": "127.0.0.13", "old": "127.0.0.14", "dead": "127.0.0.15",
    "hole": "127.0.0.16", "refusing": "127.0.0.17", "shouting": "127.0.0.18", "endless": "127.0.0.19",
    "closing": "127.0.0.20", "inspected": "127.0.0.21", "deaf": "127.0.0.22", "halting": "127.0.0.23",
    "gruff": "127.0.0.24", "web": "127.0.0.25", "watched": "127.0.0.26",
}


def has_ipv6():
    """Some machines have no ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


GOOD = [EXCHANGERS["good"], *(["::1"] if has_ipv6() else [])]


def servers(port):
    """One for each name but `dead`, where nobody listens."""
    def server(name, *words, **replies):
        return name, MailServer(EXCHANGERS[name], port, *words, **replies)

    return dict([
        server("good"),
        server("silent", b""),
        server("masked", MASKED, EHLO=b"500 5.5.1 unrecognized\r\n"),
        server("old", EHLO=b"502 no\r\n", HELO=b"550 nor that\r\n"),
        server("refusing", b"554-\x1b[31mno\r\n554 go away\r\n"),
        server("shouting", b"220-x\r\n" * 200_000),
        server("endless", b"2" * 2_000_000),
        server("closing", None),
        server("inspected", EHLO=GREETED.replace(b"8BITMIME", b"XXXXXXXA")),
        server("deaf", EHLO=b""),
        server("halting", b"220-mx.example\r\n220-wai"),
        server("gruff", EHLO=None),
        server("web", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        server("watched"),
        ("hole", BlackHole(EXCHANGERS["hole"], port)),
        *((address, MailServer(address, port)) for address in GOOD[1:]),
    ])


def mx(*names):
    return {"MX": [(10 * number, name) for number, name in enumerate(names, 1)]}


def records():
    return {
        **{f"{name}.example": {"A": [address]} for name, address in EXCHANGERS.items()},
        "good.example": {"A": [EXCHANGERS["good"]], "AAAA": GOOD[1:]},
        "well.example": mx("good.example"),
        "xn--bcher-kva.example": mx("good.example"),
        "five.example": mx("silent.example", "masked.example", "old.example", "dead.example", "hole.example"),
        "others.example": mx("refusing.example", "shouting.example", "endless.example", "closing.example",
                             "inspected.example", "deaf.example", "halting.example", "gruff.example", "web.example"),
        "null.example": {"MX": [(0, "")]},
        "both.example": {"MX": [(0, ""), (10, "good.example")]},
        "implicit.example": {"A": [EXCHANGERS["good"]]},
        "bare.example": {"AAAA": []},
        "names.example": {"MX": [(30, "alias.example"), (10, "192.0.2.1"), (20, "nobody.example"), (40, "empty.example"),
                                 (50, "broken.example"), (60, "a b.example")]},
        "alias.example": {"CNAME": ["good.example"]},
        "empty.example": {},
        "broken.example": FAIL,
        "failing.example": FAIL,
        "mute.example": SILENT,
        "watch.example": mx("watched.example"),
        "many.example": {"MX": [(1, f"m{number}.example") for number in range(40)]},
        "crowd.example": mx("crowded.example"),
        "crowded.example": {"A": [f"127.0.1.{number}" for number in range(1, 21)]},
    }


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module", autouse=True)
def healthy_and_sick(port):
    started = servers(port)
    yield started
    for server in started.values():
        server.stop()


@pytest.fixture(scope="module")
def dns():
    with RecordStub(records()) as stub:
        yield stub


@pytest.fixture(scope="module")
def command(port, dns):
    def words(*more):
        return [control_tool(), "mx", "--port", str(port), "--resolver", dns.address, "--from", "test.example", *more]

    return words


@pytest.fixture(scope="module", autouse=True)
def patient_look(healthy_and_sick, command):
    """With the times of real use. It lasts, so it begins before the other tests and ends after them."""
    begun = time.monotonic()
    with subprocess.Popen(command("--json", "five.example"), stdout=subprocess.PIPE, text=True) as process:
        yield begun, process
        process.kill()


@pytest.fixture(scope="module")
def look(command):
    def run(*words, status=1):
        done = subprocess.run(command(*QUICK, *words), capture_output=True, text=True, timeout=LONGEST_LOOK)
        assert done.returncode == status and done.stderr == "", done
        return done.stdout

    return run


@pytest.fixture(scope="module")
def examined(look):
    """The domains by name, as --json shows them, all looked at together."""
    names = ["well.example", "five.example", "others.example", "null.example", "both.example", "implicit.example",
        "bare.example", "names.example", "failing.example", "mute.example", "many.example", "crowd.example",
        "nowhere.example", BUCHER]
    found = json.loads(look("--json", *names))
    assert found["trouble"] is True
    return {domain["domain"]: domain for domain in found["domains"]}


def kinds(part):
    return [finding["kind"] for finding in part["findings"]]


def kinds_of_servers(domain):
    """Name of the MX -> the kinds of its only server."""
    return {host["name"].split(".")[0]: kinds(host["servers"][0]) for host in domain["exchangers"]}


FIVE = {"silent": ["no-banner"], "masked": ["masked-banner", "ehlo-refused"], "old": ["ehlo-refused"],
        "dead": ["no-answer"], "hole": ["no-answer"]}


def test_each_trouble_of_a_server_is_named(examined):
    assert kinds_of_servers(examined["five.example"]) == FIVE
    assert kinds(examined["five.example"]) == []
    assert kinds_of_servers(examined["others.example"]) == {
        "refusing": ["refuses"], "shouting": ["no-smtp"], "endless": ["no-smtp"], "closing": ["no-banner"],
        "inspected": ["masked-extension"], "deaf": ["no-ehlo-answer"], "halting": ["no-banner"],
        "gruff": ["ehlo-refused"], "web": ["no-smtp"]}


def test_healthy_servers_are_well(examined, healthy_and_sick):
    for name in ("well.example", "xn--bcher-kva.example"):
        domain = examined[name]
        exchanger, = domain["exchangers"]
        assert (domain["working"], domain["servers"], kinds(domain), kinds(exchanger)) == (len(GOOD), len(GOOD), [], [])
        assert [server["address"] for server in exchanger["servers"]] == GOOD
        for server in exchanger["servers"]:
            assert server["takesMail"] and kinds(server) == []
            assert server["banner"]["lines"] == [BANNER[4:].decode().strip()]
            assert all(server[step]["ms"] >= 0 for step in ("connect", "banner", "ehlo"))
    asked = healthy_and_sick["good"].commands
    assert set(asked) == {b"EHLO test.example\r\n", b"QUIT\r\n"}


def test_what_the_dns_has_wrong_is_named(examined):
    expected = {"null.example": ["null-mx"], "both.example": ["null-mx"], "implicit.example": ["no-mx"],
                "bare.example": ["no-mx", "no-server"], "failing.example": ["dns-trouble"],
                "mute.example": ["dns-trouble"], "nowhere.example": ["no-such-domain"], "names.example": []}
    assert {name: kinds(examined[name]) for name in expected} == expected
    assert examined["implicit.example"]["working"] == 1
    names = examined["names.example"]["exchangers"]
    assert [(each["preference"], kinds(each)) for each in names] == [
        (10, ["mx-is-address"]), (20, ["no-address"]), (30, ["mx-is-alias"]), (40, ["no-address"]),
        (50, ["dns-trouble"]), (60, ["mx-is-no-name"])]
    assert all(server["takesMail"] for server in names[2]["servers"])


def test_hostile_numbers_are_cut(examined):
    assert len(examined["many.example"]["exchangers"]) == 32
    assert "8 more MXs are left out" in examined["many.example"]["findings"][0]["text"]
    crowd, = examined["crowd.example"]["exchangers"]
    assert len(crowd["servers"]) == 16 and kinds(crowd) == ["left-out"]


def test_the_table_and_the_exit_status(look):
    lines = look("well.example", "implicit.example", status=0).splitlines()
    assert lines[0].startswith(f"well.example: {len(GOOD)} of {len(GOOD)} servers take mail; DNS ")
    assert lines[1].split() == ["PREF", "MX", "ADDRESS", "CONNECT", "BANNER", "EHLO", "STATE"]
    assert lines[2].split()[:3] == ["10", "good.example", EXCHANGERS["good"]] and lines[2].endswith("  ok")
    text = look("five.example", "null.example", "others.example")
    for words in ("handshake but no banner in 2.", "banner masked by a firewall (220 *****", "HELO works",
                  "EHLO refused with 502 no", "does not answer: Connection refused",
                  "does not answer: no handshake in 2.", "null MX: it takes no mail", "refuses with 554 go away"):
        assert words in text, text
    assert "\x1b" not in text


def test_servers_are_looked_at_together(look):
    """One after another they would take four times as long at least."""
    begun = time.monotonic()
    look("five.example", "others.example")
    assert time.monotonic() - begun < 2 * 2 + 2


def test_watch_tells_what_changes_and_ends_in_order(command, healthy_and_sick):
    watched = healthy_and_sick["watched"]
    with subprocess.Popen(command(*QUICK, "--watch=1s", "watch.example"), stdout=subprocess.PIPE) as process:
        lines = OutputCollector(process.stdout)
        where = f" watch.example watched.example {EXCHANGERS['watched']}: "
        assert lines.wait(lambda line: line.endswith(where + "ok"), 20)
        start = lines.position
        watched.banner = b"450 later\r\n"
        assert lines.wait(lambda line: line.endswith(where + "refuses with 450 later"), 20, start)
        rounds = len(watched.commands)
        wait_until(lambda: len(watched.commands) > rounds + 1, 20, "it looks again")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        lines.join()
        told = [line.split(" ", 1)[1] for line in lines.lines()]
        assert told == [where.strip() + " ok", "watch.example: no server takes mail for it",
                        where.strip() + " refuses with 450 later"]


def test_watch_prints_a_round_a_line_and_a_signal_cuts_one_short(command, dns):
    with subprocess.Popen(command("--json", "--watch", "1s", "well.example"), stdout=subprocess.PIPE) as process:
        lines = OutputCollector(process.stdout)
        assert lines.wait(bool, 20)
        dns.records["well.example"] = mx("silent.example")
        start = lines.position
        assert not lines.wait(lambda line: "silent" in line, 2, start), "it waits for the banner yet"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0 and time.monotonic() - begun < 5
        lines.join()
        for line in lines.lines():
            assert json.loads(line)["domains"][0]["domain"] == "well.example"


def test_a_resolver_that_is_none_and_bad_words(command):
    done = subprocess.run(command("--resolver", "nonsense", "well.example"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "nonsense" in done.stderr


def test_five_sick_servers_are_named_within_a_minute(patient_look):
    begun, process = patient_look
    output = process.communicate(timeout=LONGEST_LOOK)[0]
    assert time.monotonic() - begun < LONGEST_LOOK
    domain, = json.loads(output)["domains"]
    assert kinds_of_servers(domain) == FIVE
    silent = domain["exchangers"][0]["servers"][0]
    assert silent["findings"][0]["text"].startswith("handshake but no banner in 15")
    assert 15_000 <= silent["banner"]["ms"] < 30_000
