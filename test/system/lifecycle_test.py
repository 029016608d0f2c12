# SPDX-License-Identifier: BSD-2-Clause
"""Start and stop."""

import os
import pwd
import signal
import socket
import stat
import time

import pytest

from harness.process import free_port
from harness.site import remove_file
from harness.sluice import Sluice, has_notifications, run_once
from harness.smtp import message, require
from harness.waiting import wait_until
from milter_client import MilterClient

STOP_AT_MOST_SECONDS = 12


@pytest.fixture
def second(site):
    """Another instance with the same socket, not started."""
    daemon = Sluice(site.base / "second", site.socket)
    daemon.write(site.configuration())
    yield daemon
    daemon.kill()


def test_sigterm_under_an_open_session(site, mta):
    """The mail server sees a temporary failure, and a new instance takes over."""
    with site.sluice() as daemon:
        session = mta.connect()
        require(session.mail(), 250)
        daemon.stop()
        assert not site.socket.exists()
        with session:
            assert session.rcpt("user@test.example").code in (421, 451)
        daemon.start()
        with mta.connect() as session:
            reply = session.deliver("a@out.example", ["user@test.example"], message())
            assert reply.code == 250


def test_sigterm_while_a_client_sends_nothing(site):
    """Nothing that a client leaves undone holds up the stop, and nobody has to come for it."""
    with site.sluice() as daemon:
        with site.postfix.connect() as session:
            require(session.mail(), 250)
            require(session.rcpt("user@test.example"), 250)
            require(session.command("DATA"), 354)
            session.send(b"Subject: unfinished\r\n")
            start = time.monotonic()
            daemon.terminate()
            assert daemon.wait_for_end() == 0
            assert time.monotonic() - start < STOP_AT_MOST_SECONDS
        daemon.start()


def test_sigint_and_sighup_stop_too(site):
    with site.sluice() as daemon:
        for number in (signal.SIGINT, signal.SIGHUP):
            daemon.stop(number)
            assert not site.socket.exists()
            daemon.start()


def test_the_service_manager_is_told(site):
    if not has_notifications():
        return
    with site.sluice() as daemon:
        manager = daemon.manager
        assert manager.states() == ["READY=1"]
        for text, reloads in ((None, 1), (site.configuration("mode = wrong"), 2)):
            daemon.reload(text)
            expected = ["READY=1"] + ["RELOADING=1", "READY=1"] * reloads
            wait_until(lambda: manager.states() == expected, 10, manager.states)
    assert manager.states() == expected + ["STOPPING=1"]


def test_a_service_manager_that_asks_gets_signs_of_life(site, second):
    """By a connection to the own socket, which leaves nothing behind."""
    if not has_notifications():
        return
    second.watchdog_seconds = 2
    second.write(site.configuration("log-level = debug"))
    second.start()
    wait_until(lambda: second.manager.states().count("WATCHDOG=1") >= 3, 20, second.manager.states)
    second.wait_for_log(r"\bopen=0\b")
    assert "does not answer" not in second.log_text()
    second.stop()


def test_a_second_instance_does_not_start(site, second, mta):
    with site.sluice():
        second.launch()
        assert second.wait_for_end() != 0
        assert str(site.socket) in second.log_text()
        assert "another process" in second.log_text()
        assert site.socket.exists()
        with mta.connect() as session:
            assert session.mail().code == 250, "the first one goes on"


def test_a_socket_that_an_instance_left_behind_is_replaced(site):
    with site.sluice() as daemon:
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait_for_end()
        assert site.socket.exists()
        daemon.start()
        with site.postfix.connect() as session:
            assert session.mail().code == 250


def test_a_file_in_place_of_the_socket_is_left_alone(site, second):
    site.socket.write_text("precious")
    try:
        second.launch()
        assert second.wait_for_end() != 0
        assert str(site.socket) in second.log_text()
        assert site.socket.read_text() == "precious"
    finally:
        remove_file(site.socket)


def test_an_old_instance_leaves_the_socket_of_a_new_one(site, second):
    with site.sluice() as old:
        site.socket.unlink()
        second.start()
        old.stop()
        assert site.socket.exists()
        with site.postfix.connect() as session:
            assert session.mail().code == 250
        second.stop()
        old.start()


def test_a_directory_that_is_not_there(site, second):
    second.write(site.configuration("socket = unix:/run/no-such-directory/sock"))
    second.launch()
    assert second.wait_for_end() != 0
    assert "/run/no-such-directory/sock" in second.log_text()


def test_an_inet_socket(site, second):
    port = free_port()
    second.write(site.configuration(f"socket = inet:{port}@127.0.0.1", "deny-ip = 192.0.2.11"))
    second.start()
    with MilterClient(f"inet:{port}@127.0.0.1") as client:
        client.negotiate()
        client.conn("x.example", "192.0.2.11")
        client.helo("x.example")
        assert client.mail("<a@out.example>").code == 554
    second.stop()


def test_the_port_of_another_is_refused(site, second):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        second.write(site.configuration(f"socket = inet:{port}@127.0.0.1"))
        second.launch()
        assert second.wait_for_end() != 0
        assert f"{port}@127.0.0.1" in second.log_text()


def test_running_as_another_user(site, mta):
    """The socket belongs to the group that was asked for, and a reload needs no rights of root."""
    os.chown(site.sockets, pwd.getpwnam("nobody").pw_uid, -1)
    try:
        with site.sluice("user = nobody", "socket-group = postfix", "socket-mode = 0660",
                         "deny-ip = 192.0.2.11") as daemon:
            status = site.socket.stat()
            assert stat.S_IMODE(status.st_mode) == 0o660
            uids = [line for line in open(f"/proc/{daemon.pid}/status") if line.startswith("Uid:")]
            assert uids[0].split()[1:] == [str(pwd.getpwnam("nobody").pw_uid)] * 4
            with site.postfix.connect(11) as session:
                assert session.mail().code == 554
            assert daemon.reload(site.configuration("user = nobody", "socket-group = postfix",
                                                    "socket-mode = 0660"))[0]
            with site.postfix.connect(11) as session:
                assert session.mail().code == 250
        assert not site.socket.exists()
    finally:
        os.chown(site.sockets, 0, -1)


def test_a_pid_file_that_is_a_link_is_not_followed(site):
    elsewhere, path = site.base / "elsewhere", site.base / "linked.pid"
    elsewhere.write_text("precious\n")
    path.symlink_to(elsewhere)
    socket = site.base / "linked.sock"
    started = run_once(f"--socket=unix:{socket}", f"--pid-file={path}", "--log=stderr")
    assert started.returncode == 1
    assert f"cannot write the pid file {path}" in started.stderr
    assert elsewhere.read_text() == "precious\n"


def test_the_pid_file(site):
    path = site.base / "sluice.pid"
    with site.sluice(f"pid-file = {path}") as daemon:
        assert path.read_text() == f"{daemon.pid}\n"
    assert not path.exists()


def test_without_the_daemon_mail_waits(mta):
    with mta.connect(ehlo=False) as session:
        assert session.greeting.code in (220, 421, 451, 554)
        if session.greeting.code == 220:
            session.ehlo()
            assert session.mail().code in (421, 451)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_commands_that_only_print(option):
    result = run_once(option)
    assert result.returncode == 0
    assert "sluice-milter" in result.stdout
    assert result.stderr == ""
