# SPDX-License-Identifier: BSD-2-Clause
"""milter-load against the null filter: what it counts is what was sent. SLUICE_BUILD names the meson
build directory."""

import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest

from null_filter import NullFilter, program


def load(*arguments):
    done = subprocess.run([program("milter-load"), *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def receive(connection, size):
    octets = b""
    while len(octets) < size:
        some = connection.recv(size - len(octets))
        if not some:
            raise EOFError
        octets += some
    return octets


class ScriptedFilter:
    """Answers each packet by its code: `answers` has the payload to send, framed; others get
    "continue". Counts what it got."""

    def __init__(self, path, answers):
        self.received = {}
        self._answers = {"O": b"O" + (6).to_bytes(4, "big") + bytes(8), "A": None, "D": None, "Q": None, **answers}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            with connection:
                try:
                    while self._answer(connection):
                        pass
                except (EOFError, BrokenPipeError):
                    pass

    def _answer(self, connection):
        packet = receive(connection, int.from_bytes(receive(connection, 4), "big"))
        code = chr(packet[0])
        self.received[code] = self.received.get(code, 0) + 1
        answer = self._answers.get(code, b"c")
        if answer == b"close":
            return False
        if answer:
            connection.sendall(len(answer).to_bytes(4, "big") + answer)
        return True


class MilterLoadTest(unittest.TestCase):
    def setUp(self):
        self.path = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-")) + "/filter.sock"
        self.socket = f"unix:{self.path}"

    def test_refuses_bad_options(self):
        for arguments in (
            [],
            ["--socket", self.socket, "--connections", "0"],
            ["--socket", self.socket, "--seconds", "-1"],
            ["--socket", self.socket, "--seconds", "601"],
            ["--socket", self.socket, "--senders", "0"],
            ["--socket", self.socket, "--pid", "-1"],
            ["--socket", self.socket, "--rounds", "0"],
            ["--socket", self.socket, "--socket", self.socket, "--pid", "1"],
        ):
            with self.subTest(arguments=arguments):
                status, report, errors = load(*arguments)
                self.assertEqual((status, report), (2, None))
                self.assertIn("milter-load: ", errors)

    def test_nobody_listens(self):
        status, report, _ = load("--socket", self.socket, "--connections", "3")
        self.assertEqual((status, report["messages"]), (1, 0))
        self.assertIn("No such file or directory", report["troubles"][0])

    def test_counts_messages(self):
        with NullFilter(self.socket, "--flags", "nr") as filter:
            status, report, _ = load("--socket", self.socket, "--connections", "3", "--messages-per-connection", "4",
                                     "--messages", "50", "--seconds", "30", "--pid", str(filter.pid))
        self.assertEqual((status, report["troubles"]), (0, []))
        self.assertEqual((report["messages"], report["replies"]), (50, {"eom continue": 50}))
        self.assertEqual(report["negotiated"], {"steps": 0xC0080, "actions": 0})
        self.assertGreaterEqual(report["p99_us"], report["p50_us"])
        self.assertGreater(report["p50_us"], 0)
        self.assertGreaterEqual(report["cpu_us_per_message"], 0)

    def test_ends_in_time(self):
        with NullFilter(self.socket):
            status, report, _ = load("--socket", self.socket, "--seconds", "0.2")
        self.assertEqual(status, 0)
        self.assertGreater(report["messages"], 0)
        self.assertLess(report["seconds"], 20)

    def test_filters_take_turns_and_connections_outlast_them(self):
        other = f"{self.path}.2"
        with ScriptedFilter(self.path, {}) as first, ScriptedFilter(other, {}) as second:
            status, report, _ = load("--socket", self.socket, "--socket", f"unix:{other}", "--rounds", "3",
                                     "--messages-per-connection", "1000000", "--seconds", "0.1",
                                     "--pid", str(os.getpid()), "--pid", str(os.getpid()))
        self.assertEqual(status, 0)
        self.assertEqual([len(turns) for turns in report["filters"]], [3, 3])
        for filter, turns in zip((first, second), report["filters"]):
            self.assertEqual((filter.received["O"], filter.received["Q"]), (1, 1))
            self.assertEqual(filter.received["E"], sum(turn["messages"] for turn in turns))
            for turn in turns:
                self.assertGreater(turn["messages"], 0)
                self.assertGreater(turn["cpu_us_per_message"], 0)  # the filter is a thread of this process

    def test_trouble_of_one_filter_ends_the_turns_of_all(self):
        other = f"{self.path}.2"
        with ScriptedFilter(self.path, {}), ScriptedFilter(other, {"E": b"close"}):
            status, report, _ = load("--socket", self.socket, "--socket", f"unix:{other}", "--rounds", "3",
                                     "--seconds", "0.1")
        self.assertEqual(status, 1)
        self.assertEqual([len(turns) for turns in report["filters"]], [1, 1])
        self.assertEqual(report["filters"][1][0]["troubles"], ["eom: the filter closed the connection"])

    def test_sends_what_an_mta_sends(self):
        with ScriptedFilter(self.path, {}) as filter:
            load("--socket", self.socket, "--messages", "5", "--messages-per-connection", "2", "--seconds", "30",
                 "--recipients-per-message", "3", "--size", "65536")
        macros = filter.received.pop("D")
        self.assertEqual(filter.received, {"O": 3, "C": 3, "H": 3, "M": 5, "R": 15, "T": 5, "L": 40, "N": 5, "B": 10,
                                           "E": 5, "Q": 3})
        self.assertEqual(macros, 3 + 5 + 15 + 5 + 5 + 5)

    def test_refusals_are_counted_by_stage(self):
        cases = {
            ("M", b"y550 5.1.0 no\0"): ({"mail 550 5.1.0": 4}, 1),
            ("R", b"t"): ({"rcpt tempfail": 4}, 1),
            ("R", b"y421 4.7.0 go\0"): ({"rcpt 421 4.7.0": 4}, 4),
            ("E", b"y451 4.3.0 later\0"): ({"eom 451 4.3.0": 4}, 1),
            ("T", b"a"): ({"data accept": 4}, 1),
            ("C", b"r"): ({"connect reject": 4}, 4),
        }
        for (code, answer), (replies, connections) in cases.items():
            with self.subTest(code=code, answer=answer):
                with ScriptedFilter(self.path, {code: answer}) as filter:
                    status, report, _ = load("--socket", self.socket, "--messages", "4", "--seconds", "30")
                self.assertEqual((status, report["replies"]), (0, replies))
                self.assertEqual(filter.received["O"], connections)
                os.unlink(self.path)

    def test_a_filter_that_goes_away_ends_the_load(self):
        with ScriptedFilter(self.path, {"E": b"close"}):
            status, report, _ = load("--socket", self.socket, "--seconds", "30")
        self.assertEqual((status, report["messages"]), (1, 0))
        self.assertEqual(report["troubles"], ["eom: the filter closed the connection"])

    def test_a_filter_that_does_not_answer_ends_the_load(self):
        with ScriptedFilter(self.path, {"H": None}):
            status, report, _ = load("--socket", self.socket, "--seconds", "30", "--answer-seconds", "2")
        self.assertEqual((status, report["troubles"]), (1, ["helo: the filter did not answer in time"]))


if __name__ == "__main__":
    unittest.main()
