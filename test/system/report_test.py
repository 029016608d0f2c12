# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl report: a day with a storm on a page that stands by itself."""

import datetime
import gzip
import html.parser
import json
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest

from harness.tracking_days import STORM_LIST, STORM_PAIR, write_days

DAY = datetime.date(2026, 11, 20)
MESSAGES, STORM = 3000, 12000
MOST_OCTETS = 1_000_000


def report(*words, status=0, zone=None):
    programs = os.path.join(os.environ["SLUICE_BUILD"], "milter")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", **({"TZ": zone} if zone else {})}
    done = subprocess.run([os.path.join(programs, "ctl", "sluicectl"), "report", *map(str, words)],
                          capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "tracking.log"
    write_days(str(path), DAY, MESSAGES, STORM)
    before = path.with_name(f"{path.name}.{DAY - datetime.timedelta(days=2)}")
    with gzip.open(f"{before}.gz", "wb") as file:
        file.write(before.read_bytes())
    before.unlink()
    return path


@pytest.fixture(scope="module")
def page(log):
    path = log.with_name("page.html")
    out, err = report("--log", log, "--day", DAY, "--output", path)
    assert out == err == ""
    return path.read_text(encoding="utf-8")


def words_of(page):
    tree = xml.etree.ElementTree.fromstring(page)
    return re.sub(r" ([,;:.])", r"\1", " ".join(" ".join(tree.find("body").itertext()).split()))


def test_a_storm_is_named_at_the_top(page):
    words = words_of(page)
    found = re.search(r"From 10:15 to 11:30: ([\d,]+) messages, ([\d.]+) times the usual; most of them between (\S+) "
                      r"and (\S+) \(([\d,]+)\)", words)
    assert found, words[:500]
    assert STORM <= int(found[1].replace(",", "")) < STORM + MESSAGES
    assert float(found[2]) > 10
    assert {found[3], found[4]} == set(STORM_PAIR)
    assert int(found[5].replace(",", "")) == STORM
    assert words.count("times the usual") == 1


def test_the_tables(page):
    words = words_of(page)
    for part in (f"{STORM_PAIR[0]} {STORM_PAIR[1]} 6,000 10:15 11:29 discard 6,000",
                 "<same@deaf.example> boss@deaf.example 203.0.113.9 30 30 every 5m 13:00 15:25",
                 "switch that off, on both sides", f"{STORM_LIST} auto-reply redirect",
                 f"{STORM_LIST} gone@out7.example 30", "bl.example 30,000 3,600 12% 90 30 0.4%", "by 7 days before"):
        assert part in words, part


def test_the_page_stands_by_itself(page):
    assert len(page.encode()) < MOST_OCTETS
    assert not re.search(r"https?:|src\s*=|url\(|@import|<script|<link|<iframe|href\s*=", page)

    class Checker(html.parser.HTMLParser):
        VOID = {"meta"}
        open_tags = []
        names = set()

        def handle_starttag(self, tag, attrs):
            self.names.add(tag)
            self.open_tags.append(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open_tags == [] and {"svg", "title", "desc", "table"} <= checker.names
    charts = [each for each in xml.etree.ElementTree.fromstring(page).iter("svg") if each.get("role") == "img"]
    assert len(charts) == 1
    for chart in charts:
        named = {each.get("id") for each in chart.iter() if each.get("id")}
        assert set(chart.get("aria-labelledby").split()) <= named


def test_json_has_the_same_numbers(log, page):
    numbers = json.loads(report("--log", log, "--day", DAY, "--json")[0])
    assert numbers["unreadable"] == 0 and numbers["problems"] == []
    assert [each["node"] for each in numbers["nodes"]] == ["mx1"]
    (storm,) = numbers["storms"]
    assert sorted(storm["between"]) == sorted(STORM_PAIR) and storm["betweenMessages"] == STORM
    words = words_of(page)
    for outcome, name in (("accepted", "accepted"), ("refused", "refused"), ("cut", "cut as loop or copy")):
        assert f"{numbers['totals'][outcome]:,} {name}" in words
        assert numbers["totals"][outcome] == sum(each[outcome] for each in numbers["days"][0]["quarters"])


def test_days_in_a_row_and_several_nodes(log, tmp_path):
    other = tmp_path / "mx2.log"
    write_days(str(other), DAY, 200, node="mx2", days_before=2)
    out, _ = report("--log", log, other, "--from", DAY - datetime.timedelta(days=1), "--until", DAY)
    words = words_of(out)
    assert f"On {DAY} from 10:15 to 11:30" in words and "mx1, mx2" in words
    assert out.count('role="img"') == 2


@pytest.mark.parametrize("day, quarters", [("2026-03-29", 92), ("2026-10-25", 100), ("2026-11-20", 96)])
def test_a_change_of_clocks(log, day, quarters):
    numbers = json.loads(report("--log", log, "--day", day, "--json", zone="Europe/Berlin")[0])
    assert len(numbers["days"][0]["quarters"]) == quarters


def test_the_log_is_that_of_the_configuration(log, tmp_path):
    config = tmp_path / "sluice.conf"
    config.write_text("max-hops = many\n")
    _, err = report("--config", config, status=78)
    assert "max-hops" in err
    config.write_text("max-hops = 30\n")
    _, err = report("--config", config, status=78)
    assert "tracking-log" in err
    config.write_text(f"max-hops = 30\ntracking-log = {log}\n")
    numbers = json.loads(report("--config", config, "--day", DAY, "--json")[0])
    assert numbers["logs"] == [str(log)] and len(numbers["storms"]) == 1
