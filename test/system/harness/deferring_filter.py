# SPDX-License-Identifier: BSD-2-Clause
"""A filter beside sluice that puts each message off at its end, the first times that it comes."""

import socketserver
import struct
import threading

from .sluice import packet

NO_STEP_BUT_THE_END = 0x3FF & ~0x100 & ~0x80  # SMFIP_NO* and SMFIP_NODATA, without SMFIP_SKIP and SMFIP_NR_HDR
LATER = packet(b"y", b"451 4.7.1 Come back later\0")
GO_ON = packet(b"c")


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(4):
            octets = self.rfile.read(struct.unpack("!I", head)[0])
            answer = self.server.filter.answer(octets[:1])
            if answer is None:
                return
            self.wfile.write(answer)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class DeferringFilter:
    """Listens at `address`, as the option smtpd_milters of Postfix has it, until the block ends."""

    def __init__(self, times):
        self._left = times
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.filter = self
        self.address = f"inet:127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, code):
        """What to say to a packet; None: nothing any more."""
        if code == b"Q":
            return None
        if code == b"O":
            return packet(b"O", struct.pack("!III", 6, 0, NO_STEP_BUT_THE_END))
        if code in b"DAK":
            return b""
        return self._at_the_end() if code == b"E" else GO_ON

    def _at_the_end(self):
        self._left -= 1
        return LATER if self._left >= 0 else GO_ON
