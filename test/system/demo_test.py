# SPDX-License-Identifier: BSD-2-Clause
"""scripts/demo shows a storm without sluice and none with it, and leaves nothing behind."""

import pathlib
import re
import shutil
import tempfile

import pytest

from harness.process import make_directory, program, run
from harness.sluice import binary

DEMO = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "demo"
LIMIT_SECONDS = 150  # a busy machine, and a build with sanitizers
NEEDS_ROOT = 77


def works_in(process, directory):
    """Whether a process has this directory as its own or among its arguments."""
    try:
        return str(directory) in str((process / "cwd").readlink()) + (process / "cmdline").read_text()
    except OSError:  # it has ended
        return False


@pytest.fixture(scope="module")
def shown():
    """What the demo prints. It must end all that it has started, and remove what it has written."""
    place = make_directory(tempfile.mkdtemp(prefix="sluice-test-"))
    try:
        result = run("env", f"TMPDIR={place}", "/usr/bin/python3", DEMO, "--build", binary().parents[1],
                     timeout=LIMIT_SECONDS)
        assert list(place.iterdir()) == []
        assert not [each for each in pathlib.Path("/proc").glob("[0-9]*") if works_in(each, place)]
        assert result.stderr == ""
        return result.stdout
    finally:
        shutil.rmtree(place)


def row(shown, label):
    """The two figures of a line of the table."""
    found = re.search(rf"^ +{label} {{2,}}(\S.*?) {{2,}}(\S.*)$", shown, re.MULTILINE)
    assert found, f"no row {label!r}:\n{shown}"
    return found.groups()


def test_demo_shows_the_storm_without_sluice(shown):
    mails, _ = row(shown, "mails that its five members get")
    assert re.fullmatch(r"20\d, then stopped", mails)
    assert int(row(shown, "of these, reports about the dead member")[0]) == int(mails.split(",")[0]) - 5
    assert row(shown, "reports that the administrator gets")[0] == "0"
    assert re.fullmatch(r"[\d,]+ a day", row(shown, "mails, if nobody steps in")[0])


def test_demo_shows_one_copy_each_with_sluice(shown):
    assert row(shown, "posts to the list") == ("1", "1")
    assert row(shown, "mails that its five members get")[1] == "5"
    assert row(shown, "of these, reports about the dead member")[1] == "0"
    assert row(shown, "reports that the administrator gets")[1] == "1"
    assert row(shown, "mails, if nobody steps in")[1] == "all quiet"
    assert len(re.findall(r"action=redirect", shown)) == 1


def test_demo_without_root_says_so():
    # reading is allowed still, for the repository may lie where no other user looks
    result = run(program("setpriv"), "--reuid", "daemon", "--clear-groups", "--inh-caps", "+dac_read_search",
                 "--ambient-caps", "+dac_read_search", "/usr/bin/python3", DEMO, check=False)
    assert result.returncode == NEEDS_ROOT
    assert result.stderr == "scripts/demo: needs root, because it starts a Postfix of its own: sudo scripts/demo\n"
