# SPDX-License-Identifier: BSD-2-Clause
"""The progress line of sluicectl: on a terminal while work lasts, nowhere else, and gone at its end."""

import os
import pty
import select
import subprocess
import time

import pytest

from harness.sluice import control_tool

LASTS = 1.3
LONGEST_WAIT = 20
STEP = 0.05
LETTER = b"From: a@out.example\nSubject: one\nDate: Mon, 5 Jan 2026 10:00:00 +0000\n\nText.\n"
MBOX_HEAD = b"From a@out.example Mon Jan  5 10:00:00 2026\n"


def feed(file, count, piece, read):
    for _ in range(count):
        file.write(piece)
        read(STEP)


class Feeder:
    """FIFOs that a program reads as it reads files, written to in small pieces for some time."""

    def __init__(self, folder, count):
        self.paths = [folder / f"slow{number}" for number in range(count)]
        for path in self.paths:
            os.mkfifo(path)

    def feed(self, read):
        """Writes a letter to each FIFO in turn, in pieces, calling read() meanwhile."""
        for path in self.paths:
            with open(path, "wb", buffering=0) as fifo:
                fifo.write(LETTER)
                feed(fifo, int(LASTS / len(self.paths) * 1.5 / STEP), b"More.\n", read)


class OnTerminal:
    """A program whose standard error is a terminal."""

    def __init__(self, *words, columns=80, output_too=False, stdin=subprocess.DEVNULL):
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        subprocess.run(["stty", "cols", str(columns), "-onlcr"], stdin=slave, check=True)
        self._process = subprocess.Popen([control_tool(), *map(str, words)], stdin=stdin,
                                         stdout=slave if output_too else subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        self.seen = b""

    def read(self, seconds):
        """Reads what comes within that time; False at the end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                return True
            try:
                self.seen += os.read(self._master, 65536)
            except OSError:
                return False
        return True

    def end(self):
        until = time.monotonic() + LONGEST_WAIT
        while self.read(1) and time.monotonic() < until:
            pass
        os.close(self._master)
        assert self._process.wait(LONGEST_WAIT) == 0
        return self.seen.decode()


def screen(text):
    """What stands on a terminal after all this: lines of characters that \\r writes over."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part):]
        lines.append(shown.rstrip())
    return [line for line in lines if line]


@pytest.fixture
def slow(tmp_path):
    return lambda count: Feeder(tmp_path, count)


def test_a_terminal_shows_how_far_the_work_has_come(slow):
    feeder = slow(3)
    program = OnTerminal("classify", *feeder.paths)
    feeder.feed(program.read)
    shown = program.end()
    assert "\rclassifying [" in shown and "66% 2 of 3 files" in shown
    assert screen(shown) == []


def test_work_of_unknown_size_is_counted():
    reading, writing = os.pipe()
    program = OnTerminal("simulate", "-", columns=20, stdin=reading)
    os.close(reading)
    with open(writing, "wb", buffering=0) as pipe:
        pipe.write(MBOX_HEAD + LETTER)
        feed(pipe, int(LASTS / STEP), b"More of the text.\n" * 4000, program.read)
    shown = program.end()
    drawn = [part for part in shown.split("\r") if part.strip()]
    assert 1 <= len(drawn) <= 10 * 2 * LASTS, "no more than ten times a second"
    assert all(part.startswith("reading: ") and len(part) < 20 for part in drawn)
    assert screen(shown) == []


def test_output_on_the_same_terminal_stays_whole(slow):
    feeder = slow(3)
    program = OnTerminal("classify", *feeder.paths, output_too=True)
    feeder.feed(program.read)
    shown = program.end()
    assert "of 3 files" in shown
    assert screen(shown) == [f"{path}: ordinary 99%" for path in feeder.paths]


def test_short_work_shows_nothing(tmp_path):
    (tmp_path / "letter").write_bytes(LETTER)
    assert OnTerminal("classify", tmp_path / "letter").end() == ""


def test_a_pipe_gets_nothing(slow):
    feeder = slow(3)
    with subprocess.Popen([control_tool(), "classify", *feeder.paths], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        feeder.feed(time.sleep)
        output, errors = process.communicate(timeout=LONGEST_WAIT)
    assert errors == b""
    assert len(output.splitlines()) == 3 and b"\r" not in output
