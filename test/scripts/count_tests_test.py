# SPDX-License-Identifier: BSD-2-Clause
"""scripts/count-tests must not take a run for good that was none."""

import json
import pathlib
import subprocess

import pytest

COUNT_TESTS = pathlib.Path(__file__).parents[2] / "scripts" / "count-tests"
BANNER = '[doctest] doctest version is "2.4.9"\n'


def summary(cases, passed, failed):
    return f"{BANNER}[doctest] test cases: {cases:2} | {passed:2} passed | {failed} failed | 0 skipped\n"


def entry(result, output="", errors=""):
    return {"name": "x", "result": result, "stdout": output, "stderr": errors}


MESON = [
    ([], "0 1"),
    ([entry("OK", summary(12, 12, 0))], "12 0"),
    ([entry("OK", summary(12, 12, 0)), entry("OK", summary(3, 3, 0))], "15 0"),
    ([entry("FAIL", summary(12, 10, 2))], "10 2"),
    ([entry("FAIL", summary(12, 12, 0) + "ERROR: LeakSanitizer")], "12 1"),
    ([entry("FAIL", BANNER)], "0 1"),
    ([entry("OK", BANNER)], "0 1"),
    ([entry("OK", summary(0, 0, 0))], "0 1"),
    ([entry("TIMEOUT", BANNER), entry("OK", summary(3, 3, 0))], "3 1"),
    ([entry("OK"), entry("FAIL")], "1 1"),
    ([entry("OK", errors="...\nRan 3 tests in 0.1s\n\nOK\n")], "3 0"),
    ([entry("OK", errors="...\nRan 3 tests in 0.1s\n\nOK (skipped=1)\n")], "2 0"),
    ([entry("FAIL", errors="...\nRan 7 tests in 0.1s\n\nFAILED (failures=1, errors=2)\n")], "4 3"),
    ([entry("OK", errors="\nRan 0 tests in 0.0s\n\nOK\n")], "0 1"),
]

PYTEST = [
    ("", "0 1"),
    ("<testsuites/>", "0 1"),
    ('<testsuites><testsuite tests="0" errors="0" failures="0" skipped="0"/></testsuites>', "0 1"),
    ('<testsuites><testsuite tests="9" errors="1" failures="2" skipped="1"/></testsuites>', "5 3"),
    ('<testsuites><testsuite tests="9" errors="0" failures="0" skipped="0"/></testsuites>', "9 0"),
]


def count(tmp_path, runner, text):
    report = tmp_path / "report"
    report.write_text(text)
    result = subprocess.run([COUNT_TESTS, runner, report], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=True)
    return result.stdout.split("\n")[0]


@pytest.mark.parametrize("entries,expected", MESON)
def test_meson_log(tmp_path, entries, expected):
    assert count(tmp_path, "meson", "".join(json.dumps(e) + "\n" for e in entries)) == expected


@pytest.mark.parametrize("text,expected", PYTEST)
def test_pytest_report(tmp_path, text, expected):
    assert count(tmp_path, "pytest", text) == expected


def test_report_that_is_not_there():
    result = subprocess.run([COUNT_TESTS, "meson", "/nonexistent"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=True)
    assert result.stdout.strip() == "0 1"


DOCTEST_FAILURE = f"""{BANNER}{"=" * 79}
a_test.cc:7:
TEST CASE:  three is four

a_test.cc:8: ERROR: CHECK( 3 == 4 ) is NOT correct!

{"=" * 79}
[doctest] test cases: 2 | 1 passed | 1 failed | 0 skipped
"""

NAMED = [
    ("meson", json.dumps(entry("FAIL", DOCTEST_FAILURE)) + "\n", "TEST CASE: three is four"),
    ("meson", json.dumps(entry("FAIL", errors="FAIL: test_x (T)\nRan 2 tests in 0s\n\nFAILED (failures=1)\n")) + "\n",
     "FAIL: test_x (T)"),
    ("meson", json.dumps(entry("FAIL", BANNER + "Segmentation fault")) + "\n", "Segmentation fault"),
    ("meson", json.dumps(entry("TIMEOUT")) + "\n", "x: TIMEOUT"),
    ("pytest", '<testsuite tests="1" failures="1"><testcase classname="a" name="b"><failure message="3 is not\n4"/>'
     '</testcase></testsuite>', "a.b: 3 is not 4"),
]


@pytest.mark.parametrize("runner,text,expected", NAMED)
def test_what_failed_is_named(tmp_path, runner, text, expected):
    report = tmp_path / "report"
    report.write_text(text)
    result = subprocess.run([COUNT_TESTS, runner, report], stdout=subprocess.PIPE, text=True, check=True)
    assert expected in result.stdout.split("\n")[1:]
