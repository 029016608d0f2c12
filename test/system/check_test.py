# SPDX-License-Identifier: BSD-2-Clause
"""Wrong configurations: --check names file, line and value, and a reload keeps the old one."""

import dataclasses
import pathlib
import re

import pytest

from harness.site import both
from harness.sluice import CHECK_FAILED, run_once
from harness.smtp import message, require

DENIED = 11


@dataclasses.dataclass
class Wrong:
    """A configuration file whose `lines` follow good ones. The report must say `value`, at the last
    of the lines. `{dir}` is a directory; `table` is the content of {dir}/table, and `table_line`
    the line of it that is to be named instead."""

    name: str
    lines: list
    value: str
    table: bytes = b""
    table_line: int = 0


WRONG = [
    Wrong("unknown option", ["blok-sender = a@b.example"], "blok-sender"),
    Wrong("option in capitals", ["Deny-IP = 192.0.2.1"], "Deny-IP"),
    Wrong("abbreviated option", ["max-hop = 3"], "max-hop"),
    Wrong("command in the file", ["check = yes"], "check"),
    Wrong("single option given twice", ["max-hops = 3", "max-hops = 4"], "max-hops"),
    Wrong("prefix too long", ["deny-ip = 192.0.2.0/33"], "192.0.2.0/33"),
    Wrong("IPv6 prefix too long", ["trusted = 2001:db8::/129"], "2001:db8::/129"),
    Wrong("netmask with holes", ["restrict-ip = 192.0.2.0/255.0.255.0"], "192.0.2.0/255.0.255.0"),
    Wrong("no address", ["accept-ip = 192.0.2.256"], "192.0.2.256"),
    Wrong("bad duration", ["dns-timeout = 2 weeks"], "2 weeks"),
    Wrong("duration without unit", ["dns-timeout = 5"], '"5"'),
    Wrong("bad size", ["max-size = 10X"], "10X"),
    Wrong("size over 64 bits", ["max-size = 99999999999999999999G"], "99999999999999999999G"),
    Wrong("negative number", ["max-recipients = -1"], "-1"),
    Wrong("bad pattern", ["block-sender = example.org"], "example.org"),
    Wrong("bad recipient pattern", ["block-recipient = @"], "@"),
    Wrong("table that is not there", ["deny-ip = @{dir}/missing"], "{dir}/missing"),
    Wrong("table that is a directory", ["deny-ip = @{dir}"], "{dir}"),
    Wrong("table with a bad line", ["deny-ip = @{dir}/table"], "192.0.2.300",
          table=b"# comment\n192.0.2.1\n\n192.0.2.300\n192.0.2.2\n", table_line=4),
    Wrong("table with a NUL", ["block-sender = @{dir}/table"], "NUL",
          table=b"a@b.example\nc@\0d.example\n", table_line=2),
    Wrong("bad date", ["deny-ip = 192.0.2.1 expires=2026-02-30"], "2026-02-30"),
    Wrong("unknown attribute", ["deny-ip = 192.0.2.1 until=2026-02-03"], "until"),
    Wrong("bad DNSBL match", ["dnsbl = a bl.example match=some:1"], "some:1"),
    Wrong("zero mask", ["dnsbl = a bl.example match=mask:127.0.0.0"], "127.0.0.0"),
    Wrong("codes the wrong way round", ["dnsbl = a bl.example match=codes:127.0.0.9-127.0.0.2"],
          "127.0.0.9-127.0.0.2"),
    Wrong("sum of a foreign category", ["dnsbl = a bl.example match=sum:5/2,3,4"], "5"),
    Wrong("bad reply variable", ['dnsbl = a bl.example reply="no %3"'], "%3"),
    Wrong("reply that is too long", [f'dnsbl = a bl.example reply="{"x" * 990}"'], "980"),
    Wrong("rule name given twice", ["dnsbl = same bl.example", "dnsbl = same second.example"], "same"),
    Wrong("DNSBL rule without a zone", ["dnsbl = lonely"], "lonely"),
    Wrong("bad DNSBL zone", ["dnsbl = a bl..example"], "bl..example"),
    Wrong("bad DNSBL option", ["dnsbl = a bl.example action=shout"], "shout"),
    Wrong("bad listener area", ["listener = 25 sender everything"], "everything"),
    Wrong("listener without an area", ["listener = 587"], "587"),
    Wrong("listener given twice", ["listener = 587 all", "listener = 587 sender"], "587"),
    Wrong("bad resolver", ["resolver = dns.example"], "dns.example"),
    Wrong("bad resolver port", ["resolver = 127.0.0.1@70000"], "70000"),
    Wrong("unterminated quote", ['dnsbl = a bl.example reply="never ends'], "quote"),
    Wrong("bad socket", ["socket = tcp:25"], "tcp:25"),
    Wrong("socket path too long", ["socket = unix:/" + "x" * 200], "x" * 200),
    Wrong("bad socket port", ["socket = inet:0@127.0.0.1"], '"0"'),
    Wrong("bad socket mode", ["socket-mode = 0668"], "0668"),
    Wrong("unknown group", ["socket-group = no-such-group"], "no-such-group"),
    Wrong("unknown user", ["user = no-such-user"], "no-such-user"),
    Wrong("unknown sender action", ["sender-action = burn"], "burn"),
    Wrong("badmail without a directory", ["sender-action = badmail"], "badmail-dir"),
    Wrong("badmail directory missing", ["sender-action = badmail", "badmail-dir = {dir}/no"],
          "{dir}/no"),
    Wrong("badmail directory is a file", ["badmail-dir = {dir}/table"], "{dir}/table", table=b"x"),
    Wrong("bad badmail days", ["badmail-days = 3.5"], "3.5"),
    Wrong("directory missing", ["directory = file:{dir}/nobody"], "{dir}/nobody"),
    Wrong("directory empty", ["directory = file:{dir}/table"], "{dir}/table", table=b"# nobody\n"),
    Wrong("directory with a bad line", ["directory = file:{dir}/table"], "nonsense",
          table=b"a@test.example\nnonsense\n", table_line=2),
    Wrong("directory of an unknown kind", ["directory = gopher:x"], "gopher:x"),
    Wrong("LDAP directory without a base", ["directory = ldap://ldap.example"], "ldap://HOST/BASE"),
    Wrong("LDAP directory with a bad place", ["directory = ldap://ldap.example/dc=x???(mail=%s)"], "%s"),
    Wrong("bad log level", ["log-level = loud"], "loud"),
    Wrong("bad log category", ["log-level = kitchen=debug"], "kitchen"),
    Wrong("bad log target", ["log = paper"], "paper"),
    Wrong("bad harvest limit", ["harvest-limit = 20"], '"20"'),
    Wrong("bad share of the store", ["store-share = 20"], '"20"'),
    Wrong("tarpit too long", ["tarpit = 6s"], '"6s"'),
    Wrong("tarpit without a directory", ["tarpit = 1s"], "directory"),
    Wrong("bad mode", ["mode = maybe"], "maybe"),
    Wrong("bad yes or no", ["block-blank-sender = true"], "true"),
    Wrong("bad spoof check", ["spoof-check = perhaps"], "perhaps"),
    Wrong("bad domain", ["local-domain = bad..example"], "bad..example"),
    Wrong("bad new domain", ["rewrite-domain = test.example=new..example"], "new..example"),
    Wrong("domain rewritten to itself", ["rewrite-domain = test.example=TEST.example"], "test.example=TEST.example"),
    Wrong("domain rewritten twice", ["rewrite-domain = test.example=a.example", "rewrite-domain = Test.example=b.example"],
          "test.example"),
    Wrong("domain rewritten in a chain", ["rewrite-domain = a.example=b.example", "rewrite-domain = test.example=a.example"],
          "a.example=b.example"),
    Wrong("table with a bad network to rewrite for", ["rewrite-domain = @{dir}/table"], "10.0.0.0/99",
          table=b"# merged\na.example=b.example\nc.example=b.example from=10.0.0.0/99\n", table_line=3),
    Wrong("restriction without a condition", ["restrict-recipient = a@test.example"],
          "a@test.example"),
    Wrong("restriction given twice", ["restrict-recipient = a@test.example accept-from=authenticated",
                                      "restrict-recipient = A@test.example only-from=@good.example"],
          "a@test.example"),
    Wrong("bad restriction", ["restrict-recipient = a@test.example accept-from=some"], "some"),
    Wrong("control over TCP", ["control = inet:8890@127.0.0.1"], "inet:8890@127.0.0.1"),
    Wrong("control where the mail server connects", ["socket = unix:/run/x.sock", "control = unix:/run/x.sock"],
          "unix:/run/x.sock"),
    Wrong("list without its key", ["list = team@test.example"], "key-file"),
    Wrong("list that leads back to itself", ["list = team@test.example return-path=null bounces-to=Team@test.example"],
          "team@test.example"),
    Wrong("copies of reports to a list", ["list = team@test.example return-path=null",
                                          "report-copy = team+x@test.example"], "team+x@test.example"),
    Wrong("notices to a list", ["list = team@test.example return-path=null", "notify = team@test.example"],
          "team@test.example"),
    Wrong("notices to a robot", ["robot = listserv@test.example", "notify = listserv@test.example"],
          "listserv@test.example"),
    Wrong("value missing", ["deny-ip ="], "deny-ip"),
    Wrong("line without an equals sign", ["deny-ip 192.0.2.1"], "deny-ip 192.0.2.1"),
    Wrong("line of noise", ["\x01\x7f = \x1b[31m"], "\\x01"),
    Wrong("store of another kind", ["store = mysql://localhost:3306"], "mysql://localhost:3306"),
    Wrong("store without keys", ["store = redis://127.0.0.1:6379"], "key-file"),
    Wrong("sentinels without a name", ["store = redis-sentinel://127.0.0.1:26379"], "redis-sentinel://127.0.0.1:26379"),
    Wrong("password for no Redis", ["redis-password-file = {dir}/table"], "store = memory", table=b"secret\n"),
    Wrong("password file that is open to all", ["key-file = {dir}/table", "store = redis://127.0.0.1:6379",
                                                "redis-password-file = {dir}/table"], "{dir}/table", table=b"secret\n"),
    Wrong("directory in no Redis", ["directory = redis:recipients"], "redis:KEY"),
    Wrong("bad prefix", ["store = redis://127.0.0.1:6379", "redis-prefix = \"a b\""], "a b"),
    Wrong("bad time of Redis", ["store = redis://127.0.0.1:6379", "redis-timeout = 1h"], "1h"),
]


@pytest.fixture(scope="module")
def folder(site):
    return site.directory("check")


@pytest.fixture(scope="module")
def good(site):
    replaced = ("socket", "socket-mode", "log", "local-domain", "resolver")
    return lambda lines: [line for line in site.configuration(*both("deny-ip", DENIED)).splitlines()
                          if not any(line.split(" =")[0] == name == new.split(" =")[0]
                                     for name in replaced for new in lines)]


@pytest.fixture(scope="module")
def daemon(site):
    with site.sluice(*both("deny-ip", DENIED)) as daemon:
        yield daemon


def prepared(wrong, folder, good):
    """The text of the configuration file, and where it is wrong: (file or None, line)."""
    table = folder / "table"
    table.write_bytes(wrong.table)
    lines = [line.replace("{dir}", str(folder)) for line in wrong.lines]
    text = "\n".join(good(lines) + lines) + "\n"
    return text, (table, wrong.table_line) if wrong.table_line else (None, text.count("\n"))


def require_report(output, wrong, folder, config, place):
    file, line = place
    where = f"{file or config}:{line}"
    value = wrong.value.replace("{dir}", str(folder))
    assert any(where in each and value in each for each in output.splitlines()), \
        f"no line has {where} and {value!r}:\n{output}"
    assert "\x1b" not in output and "\x01" not in output


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_check_names_place_and_value(folder, good, wrong):
    text, place = prepared(wrong, folder, good)
    config = folder / "wrong.conf"
    config.write_text(text)
    result = run_once("--config", config, "--check")
    assert result.returncode == CHECK_FAILED
    require_report(result.stdout + result.stderr, wrong, folder, config, place)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_reload_keeps_the_old_configuration(site, daemon, folder, good, wrong):
    text, place = prepared(wrong, folder, good)
    with site.postfix.connect() as session:
        require(session.mail(), 250)
        accepted, lines = daemon.reload(text)
        assert not accepted
        require_report("\n".join(lines), wrong, folder, daemon.config, place)
        require(session.rcpt("user@test.example"), 250)
        assert session.data(message()).code == 250, "an open session goes on"
    with site.postfix.connect(DENIED) as session:
        assert session.mail().code == 554, "the old rules hold for new sessions"


def test_a_start_with_a_wrong_configuration_fails(site, folder):
    config, unused = folder / "wrong.conf", site.sockets / "unused.sock"
    config.write_text(site.configuration(f"socket = unix:{unused}", "deny-ip = 192.0.2.0/33"))
    result = run_once("--config", config)
    assert result.returncode == CHECK_FAILED
    assert f"{config}:" in result.stderr and "192.0.2.0/33" in result.stderr
    assert not unused.exists()


def test_all_problems_are_reported(folder):
    config = folder / "wrong.conf"
    config.write_text("deny-ip = one\nnonsense\n\nmax-size = two\nunheard-of = three\n")
    result = run_once("--config", config, "--check", "--max-hops", "four", "--five")
    assert result.returncode == CHECK_FAILED
    output = result.stdout + result.stderr
    for where, value in ((f"{config}:1", "one"), (f"{config}:2", "nonsense"), (f"{config}:4", "two"),
                         (f"{config}:5", "unheard-of"), ("command line", "four"),
                         ("command line", "--five")):
        assert any(where in line and value in line for line in output.splitlines()), (where, output)


@pytest.mark.parametrize("content", [b"deny-ip = 192.0.2.1\nmode = \0enforce\n", b"\0", b"\xff\xfe\n",
                                     b"x" * 100_000])
def test_a_file_that_is_no_text(folder, content):
    config = folder / "wrong.conf"
    config.write_bytes(content)
    result = run_once("--config", config, "--check")
    assert result.returncode == CHECK_FAILED
    assert str(config) in result.stdout + result.stderr


def test_a_file_that_is_not_there(folder):
    result = run_once("--config", folder / "nothing.conf", "--check")
    assert result.returncode == CHECK_FAILED
    assert str(folder / "nothing.conf") in result.stdout + result.stderr


def test_check_is_content_with_a_good_file(site, folder):
    config, unused = folder / "good.conf", site.sockets / "unused.sock"
    config.write_text(site.configuration(
        f"socket = unix:{unused}", "# a comment", "",
        "deny-ip = 192.0.2.1 expires=2099-12-31 note=\"with # sign\" # comment",
        'dnsbl = a bl.example reply="100%% # of %0" # comment', "block-sender = <>",
        "max-size = 10M", "harvest-limit = 20/1h30m", "listener = 587 sender require-auth",
        "resolver = 127.0.0.1@53", "resolver = ::1@5353"))
    result = run_once("--config", config, "--check")
    assert (result.returncode, result.stderr) == (0, "")
    assert not unused.exists()


def manual_examples():
    """The files that the manual shows: path -> text."""
    page = pathlib.Path(__file__).parents[2] / "man" / "sluice-milter.conf.5"
    shown = re.findall(r'^\.\\" example file: (\S+)\n\.Bd .*\n((?:.*\n)*?)\.Ed$', page.read_text(),
                       re.MULTILINE)
    return {pathlib.PurePath(path): text.replace(r"\&", "") for path, text in shown}


def test_the_example_of_the_manual_is_a_good_one(folder):
    examples = manual_examples()
    assert len(examples) >= 4
    place = folder / "manual"
    place.mkdir()
    for path, text in examples.items():
        written = place / path.name
        written.write_text(text.replace(str(path.parent), str(place)))
        written.chmod(0o600)
    result = run_once("--config", place / "sluice-milter.conf", "--check")
    assert (result.returncode, result.stderr) == (0, "")


class TestPrintConfig:
    def printed(self, *arguments):
        result = run_once(*arguments, "--print-config")
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    def test_each_setting_has_its_origin(self, site, folder):
        config = folder / "printed.conf"
        config.write_text('socket = unix:/run/x.sock\ndeny-ip = 192.0.2.1 note="a # b"\n'
                          "deny-ip = 192.0.2.2\nmax-hops = 3\nmax-size = 10M # comment\n")
        lines = self.printed("--config", config, "--max-hops", "7")
        assert f"socket = unix:/run/x.sock  # {config}:1" in lines
        assert f'deny-ip = 192.0.2.1 note="a # b"  # {config}:2' in lines
        assert f"deny-ip = 192.0.2.2  # {config}:3" in lines
        assert "max-hops = 7  # command line" in lines
        assert f"max-size = 10M  # {config}:5" in lines
        assert "dns-timeout = 2s  # default" in lines
        assert len([line for line in lines if line.startswith("max-hops")]) == 1

    def test_flags_win_over_the_file_for_repeatable_options_too(self, folder):
        config = folder / "printed.conf"
        config.write_text("deny-ip = 192.0.2.1\ndeny-ip = 192.0.2.2\n")
        lines = self.printed("--config", config, "--deny-ip", "192.0.2.9", "--deny-ip=192.0.2.8")
        assert [line for line in lines if line.startswith("deny-ip")] == [
            "deny-ip = 192.0.2.9  # command line", "deny-ip = 192.0.2.8  # command line"]

    def test_the_output_is_a_configuration_of_the_same_settings(self, site, folder):
        first, second = folder / "first.conf", folder / "second.conf"
        first.write_text(site.configuration(
            'dnsbl = a bl.example reply="say %0 # \\"so\\""', 'block-sender = "Ted Bremer"@b.example',
            "listener = 587 sender require-auth", "harvest-limit = 3/10m"))
        lines = self.printed("--config", first, "--max-hops", "7")
        second.write_text("\n".join(lines) + "\n")
        again = self.printed("--config", second)
        assert [line.rsplit("  # ", 1)[0] for line in again] == \
            [line.rsplit("  # ", 1)[0] for line in lines]
