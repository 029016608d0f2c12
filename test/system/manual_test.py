# SPDX-License-Identifier: BSD-2-Clause
"""The examples of the manual pages and of the help are taken by the programs as they stand."""

import os
import pathlib
import re
import subprocess

import pytest

from harness.process import program, run
from harness.sluice import binary, control_tool, run_once

MANUALS = pathlib.Path(__file__).resolve().parents[2] / "man"
ESCAPES = {r"\-": "-", r"\e": "\\", r"\&": "", r"\(aq": "'"}
LOOKS_SECONDS = 5  # of an example that goes on until it is stopped
SETTING = re.compile(r"^([a-z][a-z-]+) = ")
WRONG_WORDS = "--help tells more"


def examples(page):
    """The blocks of a page that are set as they are typed."""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", (MANUALS / page).read_text(encoding="utf-8"),
                            re.MULTILINE | re.DOTALL):
        for escape, text in ESCAPES.items():
            block = block.replace(escape, text)
        yield block


def options():
    return set(re.findall(r"^ +--([a-z][a-z-]+)", run_once("--help").stdout, re.MULTILINE))


def configurations():
    """Those made of our options, and not of Postfix's, nor the description of a form."""
    known = options()
    for page in ("sluice-milter.conf.5", "sluice-milter.8"):
        for block in examples(page):
            names = [found[1] for line in block.splitlines() if (found := SETTING.match(line))]
            if names and set(names) <= known and "[" not in block:
                yield block


def commands(text):
    """The lines that begin with sluicectl, and what a backslash joins to them."""
    return re.findall(r"^ *(sluicectl (?:.*\\\n)*.*)$", text, re.MULTILINE)


def subcommands():
    return re.findall(r"^  ([a-z]+) ", run(control_tool(), "--help").stdout, re.MULTILINE)


@pytest.fixture
def etc(tmp_path):
    """The files that the examples name."""
    for name in ("deny-ip", "block-sender", "recipients", "ldap-password"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "recipients").write_text("anna@example.org\n")
    (tmp_path / "ldap-password").write_text("secret\n")
    run(control_tool(), "keys", "new", tmp_path / "keys")
    run(program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=ca", "-keyout", os.devnull, "-out", tmp_path / "domain-ca.pem")
    return tmp_path


def test_there_are_examples():
    assert len(list(configurations())) >= 10


def test_the_configurations_are_good(etc):
    for block in configurations():
        file = etc / "sluice.conf"
        # some show one option alone
        domain = "" if "local-domain = " in block else "local-domain = example.org\n"
        file.write_text(domain + block.replace("/etc/sluice", str(etc)))
        checked = run_once("--check", "--config", file)
        assert checked.returncode == 0, f"{block}\n{checked.stdout}{checked.stderr}"


def understood(line, directory):
    """Runs it where there is no network, and no filter of this machine; whether the tool knew what
    was meant."""
    shell = (f"[[ ! -d /etc/sluice ]] || mount -t tmpfs none /etc/sluice || exit 126\n"
             f"PATH={binary().parent / 'ctl'}:{binary().parent}:$PATH\n{line}")
    command = [program("unshare"), "--net", "--mount", "timeout", "-s", "INT", str(LOOKS_SECONDS), "bash", "-c", shell]
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    return WRONG_WORDS not in done.stderr and done.returncode not in (126, 127), done


def within(directory, line):
    """The command alone, with its files in this directory."""
    line = re.split(r" (?:\||\|\||>) ", line.replace("\\\n", " "))[0]
    return line.replace("/etc/sluice", str(directory)).replace("/var/lib/sluice", str(directory))


def test_the_commands_of_the_manual_are_understood(tmp_path):
    lines = [line for block in examples("sluicectl.8") for line in commands(block)]
    assert len(lines) >= 10
    for line in lines:
        known, done = understood(within(tmp_path, line), tmp_path)
        assert known, f"{line}: {done.returncode}: {done.stderr}"
    assert (tmp_path / "keys").exists()


def test_the_commands_of_the_help_are_understood(tmp_path):
    names = subcommands()
    assert {"track", "report", "mx", "status"} <= set(names)
    lines = [line for name in names for line in commands(run(control_tool(), name, "--help").stdout.split("\n\n", 1)[1])]
    assert len(lines) >= 5
    for line in lines:
        known, done = understood(within(tmp_path, line), tmp_path)
        assert known, f"{line}: {done.returncode}: {done.stderr}"


def test_a_wrong_example_would_be_noticed(tmp_path):
    assert not understood("sluicectl track --colour red", tmp_path)[0]
