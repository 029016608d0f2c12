# SPDX-License-Identifier: BSD-2-Clause
"""What Prometheus reads of the filter, its alert rules and its dashboard, and hostile HTTP clients."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import socket
import subprocess

import pytest

from harness.envelopes import key_file
from harness.metrics import Metrics, scrape
from harness.packages import unpack
from harness.process import free_port, make_directory, program, run
from harness.site import both
from harness.smtp import message, new_token, require
from harness.waiting import wait_until

LISTED, BLOCKED = "news@test.example", "evil@bad.example"
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
MANUAL = SCRIPTS.parent / "man" / "sluice-milter.conf.5"
METRIC = re.compile(r"\b(?:sluice|process)_[a-z_0-9]+\b")
SLOW_CLIENTS = 40


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def lines(site, port):
    directory = site.directory("metrics")
    return [f"metrics = inet:{port}@127.0.0.1", f"key-file = {key_file(site)}", f"list = {LISTED}",
            f"tracking-log = {directory}/tracking.log", "loop-action = discard", f"block-sender = {BLOCKED}",
            "block-recipient = closed@test.example", "dnsbl = bl bl.example", *both("deny-ip", 66)]


@pytest.fixture(scope="module", autouse=True)
def daemon(site, lines):
    with site.sluice(*lines) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def promtool(site):
    # since Debian 13 it has a package of its own
    package = "promtool" if run(program("apt-cache"), "show", "promtool", check=False).returncode == 0 else "prometheus"
    tool = unpack(make_directory(site.base / "prometheus"), (package,)) / "usr" / "bin" / "promtool"

    def check(what, *words, text=None):
        done = subprocess.run([tool, "check", what, *words], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return check


@pytest.fixture
def grown(port):
    """By how much a metric has grown since the test began."""
    before = Metrics(scrape(port))

    def since(name, **labels):
        return Metrics(scrape(port)).value(name, **labels) - before.value(name, **labels)

    return since


def send(mta, recipients=("user@test.example",), sender="a@out.example", octets=None, client=7):
    with mta.connect(client) as session:
        return session.deliver(sender, recipients, octets or message(token=new_token())).code


class TestCounts:
    def test_messages_by_their_end(self, mta, grown):
        assert send(mta) == 250
        with mta.connect(7) as session:
            session.mail(BLOCKED)  # Postfix tells of the refusal at RCPT
            assert session.rcpt("user@test.example").code in (503, 550)
        assert grown("sluice_messages_total", outcome="accepted") == 1
        assert grown("sluice_messages_total", outcome="refused") == 1
        assert grown("sluice_messages_total") == 2
        assert grown("sluice_decisions_total", stage="mail", action="refuse", rule="block-sender") == 1

    def test_rules_and_nothing_of_the_mail(self, port, mta, grown):
        with mta.connect(66) as session:
            assert session.mail("a@out.example").code == 554
        with mta.connect(40) as session:
            require(session.mail("a@out.example"), 250)
            assert session.rcpt("user@test.example").code == 550
            assert session.rcpt("user@test.example").code == 550
        with mta.connect(7) as session:
            require(session.mail("a@out.example"), 250)
            assert session.rcpt("closed@test.example").code == 550
        assert grown("sluice_decisions_total", stage="mail", rule="deny-ip", action="refuse") == 1
        assert grown("sluice_decisions_total", stage="rcpt", rule="dnsbl bl", action="refuse") == 2
        assert grown("sluice_decisions_total", stage="rcpt", rule="block-recipient", action="refuse") == 1
        assert grown("sluice_messages_total") == 1, "a recipient is no message"
        rules = Metrics(scrape(port)).values_of("rule")
        assert not any("@" in rule or "127." in rule for rule in rules), rules

    def test_loops_and_copies(self, mta, grown):
        for hops in (1, 3):
            received = [f"Received: by hop{number}.example; x" for number in range(hops)]
            assert send(mta, recipients=(LISTED,), octets=message(*received, f"Message-ID: <{mta.name}-loop@out.example>")) == 250
        assert grown("sluice_loops_total", action="discard") == 1
        assert grown("sluice_messages_total", outcome="discarded") == 1
        assert grown("sluice_decisions_total", rule="loop", stage="message") == 1

    def test_refused_expansions(self, mta, grown):
        with mta.connect(7) as session:
            require(session.mail(""), 250)
            assert session.rcpt(LISTED).code == 550
        answer = message("Auto-Submitted: auto-replied", token=new_token())
        assert send(mta, recipients=(LISTED,), octets=answer) == 250
        assert grown("sluice_list_expansions_refused_total", **{"class": "null-sender"}) == 1
        assert grown("sluice_list_expansions_refused_total", **{"class": "auto-reply"}) == 1
        assert grown("sluice_list_expansions_refused_total") == 2

    def test_stages_are_timed(self, mta, grown):
        assert send(mta) == 250
        for stage in ("connect", "mail", "rcpt", "end_of_message"):
            count = grown("sluice_stage_duration_seconds_count", stage=stage)
            assert count >= 1, stage
            assert grown("sluice_stage_duration_seconds_bucket", stage=stage, le="+Inf") == count
            assert 0 < grown("sluice_stage_duration_seconds_sum", stage=stage) < 60

    def test_lists_are_asked(self, site, mta, grown):
        with mta.connect(40) as session:
            require(session.mail("a@out.example"), 250)
            assert session.rcpt("user@test.example").code == 550
        assert grown("sluice_dnsbl_queries_total", zone="bl.example") >= 1
        assert grown("sluice_dnsbl_listed_total", zone="bl.example") == 1

    def test_what_is_as_it_is(self, port, mta):
        with mta.connect(7) as session:
            require(session.mail("a@out.example"), 250)
            metrics = Metrics(scrape(port))
            assert metrics.value("sluice_sessions_open") >= 1
        assert metrics.value("sluice_store_available") == 1
        assert metrics.value("sluice_build_info") == 1
        assert metrics.value("sluice_observing") == 0
        assert metrics.value("sluice_tracking_written_total") > 0
        assert metrics.value("sluice_tracking_dropped_total") == 0
        assert metrics.value("sluice_dnsbl_suspended") == 0
        assert metrics.value("process_start_time_seconds") > 1e9
        assert metrics.value("sluice_dnsbl_answer_seconds_count", zone="bl.example") >= 1


def test_observing_counts_what_would_be_done(site, daemon, lines, port, mta, grown):
    assert daemon.reload(site.configuration(*lines, "mode = observe"))[0]
    try:
        assert send(mta, sender=BLOCKED) == 250
        assert grown("sluice_messages_total", outcome="accepted") == 1
        assert grown("sluice_messages_total") == 1
        assert grown("sluice_decisions_total", action="would-refuse", rule="block-sender") >= 1
        assert Metrics(scrape(port)).value("sluice_observing") == 1
    finally:
        assert daemon.reload(site.configuration(*lines))[0]


class TestFiles:
    def test_prometheus_finds_no_fault(self, port, promtool):
        assert promtool("metrics", text=scrape(port)) == ""
        assert "SUCCESS" in promtool("rules", SCRIPTS / "alerts.yml")

    def test_dashboard_alerts_and_manual_name_what_is_there(self, port):
        there = {name for name in Metrics(scrape(port)).names() if METRIC.fullmatch(name)}
        # a Redis has nodes, which this store has not
        there.add("sluice_store_node_available")
        families = {re.sub(r"_seconds_(?:bucket|sum|count)$", "_seconds", name) for name in there}
        dashboard = json.loads((SCRIPTS / "grafana-dashboard.json").read_text())
        told = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        assert len(told) > 10
        for text in (*told, (SCRIPTS / "alerts.yml").read_text()):
            assert set(METRIC.findall(text)) <= there, text
        described = set(METRIC.findall(MANUAL.read_text().split(".Sh METRICS")[1].split("\n.Sh ")[0]))
        assert described == families


class TestClients:
    @pytest.mark.parametrize("octets", [b"", b"\r\n\r\n", b"\0" * 5000, b"GET", b"GET /metrics HTTP/9.9\r\n\r\n",
                                        b"GET /" + b"x" * 100000, b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                        b"GET /../../etc/passwd HTTP/1.0\r\n\r\n",
                                        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n"],
                             ids=lambda octets: repr(octets[:24]))
    def test_garbage(self, port, daemon, octets):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            with contextlib.suppress(OSError):
                client.sendall(octets)
                client.shutdown(socket.SHUT_WR)
                reply = client.recv(65536)
                assert b"root:" not in reply
        assert "sluice_build_info" in scrape(port)
        assert daemon.is_running()

    def test_slow_and_many_clients_hold_up_no_mail(self, port, daemon, mta):
        with contextlib.ExitStack() as stack:
            for _ in range(SLOW_CLIENTS):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
                with contextlib.suppress(OSError):
                    client.send(b"GET /metr")
            assert send(mta) == 250
            descriptors = len(os.listdir(f"/proc/{daemon.pid}/fd"))
            assert descriptors < 200
        wait_until(lambda: "sluice_build_info" in scrape(port), 60, "somebody is answered again")


def low_port():
    """A free port that only root may take."""
    for port in range(1023, 700, -1):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port below 1024 is free")


class TestStart:
    def refused(self, site, port):
        config = site.directory("metrics-start") / "sluice.conf"
        config.write_text(site.configuration(f"metrics = inet:{port}@127.0.0.1", f"socket = unix:{site.base}/x.sock"))
        daemon = os.path.join(os.environ["SLUICE_BUILD"], "milter", "sluice-milter")
        return subprocess.run([daemon, "--config", config], capture_output=True, text=True, timeout=60)

    def test_a_port_that_is_taken(self, site, port):
        done = self.refused(site, port)
        assert done.returncode == 1
        assert f"metrics: cannot listen on inet:{port}@127.0.0.1: Address already in use" in done.stderr

    @pytest.mark.parametrize("value", ["unix:/run/x", "inet:0@127.0.0.1", "inet:70000@127.0.0.1", "9090"])
    def test_a_value_that_is_none(self, site, value):
        config = site.directory("metrics-value") / "sluice.conf"
        config.write_text(site.configuration(f"metrics = {value}"))
        daemon = os.path.join(os.environ["SLUICE_BUILD"], "milter", "sluice-milter")
        done = subprocess.run([daemon, "--check", "--config", config], capture_output=True, text=True, timeout=60)
        assert done.returncode == 78
        assert "sluice.conf:8: metrics: " in done.stderr


class TestAnotherUser:
    def test_a_port_of_root(self, site, daemon):
        """It is taken before the change of user, which all threads share."""
        daemon.stop()
        port = low_port()
        try:
            with site.sluice(f"metrics = inet:{port}@127.0.0.1", "user = nobody") as other:
                assert "sluice_build_info" in scrape(port)
                for thread in pathlib.Path(f"/proc/{other.pid}/task").iterdir():
                    uids = re.search(r"^Uid:(.*)$", (thread / "status").read_text(), re.M)[1].split()
                    assert uids == [str(pwd.getpwnam("nobody").pw_uid)] * 4, thread
        finally:
            daemon.start()
