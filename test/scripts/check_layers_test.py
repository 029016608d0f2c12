# SPDX-License-Identifier: BSD-2-Clause
"""scripts/check-layers has to find each kind of fault, with its file and line."""

import pathlib
import subprocess

import pytest

CHECK_LAYERS = pathlib.Path(__file__).parents[2] / "scripts" / "check-layers"
HOME = "/" + "home/somebody/x"  # in two parts: this file is checked as well

PRESENT = ("common/text.hh", "milter/daemon.hh", "milter/session.hh", "milter/policy/ports.hh",
           "milter/adapters/resolver.hh", "milter/ctl/command.hh", "milter/version.hh.in")

FAULTS = [
    ("common/a.cc", '#include "milter/policy/ports.hh"'),
    ("common/a.hh", '  #  include "milter/session.hh"'),
    ("milter/policy/a.cc", '#include "milter/session.hh"'),
    ("milter/policy/a.hh", '#include "milter/adapters/resolver.hh"'),
    ("milter/policy/a.cc", "#include <libmilter/mfapi.h>"),
    ("milter/policy/a.cc", "#include <unbound.h>"),
    ("milter/policy/a.cc", "#include <sys/stat.h>"),
    ("milter/policy/a.cc", "#include <fcntl.h>"),
    ("milter/policy/a.cc", "#include <thread>"),
    ("milter/policy/a.cc", "#include <mutex>"),
    ("milter/policy/a.cc", "#include <fstream>"),
    ("milter/policy/a.cc", "#include <ctime>"),
    ("milter/policy/a.cc", "#include <hiredis/hiredis.h>"),
    ("milter/policy/a.cc", "#include <boost/program_options.hpp>"),
    ("milter/policy/a.cc", "#include <gmime/gmime.h>"),
    ("milter/policy/a.cc", "    auto now = std::chrono::system_clock::now();"),
    ("milter/policy/a.cc", "    const char* home = std::getenv(name);"),
    ("milter/adapters/a.cc", '#include "milter/session.hh"'),
    ("milter/adapters/a.cc", '#include "milter/daemon.hh"'),
    ("milter/session.cc", '#include "milter/daemon.hh"'),
    ("milter/main.cc", '#include "milter/ctl/command.hh"'),
    ("milter/ctl/a.cc", '#include "milter/session.hh"'),
    ("milter/session.cc", '#include "session.hh"'),
    ("milter/session.cc", '#include "../common/text.hh"'),
    ("milter/session.cc", "#include <common/text.hh>"),
    ("test/a.py", f'path = "{HOME}"'),
    ("man/a.8", f".Pa {HOME}"),
]

FINE = [
    ("common/a.cc", '#include "common/text.hh"'),
    ("common/a.cc", "#include <fcntl.h>"),
    ("milter/policy/a.cc", '#include "common/text.hh"'),
    ("milter/policy/a.cc", '#include "milter/policy/ports.hh"'),
    ("milter/policy/a.cc", "#include <fmt/format.h>"),
    ("milter/policy/a.cc", "#include <chrono>"),
    ("milter/policy/a.cc", "// never std::chrono::system_clock::now()"),
    ("milter/policy/header_addresses.cc", "#include <gmime/gmime.h>"),
    ("milter/adapters/a.cc", '#include "milter/policy/ports.hh"'),
    ("milter/adapters/a.cc", "#include <unbound.h>"),
    ("milter/session.cc", '#include "milter/adapters/resolver.hh"'),
    ("milter/main.cc", '#include "milter/daemon.hh"'),
    ("milter/main.cc", '#include "milter/version.hh"'),
    ("test/a.cc", '#include "milter/session.hh"'),
    ("man/a.8", "~/homework/a and $dir" + HOME),
]


@pytest.fixture
def tree(tmp_path):
    for name in PRESENT:
        write(tmp_path, name, "#pragma once\n")
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check(tree):
    return subprocess.run([CHECK_LAYERS, tree], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name,line", FAULTS)
def test_fault_is_found(tree, name, line):
    write(tree, name, f"// first line\n{line}\n")
    result = check(tree)
    assert result.returncode == 1
    assert result.stdout.startswith(f"{name}:2: ") and result.stdout.count("\n") == 1


@pytest.mark.parametrize("name,line", FINE)
def test_what_is_allowed_passes(tree, name, line):
    write(tree, name, f"// first line\n{line}\n")
    result = check(tree)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("name", ["notes.txt", "src/a.cc", "Makefile"])
def test_stray_entry_at_the_top_is_found(tree, name):
    write(tree, name, "\n")
    result = check(tree)
    assert (result.returncode, result.stdout.split(":")[0]) == (1, name.split("/")[0])


def test_what_git_ignores_is_left_alone(tree):
    write(tree, ".gitignore", "/build*/\n")
    write(tree, "build-x/notes.txt", HOME)
    subprocess.run(["git", "init", "-q", tree], check=True)
    assert check(tree).returncode == 0
    write(tree, "notes.txt", "")
    assert check(tree).returncode == 1
