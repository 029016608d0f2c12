# SPDX-License-Identifier: BSD-2-Clause
"""The Debian package on a machine with systemd: it installs, starts, survives an upgrade, and goes
without a trace. SLUICE_DEB names the package."""

import os
import pathlib
import subprocess

import pytest

from harness.waiting import wait_until
from rooms import HERE, Room

UNIT = "sluice-milter.service"
CONFIGURATION = "/etc/sluice/sluice-milter.conf"
KEYS = "/var/lib/sluice/keys"
SOCKET = "/run/sluice/sluice.sock"
SOCKET_OF_POSTFIX = "/var/spool/postfix/sluice/sluice.sock"
WATCHED = ("/etc", "/home", "/opt", "/run", "/srv", "/usr", "/var")

# What dpkg, systemd and its journal write for any package; the user stays, see the maintainer
# scripts. In /var/tmp others of this machine may write, and the unit has one of its own.
OF_THE_SYSTEM = ("/var/lib/dpkg/", "/var/log/dpkg.log", "/var/log/journal/", "/run/log/journal/",
                 "/run/systemd/", "/var/lib/systemd/", "/etc/passwd-", "/etc/group-",
                 "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock", "/etc/subuid-", "/etc/subgid-",
                 "/var/cache/", "/var/tmp/", "/run/dbus/", "/run/user", "/run/utmp")


def package():
    path = os.environ.get("SLUICE_DEB")
    assert path, "SLUICE_DEB must name the package"
    return pathlib.Path(path)


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """The same package with a higher version."""
    tree = tmp_path_factory.mktemp("newer") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package(), tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 99."))
    path = tree.parent / "newer.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, path], check=True,
                   stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def room():
    with Room() as room:
        yield room


@pytest.fixture
def installed(room):
    install(room, package())
    return room


def install(room, path):
    room.put(path, "/tmp/sluice.deb")
    return room.run("dpkg --install --force-confold /tmp/sluice.deb")


def change(room, old, new):
    text = room.read(CONFIGURATION)
    assert old in text
    room.write(CONFIGURATION, text.replace(old, new, 1))


def send(room, sender="anna@out.example", socket=SOCKET, user="root"):
    """What the filter at last says to a message of this sender."""
    script = (HERE / "one_message.py").read_text()
    return room.out(f"python3 -I - {socket} {sender}", user=user, text=script)


def journal(room):
    return room.out(f"journalctl --no-pager -u {UNIT}")


def pid(room):
    return int(room.property(UNIT, "MainPID"))


def wait_for_restart(room, old):
    wait_until(lambda: pid(room) not in (0, old) and is_active(room), 30, lambda: journal(room))


def is_active(room):
    return room.succeeds(f"systemctl --quiet is-active {UNIT}")


def restart(room):
    assert room.succeeds(f"systemctl restart {UNIT}"), journal(room)


def status_of(room, path):
    return room.out(f"stat -c '%a %U %G' {path}")


def remains(room, before):
    """What was not there before, but for what any package leaves."""
    return sorted(path for path in room.files(*WATCHED) - before if not path.startswith(OF_THE_SYSTEM))


def test_it_runs_once_it_is_installed(installed):
    assert is_active(installed), journal(installed)
    assert installed.succeeds(f"systemctl --quiet is-enabled {UNIT}")
    assert send(installed) == "c"
    assert "warning" not in journal(installed) and "error" not in journal(installed)
    assert installed.out("getent passwd sluice").endswith(":/var/lib/sluice:/usr/sbin/nologin")
    assert status_of(installed, KEYS) == "600 sluice sluice"
    assert status_of(installed, SOCKET) == "660 sluice sluice"
    assert status_of(installed, "/var/lib/sluice") == "750 sluice sluice"
    assert status_of(installed, "/var/log/sluice") == "750 sluice sluice"
    assert "0.1" in installed.out("sluicectl status")


def test_it_is_shut_in(installed):
    status = installed.read(f"/proc/{pid(installed)}/status")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert int(fields["CapBnd"], 16) == 0 and int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1" and fields["Seccomp"].strip() == "2"
    assert fields["Uid"].split() == [installed.out("id -u sluice")] * 4
    installed.run(f"systemd-analyze security --no-pager --threshold=15 {UNIT}")
    assert installed.property(UNIT, "WatchdogUSec") == "1min 30s"


def test_its_manual_pages_and_documents_are_there(installed):
    files = installed.out("dpkg --listfiles sluice-milter").splitlines()
    for page in ("man8/sluice-milter.8.gz", "man8/sluicectl.8.gz", "man5/sluice-milter.conf.5.gz"):
        assert f"/usr/share/man/{page}" in files
    assert "/usr/share/doc/sluice-milter/copyright" in files
    assert not installed.out("dpkg --verify sluice-milter")


def test_a_reload_says_whether_it_worked(installed):
    process = pid(installed)
    change(installed, "\n#block-sender", "\nblock-sender = @bad.example\n#block-sender")
    installed.run(f"systemctl reload {UNIT}")
    assert send(installed, "x@bad.example").startswith("550 5.1.0")
    change(installed, "\nblock-sender", "\nblock-senders")
    result = installed.run(f"systemctl reload {UNIT}", check=False)
    assert result.returncode != 0
    assert "block-senders" in journal(installed)
    assert send(installed, "x@bad.example").startswith("550 5.1.0")
    assert pid(installed) == process


def test_it_starts_again_when_it_dies_and_not_with_a_mistake(installed):
    process = pid(installed)
    installed.run(f"kill -SEGV {process}")
    wait_for_restart(installed, process)
    change(installed, "\n#block-sender", "\nblock-senders = x\n#block-sender")
    assert not installed.succeeds(f"systemctl restart {UNIT}")
    assert installed.property(UNIT, "ActiveState") == "failed"
    assert "block-senders" in journal(installed)


def test_the_watchdog_ends_a_filter_that_hangs(room):
    room.run(f"mkdir -p /etc/systemd/system/{UNIT}.d")
    room.write(f"/etc/systemd/system/{UNIT}.d/soon.conf", "[Service]\nWatchdogSec=4s\n")
    install(room, package())
    process = pid(room)
    room.run(f"kill -STOP {process}")
    wait_for_restart(room, process)
    assert "Watchdog timeout" in journal(room)
    assert send(room) == "c"


def test_badmail_and_name_servers_are_within_its_reach(installed):
    change(installed, "\n#block-sender", "\nblock-sender = @bad.example\nsender-action = badmail\n"
           "badmail-dir = /var/lib/sluice/badmail\ndnsbl = one bl.example on-unknown=tempfail\n"
           "resolver = 127.0.0.1@5\ndns-timeout = 500ms\nnotify = anna@here.example\n"
           "store = redis://localhost:6/0\n#block-sender")
    restart(installed)
    assert send(installed, "x@bad.example").startswith("451 4.4.3"), journal(installed)
    change(installed, "on-unknown=tempfail", "")
    installed.run(f"systemctl reload {UNIT}")
    assert send(installed, "x@bad.example") == "d", journal(installed)
    stored = installed.out("find /var/lib/sluice/badmail -name '*.eml'")
    assert status_of(installed, stored) == "600 sluice sluice"
    assert "not permitted" not in journal(installed) and "denied" not in journal(installed)


def test_postfix_in_its_chroot_reaches_the_socket(installed):
    directory = os.path.dirname(SOCKET_OF_POSTFIX)
    assert status_of(installed, directory) == "2750 sluice postfix"
    change(installed, "\n#socket = unix:", f"\nsocket = unix:{SOCKET_OF_POSTFIX}\n#socket = unix:")
    restart(installed)
    assert status_of(installed, SOCKET_OF_POSTFIX) == "660 sluice postfix"
    assert send(installed, socket=SOCKET_OF_POSTFIX, user="postfix") == "c"


def test_an_upgrade_keeps_settings_and_key(installed, newer):
    change(installed, "\n#block-sender", "\nblock-sender = @bad.example\n#block-sender")
    settings, key, process = installed.read(CONFIGURATION), installed.read(KEYS), pid(installed)
    install(installed, newer)
    assert installed.out("dpkg-query -W -f '${Version}' sluice-milter").startswith("99.")
    assert is_active(installed) and pid(installed) != process
    assert installed.read(CONFIGURATION) == settings and installed.read(KEYS) == key
    assert send(installed, "x@bad.example").startswith("550 5.1.0")


def test_an_upgrade_leaves_it_disabled(installed, newer):
    installed.run(f"systemctl disable {UNIT}")
    install(installed, newer)
    assert not installed.succeeds(f"systemctl --quiet is-enabled {UNIT}")


def test_it_comes_back_after_a_removal(installed):
    key = installed.read(KEYS)
    installed.run("dpkg --remove sluice-milter")
    assert not installed.succeeds(f"systemctl --quiet is-active {UNIT}")
    assert not installed.succeeds(f"test -e {SOCKET}")
    assert installed.succeeds(f"test -e {CONFIGURATION}")
    install(installed, package())
    assert is_active(installed)
    assert installed.read(KEYS) == key


def test_a_purge_leaves_nothing(room):
    before = room.files(*WATCHED)
    install(room, package())
    change(room, "\n#socket = unix:", f"\nsocket = unix:{SOCKET_OF_POSTFIX}\n#socket = unix:")
    restart(room)
    room.run("runuser -u sluice -- sh -c 'mkdir /var/lib/sluice/badmail/new; "
             "echo x > /var/log/sluice/tracking.log'")
    assert remains(room, before), "something can be seen"
    result = room.run("dpkg --purge sluice-milter")
    assert "kept" not in result.stderr
    assert remains(room, before) == []
    assert not room.succeeds("systemctl cat " + UNIT)


def test_a_purge_keeps_badmail(room):
    before = room.files(*WATCHED)
    install(room, package())
    room.run("runuser -u sluice -- sh -c 'mkdir /var/lib/sluice/badmail/new; "
             "echo mail > /var/lib/sluice/badmail/new/1.eml'")
    result = room.run("dpkg --purge sluice-milter")
    assert "the mail in /var/lib/sluice/badmail is kept" in result.stderr
    assert remains(room, before) == ["/var/lib/sluice", "/var/lib/sluice/badmail",
                                     "/var/lib/sluice/badmail/new",
                                     "/var/lib/sluice/badmail/new/1.eml"]


def test_without_systemd_it_installs_too(room):
    """In a container; the filter is then started by its command."""
    room.run("mv /run/systemd/system /run/systemd/elsewhere; mv /usr/bin/systemd-sysusers /usr/bin/none")
    install(room, package())
    assert not is_active(room)
    room.run("install -d -o sluice -g sluice -m 750 /run/sluice")
    room.run(f"setsid runuser -u sluice -- sluice-milter --config {CONFIGURATION} "
             ">/dev/null 2>&1 </dev/null &")
    wait_until(lambda: room.succeeds(f"test -S {SOCKET}"), 20, "the socket is there")
    assert send(room) == "c"
