# SPDX-License-Identifier: BSD-2-Clause
"""The storm of scripts/demo in an ordinary day, as the tracking log of a filter that only observes
has it, and the page that tells of it."""

import datetime
import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import tempfile

import pytest

from harness.process import make_directory, run
from harness.sluice import Sluice, control_tool
from harness.tracking_days import write_days

DEMO = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "demo"
STOPPED_AT = 800  # mails to five members
ORDINARY = 1000  # messages of such a day


@pytest.fixture(scope="module")
def demo():
    loader = importlib.machinery.SourceFileLoader("demo", str(DEMO))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
    loader.exec_module(module)
    module.STORM_IS_STOPPED_AT = STOPPED_AT
    return module


@pytest.fixture(scope="module")
def base():
    """Where the mail server may read."""
    place = make_directory(tempfile.mkdtemp(prefix="sluice-test-"))
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def storm(demo, base):
    """What the filter has tracked while the list ran away: the lines of its log."""
    socket = base / "milter.sock"
    log = base / "tracked" / "tracking.log"
    log.parent.mkdir()
    sluice = Sluice(base / "sluice", socket)
    sluice.write(f"socket = unix:{socket}\nsocket-mode = 0666\nlog = stderr\nmode = observe\n"
                 f"tracking-log = {log}\n{demo.LIST_SETTINGS}")
    with demo.ended(demo.MembersServer()) as members, \
            demo.ended(demo.ListServer(base / "postfix", socket, members.port)) as server:
        members.list_server = server
        try:
            sluice.start()
            assert demo.post(server, members, server.other_port).storm, "it runs away"
            sluice.stop()
        finally:
            sluice.kill()
    return log.read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="module")
def day(storm):
    return datetime.datetime.fromisoformat(json.loads(storm[0])["time"].replace("Z", "+00:00")).astimezone().date()


@pytest.fixture(scope="module")
def log(storm, day, tmp_path_factory):
    """That storm in a day of ordinary mail, behind others like it."""
    path = tmp_path_factory.mktemp("log") / "tracking.log"
    write_days(str(path), day, ORDINARY)
    with open(path, "a", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in storm)
    return path


def report(*words):
    return run(control_tool(), "report", *words).stdout


def test_the_storm_stands_out_of_the_day(demo, storm, day, log):
    numbers = json.loads(report("--log", log, "--day", day, "--json"))
    assert numbers["unreadable"] == 0
    received = sum(json.loads(line)["event"] == "RECEIVE" for line in storm)
    assert received >= STOPPED_AT / len(demo.MEMBERS)
    (found,) = numbers["storms"]
    first = datetime.datetime.fromisoformat(found["from"].replace("Z", "+00:00"))
    begun = datetime.datetime.fromisoformat(json.loads(storm[0])["time"].replace("Z", "+00:00"))
    assert first <= begun < first + datetime.timedelta(minutes=15)
    assert received * 0.5 <= found["betweenMessages"] <= found["messages"]
    assert demo.OWNER in found["between"]
    assert 0.7 * ORDINARY < numbers["totals"]["accepted"] - received < ORDINARY


def test_the_page_names_it(demo, day, log):
    page = report("--log", log, "--day", day)
    assert "times the usual</strong>; most of them between" in page
    assert demo.OWNER in page
    assert "https://" not in page and "<script" not in page
