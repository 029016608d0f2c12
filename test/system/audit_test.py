# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl audit on prepared configurations of Postfix and Sendmail: nothing is found in the clean
ones, and each fault that is planted in them is found by its code."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing

import pytest

from harness.packages import unpack
from harness.process import make_directory, program, run
from harness.sendmail import PACKAGES

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {base}/queue
myhostname = mx.test.example
mydomain = test.example
myorigin = $mydomain
mydestination = $mydomain,
    localhost.$mydomain, localhost
recipient_delimiter = +
alias_maps = hash:{base}/aliases
alias_database = $alias_maps
virtual_alias_domains = lists.example
virtual_alias_maps = hash:{base}/virtual
sluice = {{ unix:sluice/sluice.sock,
    connect_timeout=10s, command_timeout=30s, default_action=tempfail }}
smtpd_milters = inet:localhost:11332, $sluice
"""

MASTER_CF = """\
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
127.0.0.1:10025 inet n  -       n       -       -       smtpd
  -o receive_override_options=no_milters
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
"""

ALIASES = """\
# the usual ones
postmaster:    root
root:          anna, ben
ben:           \\ben, ben@home.example
mailbox:       "|/usr/bin/vacation -a \\"x, y\\" ben"
staff:         :include:{base}/staff.members
owner-staff:   anna
"""

VIRTUAL = """\
announce@lists.example          anna@test.example,
                                carla@out.example dora@out.example
announce-bounces@lists.example  anna@test.example
"""

MEMBERS = "anna\nCarl <carl@test.example>  (at home)\n# gone: eve@out.example\n"

SLUICE_CONF = """\
socket = unix:{base}/queue/sluice/sluice.sock
key-file = {base}/keys
local-domain = test.example
list = announce@lists.example bounces-to=postmaster@test.example accept-from=authenticated
list = staff@test.example return-path=delegate
"""

SENDMAIL_MC = """\
divert(-1)
divert(0)dnl
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.test.example')dnl
define(`ALIAS_FILE', `{base}/aliases')dnl
define(`confCW_FILE', `{base}/local-host-names')dnl
define(`confMAX_HOP', `50')dnl
MASQUERADE_AS(`test.example')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Port=25')dnl
DAEMON_OPTIONS(`Name=MSA, Port=587, M=Ea')dnl
INPUT_MAIL_FILTER(`other', `S=inet:11332@localhost, F=T')dnl
INPUT_MAIL_FILTER(`sluice', `S=local:{base}/queue/sluice/sluice.sock, F=T, T=C:30s;S:10s;R:30s;E:60s')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

SENDMAIL_ALIASES = ALIASES + """\
announce:          anna, carla@out.example, dora@out.example
announce-bounces:  anna
"""

SENDMAIL_SLUICE_CONF = """\
socket = unix:{base}/queue/sluice/sluice.sock
key-file = {base}/keys
local-domain = test.example
list = announce@test.example bounces-to=postmaster@test.example accept-from=authenticated
list = announce@mx.test.example bounces-to=postmaster@test.example accept-from=authenticated
list = staff@test.example return-path=delegate
list = staff@mx.test.example return-path=delegate
bounce-domain = test.example
"""

WRITTEN = 1_700_000_000  # long ago: postalias waits until its data base is newer than the text


def sluicectl():
    return pathlib.Path(os.environ["SLUICE_BUILD"]) / "milter" / "ctl" / "sluicectl"


def audit(*words, status=None):
    """Runs the command with the sluice-milter of this build in its PATH."""
    search = f"{os.environ['SLUICE_BUILD']}/milter:{os.environ['PATH']}"
    done = subprocess.run([sluicectl(), "audit", *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=60,
                          env={"PATH": search, "LANG": "C.UTF-8"})
    assert status is None or done.returncode == status, done
    return done


class Files:
    """The text files of a configuration, to be changed by a fault and then written and built."""

    def __init__(self, base, texts):
        self.base = make_directory(base)
        self.texts = {name: text.format(base=base) for name, text in texts.items()}

    def change(self, name, old, new):
        changed = re.sub(old, new.format(base=self.base), self.texts[name], flags=re.MULTILINE)
        assert changed != self.texts[name], f"{old!r} is not in {name}"
        self.texts[name] = changed

    def write(self):
        make_directory(self.base / "queue")
        for name, text in self.texts.items():
            (self.base / name).write_text(text)
            os.utime(self.base / name, times=(WRITTEN, WRITTEN))
        (self.base / "keys").write_text(f"k2 {'ab' * 32}\n")
        os.chmod(self.base / "keys", 0o600)

    def found(self, *words):
        done = audit("--config", self.base / "sluice.conf", *words, "--json")
        assert done.returncode in (0, 1), done
        result = json.loads(done.stdout)
        worse = [each for each in result["findings"] if each["severity"] != "info"]
        assert done.returncode == (1 if worse else 0)
        return result


def make_postfix(base):
    return Files(base, {"main.cf": MAIN_CF, "master.cf": MASTER_CF, "aliases": ALIASES,
                        "virtual": VIRTUAL, "staff.members": MEMBERS, "sluice.conf": SLUICE_CONF})


def review_postfix(files):
    files.write()
    run(program("postalias"), "-c", files.base, f"hash:{files.base}/aliases", check=False)
    run(program("postmap"), "-c", files.base, f"hash:{files.base}/virtual", check=False)
    return files.found("--postfix", files.base)


@pytest.fixture(scope="module")
def sendmail_root(tmp_path_factory):
    return unpack(tmp_path_factory.mktemp("sendmail"), PACKAGES)


def make_sendmail(base, root):
    return Files(base, {"sendmail.mc": SENDMAIL_MC.replace("{root}", str(root)),
                        "local-host-names": "test.example\nlocalhost\n",
                        "aliases": SENDMAIL_ALIASES, "staff.members": MEMBERS,
                        "sluice.conf": SENDMAIL_SLUICE_CONF})


def review_sendmail(files, root):
    files.write()
    made = run(program("m4"), f"-D_CF_DIR_={root}/usr/share/sendmail/cf/", files.base / "sendmail.mc")
    (files.base / "sendmail.cf").write_text(made.stdout)
    shutil.copyfile(files.base / "aliases", files.base / "aliases.db")  # only its time matters
    return files.found("--sendmail", files.base / "sendmail.cf")


@dataclasses.dataclass
class Fault:
    """What is changed in the clean configuration, each as (file, pattern, replacement), and what must
    be found then: the code, its severity, the file and a text of it, and nothing else."""

    code: str
    severity: str
    changes: list
    file: str
    says: str
    conditions: typing.Optional[list] = None
    others: tuple = ()
    name: str = ""

    def __str__(self):
        return self.name or self.code


def append(name, line):
    """A change that adds a line at the end of a file."""
    return (name, r"\Z", line + "\n")


OPEN, OUTSIDE = "open-to-outsiders", "external-members"
BACK, AUTHOR = "reports-to-the-list", "reports-to-the-author"

LIST_FAULTS = [
    Fault("list-unknown", "high", [append("aliases", "club: anna, eve@out.example, fay@out.example")],
          "aliases", "sluice does not know (members: 3, of whom 2 outside, as eve@out.example)",
          [OPEN, OUTSIDE, AUTHOR], name="unknown list with members outside"),
    Fault("list-unknown", "medium",
          [append("aliases", "club: anna, eve@out.example\nowner-club: ben")],
          "aliases", "club@test.example", [OPEN, OUTSIDE], name="unknown list with an owner"),
    Fault("list-unknown", "low", [append("aliases", "club: anna, carl")],
          "aliases", "club@test.example", [OPEN, AUTHOR], name="unknown list of this site"),
    Fault("owner-loop", "high", [("aliases", "^owner-staff:.*", "owner-staff: chief\nchief: staff")],
          "aliases", "owner-staff leads back", others=("list-other-name",),
          name="owner that leads back by another alias"),
    Fault("owner-missing", "medium", [("aliases", "^owner-staff:.*\n", "")],
          "aliases", "staff@test.example"),
    Fault("return-path-undone", "medium", [("sluice.conf", "(staff.*) return-path=delegate",
                                            r"\1 return-path=owner:anna@test.example")],
          "sluice.conf", "owner-staff puts another one"),
    Fault("list-open", "medium", [append("aliases", "club: anna, eve@out.example"),
                                  append("sluice.conf", "list = club@test.example return-path=keep")],
          "sluice.conf", "everyone may post to club@test.example", [OPEN, OUTSIDE],
          others=("list-reports-to-author",)),
    Fault("list-reports-to-author", "low",
          [append("aliases", "club: anna, eve@out.example"),
           append("sluice.conf", "list = club@test.example return-path=keep only-from=@test.example")],
          "sluice.conf", "club@test.example"),
    Fault("list-other-name", "medium", [append("aliases", "everyone: staff")],
          "aliases", "everyone@test.example reaches the list staff@test.example"),
    Fault("list-not-found", "low",
          [append("sluice.conf", "list = sraff@test.example return-path=delegate")],
          "sluice.conf", "sraff@test.example"),
    Fault("list-nested", "medium",
          [append("aliases", "all: staff, carl"),
           append("sluice.conf", "list = all@test.example return-path=keep"),
           ("sluice.conf", "^list = staff.*", r"\g<0> accept-from=authenticated")],
          "aliases", "staff@test.example is a member of the list all@test.example"),
    Fault("reports-to-list", "high", [("aliases", "^postmaster:.*", "postmaster: staff")],
          "sluice.conf", "postmaster@test.example leads to the list staff@test.example",
          others=("list-other-name",)),
    Fault("alias-loop", "medium", [append("aliases", "here: there\nthere: here")],
          "aliases", "in a circle"),
    Fault("include-loop", "medium", [append("staff.members", ":include:{base}/staff.members")],
          "staff.members", "by which it is included"),
    Fault("alias-syntax", "low", [append("aliases", "no colon in it")], "aliases", "no colon in it"),
    Fault("file-unreadable", "medium", [("aliases", "staff.members", "nobody.members")],
          "aliases", "nobody.members cannot be opened"),
    Fault("bounce-domain", "high", [append("sluice.conf", "bounce-domain = bounces.example"),
                                    ("sluice.conf", "^bounce-domain = test.example\n", "")],
          "sluice.conf", "takes no mail for bounces.example"),
]

POSTFIX_FAULTS = LIST_FAULTS[:-1] + [
    dataclasses.replace(LIST_FAULTS[-1], changes=LIST_FAULTS[-1].changes[:1]),
    Fault("list-unknown", "high", [append("virtual", "club@lists.example eve@out.example fay@out.example")],
          "virtual", "club@lists.example", [OPEN, OUTSIDE, AUTHOR], name="unknown virtual list"),
    Fault("list-reports-to-author", "low",
          [("sluice.conf", "bounces-to=postmaster@test.example", "return-path=delegate")],
          "sluice.conf", "announce@lists.example", name="virtual list that leaves it to an alias"),
    Fault("bounce-mailbox", "high", [("virtual", "^announce-bounces.*\n", "")],
          "sluice.conf", "announce-bounces@lists.example"),
    Fault("recipient-delimiter", "high", [("main.cf", "^recipient_delimiter.*\n", "")],
          "sluice.conf", "has no +"),
    Fault("milter-missing", "high", [("main.cf", "^smtpd_milters.*", "smtpd_milters = inet:localhost:11332")],
          "main.cf", "does not name the socket of sluice"),
    Fault("milter-missing", "medium", [("master.cf", "(syslog_name.*)", r"\1\n  -o smtpd_milters=")],
          "master.cf", "listener submission", name="listener without the milter"),
    Fault("milter-bypassed", "high",
          [("master.cf", "(syslog_name.*)", r"\1\n  -o receive_override_options=no_milters")],
          "master.cf", "submission"),
    Fault("milter-bypassed", "high", [append("main.cf", "receive_override_options = no_milters")],
          "main.cf", "smtp", name="milters off for all"),
    Fault("milter-chroot", "high", [("main.cf", "unix:sluice/sluice.sock", "unix:/run/sluice.sock"),
                                    ("sluice.conf", "^socket.*", "socket = unix:/run/sluice.sock")],
          "main.cf", "chroot"),
    Fault("milter-default-action", "medium", [("main.cf", "default_action=tempfail", "default_action=accept")],
          "main.cf", "accepts mail"),
    Fault("milter-default-action", "low",
          [("main.cf", ", default_action=tempfail", ""), append("main.cf", "milter_default_action = reject")],
          "main.cf", "refuses mail", name="milter_default_action"),
    Fault("milter-timeouts", "medium", [("main.cf", "command_timeout=30s", "command_timeout=2s")],
          "main.cf", "dns-timeout"),
    Fault("milter-timeouts", "low", [("main.cf", "connect_timeout=10s, ", ""),
                                     append("main.cf", "milter_connect_timeout = 5m")],
          "main.cf", "5m", name="milter_connect_timeout"),
    Fault("milter-order", "low", [("main.cf", "^smtpd_milters.*", "smtpd_milters = $sluice, inet:localhost:11332")],
          "main.cf", "inet:localhost:11332 stands behind sluice"),
    Fault("own-reports-unfiltered", "medium", [append("sluice.conf", "robot = desk@test.example")],
          "main.cf", "the robot desk@test.example"),
    Fault("non-smtpd-milters", "medium",
          [append("main.cf", "internal_mail_filter_classes = bounce, notify"),
           append("main.cf", "non_smtpd_milters = inet:localhost:11332")],
          "main.cf", "does not name sluice"),
    Fault("hop-limit", "low", [append("main.cf", "hopcount_limit = 500")], "main.cf", "hopcount_limit is 500"),
    Fault("original-recipient", "medium", [append("main.cf", "enable_original_recipient = no")],
          "main.cf", "enable_original_recipient"),
    Fault("host-name-domain", "low", [("main.cf", r"^mydestination = \$mydomain", r"\g<0>, $myhostname")],
          "main.cf", "mx.test.example"),
    Fault("list-other-name", "medium", [("main.cf", r"^mydestination = \$mydomain", r"\g<0>, old.example")],
          "main.cf", "staff@old.example reaches", name="second local domain"),
]

# The host's own name is always a mail domain of Sendmail: a list by two names, and the fault twice.
BY_HOST_NAME = {"list-open": ("host-name-domain",), "list-reports-to-author": ("host-name-domain",),
                "list-nested": ("host-name-domain",), "return-path-undone": ("return-path-undone",)}
SENDMAIL_FAULTS = [
    dataclasses.replace(fault, others=fault.others + BY_HOST_NAME.get(fault.code, ()))
    for fault in LIST_FAULTS] + [
    Fault("bounce-mailbox", "high", [("aliases", "^announce-bounces.*\n", "")],
          "sluice.conf", "announce-bounces@test.example", others=("bounce-mailbox",)),
    Fault("milter-missing", "high", [("sendmail.mc", r"^INPUT_MAIL_FILTER\(`sluice.*\n", "")],
          "sendmail.cf", "InputMailFilters"),
    Fault("milter-missing", "medium", [("sendmail.mc", "M=Ea", "M=Ea, InputMailFilters=other")],
          "sendmail.cf", "listener MSA", name="listener without the filter"),
    Fault("milter-default-action", "medium", [("sendmail.mc", "sluice.sock, F=T", "sluice.sock")],
          "sendmail.cf", "has no F="),
    Fault("milter-default-action", "low", [("sendmail.mc", "sluice.sock, F=T", "sluice.sock, F=R")],
          "sendmail.cf", "refuses mail", name="F=R"),
    Fault("milter-timeouts", "low", [("sendmail.mc", ", T=C:[^']*", "")], "sendmail.cf", "5m", name="no T="),
    Fault("milter-timeouts", "medium", [("sendmail.mc", "R:30s", "R:1s")], "sendmail.cf", "dns-timeout"),
    Fault("milter-order", "low", [("sendmail.mc", "^MAILER.*smtp.*",
                                   "INPUT_MAIL_FILTER(`late', `S=local:/x')\n\\g<0>")],
          "sendmail.cf", "late stands behind sluice"),
    Fault("hop-limit", "low", [("sendmail.mc", "`50'", "`200'")], "sendmail.cf", "MaxHopCount is 200"),
    Fault("list-other-name", "medium", [append("local-host-names", "old.example")],
          "local-host-names", "staff@old.example reaches", others=("list-other-name",)),
    Fault("host-name-domain", "low", [("sluice.conf", "^list = staff@mx.*\n", "")],
          "local-host-names", "mx.test.example"),
]


def check_found(result, fault, base):
    findings = [each for each in result["findings"] if each["severity"] != "info"]
    match = [each for each in findings if each["code"] == fault.code and fault.says in each["what"]]
    assert match, findings
    first = match[0]
    assert first["severity"] == fault.severity
    assert first["file"] == str(base / fault.file)
    assert first["why"] and (first["mend"] or fault.code in UNMENDED)
    if fault.conditions is not None:
        assert first["conditions"] == fault.conditions
    assert {each["code"] for each in findings} - {fault.code} == set(fault.others) - {fault.code}
    assert len(findings) == 1 + len(fault.others), findings


# what has no line to write
UNMENDED = {"list-not-found", "list-nested", "alias-loop", "include-loop", "alias-syntax", "file-unreadable"}


def test_nothing_is_found_in_a_clean_postfix(tmp_path):
    result = review_postfix(make_postfix(tmp_path))
    assert result["findings"] == []
    assert (result["mta"], result["lists"], result["listeners"]) == ("postfix", 2, 3)


def test_nothing_is_found_in_a_clean_sendmail(tmp_path, sendmail_root):
    result = review_sendmail(make_sendmail(tmp_path, sendmail_root), sendmail_root)
    assert result["findings"] == []
    assert (result["mta"], result["lists"], result["listeners"]) == ("sendmail", 2, 2)


@pytest.mark.parametrize("fault", POSTFIX_FAULTS, ids=str)
def test_a_fault_in_postfix_is_found(tmp_path, fault):
    files = make_postfix(tmp_path)
    for change in fault.changes:
        files.change(*change)
    check_found(review_postfix(files), fault, tmp_path)


@pytest.mark.parametrize("fault", SENDMAIL_FAULTS, ids=str)
def test_a_fault_in_sendmail_is_found(tmp_path, sendmail_root, fault):
    files = make_sendmail(tmp_path, sendmail_root)
    for change in fault.changes:
        files.change(*change)
    check_found(review_sendmail(files, sendmail_root), fault, tmp_path)


def complaint(*words, status):
    done = audit(*words, status=status)
    assert done.stdout == ""
    assert done.stderr.startswith("sluicectl audit: ")
    return done.stderr


@pytest.fixture
def postfix_files(tmp_path):
    files = make_postfix(tmp_path)
    files.write()
    return files


def test_what_cannot_be_read_is_an_error(postfix_files):
    base = postfix_files.base
    config = ("--config", base / "sluice.conf")
    assert "exclude each other" in complaint("--postfix", base, "--sendmail", base, status=64)
    assert "needs a value" in complaint("--postfix", status=64)
    assert "is not known" in complaint("everything", status=64)
    assert f"{base}/none.conf" in complaint("--config", base / "none.conf", "--postfix", base, status=66)
    assert f"{base}/none/main.cf" in complaint(*config, "--postfix", base / "none", status=66)
    assert f"{base}/none.cf" in complaint(*config, "--sendmail", base / "none.cf", status=66)
    assert "no configuration of Sendmail" in complaint(*config, "--sendmail", base / "main.cf", status=78)


def test_mistakes_of_sluice_are_shown_as_it_shows_them(postfix_files):
    config = postfix_files.base / "sluice.conf"
    config.write_text("lisst = x\nlist = nobody\n")
    shown = complaint("--config", config, "--postfix", postfix_files.base, status=78)
    assert f"{config}:1" in shown and f"{config}:2" in shown


def test_a_postfix_that_postconf_refuses(postfix_files):
    (postfix_files.base / "master.cf").unlink()
    (postfix_files.base / "main.cf").write_text("smtpd_milters = ${open\n")
    complaint("--config", postfix_files.base / "sluice.conf", "--postfix", postfix_files.base, status=78)


def test_tables_without_a_text_are_only_remarked_on(tmp_path):
    files = make_postfix(tmp_path)
    files.change("main.cf", r"(virtual_alias_maps = .*)", r"\1, ldap:{base}/ldap.cf, pcre:{base}/p")
    found = review_postfix(files)["findings"]
    assert [(each["code"], each["severity"]) for each in found] == [("table-not-read", "info")] * 2
    assert audit("--config", tmp_path / "sluice.conf", "--postfix", tmp_path, status=0)


@pytest.mark.parametrize("make_old", [True, False], ids=["older", "missing"])
def test_a_data_base_that_is_not_up_to_date(tmp_path, make_old):
    files = make_postfix(tmp_path)
    review_postfix(files)
    if make_old:
        os.utime(tmp_path / "aliases.db", times=(WRITTEN - 60, WRITTEN - 60))
    else:
        (tmp_path / "aliases.db").unlink()
    found, = files.found("--postfix", tmp_path)["findings"]
    assert (found["code"], found["mend"]) == ("database-stale", [f"postalias hash:{tmp_path}/aliases"])


def test_the_lines_to_write_mend_what_was_found(tmp_path):
    """Each line that a finding names for sluice or main.cf is written there, and nothing is left."""
    files = make_postfix(tmp_path)
    for name, old, new in (append("aliases", "club: anna, eve@out.example, fay@out.example"),
                           append("aliases", "everyone: staff"),
                           ("main.cf", "^recipient_delimiter.*\n", ""),
                           ("main.cf", "^smtpd_milters.*", "smtpd_milters = inet:localhost:11332"),
                           append("main.cf", "hopcount_limit = 500"),
                           append("sluice.conf", "robot = desk@test.example"),
                           append("sluice.conf", "bounce-domain = bounces.example")):
        files.change(name, old, new)
    for _ in range(4):
        findings = [each for each in review_postfix(files)["findings"] if each["severity"] != "info"]
        for finding in findings:
            name = pathlib.Path(finding["mend_file"]).name
            for line in finding["mend"]:
                parameter = line.split(" = ")[0]
                if name == "main.cf":
                    files.texts[name] = re.sub(f"^{parameter} = .*\n", "", files.texts[name], flags=re.M)
                files.texts[name] += line + "\n"
        if not findings:
            return
    raise AssertionError(findings)


def test_hostile_names_do_not_reach_the_terminal(tmp_path):
    files = make_postfix(tmp_path)
    files.texts["aliases"] += '"club\x1b[31m": anna, "eve\u202e"@out.example, fay@out.example\n'
    review_postfix(files)
    shown = audit("--config", tmp_path / "sluice.conf", "--postfix", tmp_path, status=1).stdout
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "list-unknown" in shown


def test_text_for_people(tmp_path):
    files = make_postfix(tmp_path)
    files.change("main.cf", "^smtpd_milters.*", "smtpd_milters = inet:localhost:11332")
    review_postfix(files)
    shown = audit(f"--config={tmp_path}/sluice.conf", "--postfix", f"{tmp_path}/", status=1).stdout
    assert shown == f"""\
high milter-missing: {tmp_path}/main.cf:15
    smtpd_milters does not name the socket of sluice, unix:{tmp_path}/queue/sluice/sluice.sock:
    no mail is filtered.
    In {tmp_path}/main.cf:
        smtpd_milters = inet:localhost:11332, {{ unix:sluice/sluice.sock, connect_timeout=10s, \
command_timeout=30s, default_action=tempfail }}

Postfix {tmp_path}: 2 lists, 3 listeners, 1 finding: 1 high
"""
