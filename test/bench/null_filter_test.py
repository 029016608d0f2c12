# SPDX-License-Identifier: BSD-2-Clause
"""null-filter over libmilter, driven by milter-client: the one does what it is told, the other speaks
what libmilter understands. SLUICE_BUILD names the meson build directory."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from null_filter import NullFilter, program  # noqa: E402
from milter_client import MilterClient, MilterClosed, MilterError, MilterTimeout, MilterUsage  # noqa: E402

NO_ALL = 0x37F  # every step refused
NR_ALL = 0xFF080  # every step unanswered


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NullFilterTest(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-"))
        self.socket = f"unix:{self.directory}/filter.sock"

    def start(self, *arguments):
        return self.enterContext(NullFilter(self.socket, *arguments))

    def connect(self, **how):
        return self.enterContext(contextlib.closing(MilterClient(self.socket, **how)))

    def play(self, mta):
        """Every step once; the answers by step."""
        return {
            "conn": mta.conn("mail.example.org", "192.0.2.1"),
            "helo": mta.helo(),
            "mail": mta.mail("<a@example.org>"),
            "rcpt": mta.rcpt("<b@example.org>"),
            "data": mta.data(),
            "header": mta.header("Subject", "hello"),
            "eoh": mta.eoh(),
            "body": mta.body("text\r\n"),
            "eom": mta.eom(),
        }

    def test_refuses_bad_options(self):
        for arguments in (
            [],
            ["--socket", "tcp:1"],
            ["--socket", self.socket, "--stages", "mail,party"],
            ["--socket", self.socket, "--flags", "fast"],
            ["--socket", self.socket, "--like", "1"],
            ["--socket", self.socket, "--like", "0x", "0"],
            ["--socket", self.socket, "--like", "4294967296", "0"],
            ["--socket", self.socket, "--macros", "mail"],
            ["--socket", self.socket, "--macros", "quit=i"],
            ["--socket", "unix:/nonexistent/filter.sock"],
        ):
            with self.subTest(arguments=arguments):
                done = subprocess.run([program("null-filter"), *arguments], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("null-filter: ", done.stderr)

    def test_continues_at_every_stage(self):
        self.start()
        mta = self.connect()
        negotiated = mta.negotiate()
        self.assertEqual((negotiated.version, negotiated.actions, negotiated.steps), (6, 0, 0))
        for step, reply in self.play(mta).items():
            self.assertEqual(reply.kind, "continue", step)
        mta.quit()
        mta.await_close()

    def test_asks_for_the_stages_named(self):
        self.start("--stages", "mail,rcpt")
        mta = self.connect()
        self.assertEqual(mta.negotiate().steps, NO_ALL & ~0x4 & ~0x8)
        kinds = {step: reply.kind for step, reply in self.play(mta).items()}
        self.assertEqual({step for step, kind in kinds.items() if kind == "continue"}, {"mail", "rcpt", "eom"})

    def test_leaves_headers_and_body_unanswered(self):
        self.start("--flags", "nr")
        mta = self.connect()
        self.assertEqual(mta.negotiate().steps, 0x80 | 0x40000 | 0x80000)
        replies = self.play(mta)
        silent = {step for step, reply in replies.items() if reply.why == "no-reply"}
        self.assertEqual(silent, {"header", "eoh", "body"})
        self.assertEqual(replies["eom"].kind, "continue")

    def test_negotiates_like_another_filter(self):
        for steps in (0, NO_ALL, NR_ALL, 0x1C0080, 0x100300):
            with self.subTest(steps=hex(steps)):
                macros = ["--macros", "mail=i {auth_authen}", "--macros", "connect={client_addr}"]
                filter = self.start("--like", hex(steps), "0x1ff", *macros)
                mta = self.connect()
                negotiated = mta.negotiate()
                self.assertEqual((negotiated.steps, negotiated.actions), (steps, 0x1FF))
                self.assertEqual(negotiated.macros, {"mail": "i {auth_authen}", "connect": "{client_addr}"})
                mta.macros("connect", client_addr="192.0.2.1", client_name="dropped")
                self.assertEqual(self.play(mta)["eom"].kind, "continue")
                filter.kill()

    def test_listens_on_inet(self):
        self.socket = f"inet:{free_port()}@127.0.0.1"
        self.start()
        mta = self.connect()
        mta.negotiate()
        self.assertEqual(self.play(mta)["eom"].kind, "continue")

    def test_sessions_follow_each_other_on_one_connection(self):
        self.start()
        mta = self.connect()
        mta.negotiate()
        self.assertEqual(self.play(mta)["eom"].kind, "continue")
        mta.quit_nc()
        self.assertEqual(self.play(mta)["eom"].kind, "continue")

    def test_message_of_many_chunks(self):
        self.start()
        mta = self.connect()
        mta.negotiate()
        mta.conn("mail.example.org", "2001:db8::1")
        mta.mail("<>")
        mta.rcpt("<b@example.org>")
        end = mta.message([("Subject", b"\xff\xfe"), ("X", "\udcff")], b"\xff" * 200_000)
        self.assertEqual((end.kind, end.edits), ("continue", []))

    def test_malformed_packets_end_the_connection(self):
        self.start()
        for octets in ("00000001 3f", "7fffffff 41", "00000001 4d", "00000003 437800"):
            with self.subTest(octets=octets):
                mta = self.connect()
                mta.negotiate()
                mta.raw(octets)
                mta.await_close()
                with self.assertRaises(MilterError):
                    mta.helo()

    def test_answers_can_be_fetched_later(self):
        self.start()
        mta = self.connect()
        mta.negotiate()
        mta.conn()
        self.assertEqual(mta.helo(wait=False).why, "not-waited")
        self.assertEqual(mta.await_reply().kind, "continue")
        mta.raw_packet("H", b"again\0")
        self.assertEqual(mta.packet(), ("c", ""))

    def test_troubles_have_their_own_exceptions(self):
        with self.assertRaises(MilterError):
            MilterClient("unix:/nonexistent/filter.sock")
        self.start()
        mta = self.connect(timeout=1)
        with self.assertRaises(MilterUsage):
            mta.macros("party", i="1")
        with self.assertRaises(MilterTimeout):
            mta.packet()
        mta.quit()
        with self.assertRaises((MilterClosed, MilterTimeout)):
            mta.packet()


if __name__ == "__main__":
    unittest.main()
