# SPDX-License-Identifier: BSD-2-Clause
"""Mail servers with another configuration than those of the site."""

import re

from .postfix import Postfix
from .sendmail import Sendmail


class PostfixWith(Postfix):
    """With these lines at the end of main.cf."""

    def __init__(self, base, milter_socket, sink_port, *lines):
        self._lines = lines
        super().__init__(base, milter_socket, sink_port)

    def _lay_out(self, milter_socket, sink_port):
        super()._lay_out(milter_socket, sink_port)
        path = self.etc / "main.cf"
        names = {line.split("=")[0].strip() for line in self._lines}
        kept = [line for line in path.read_text().splitlines() if line.split("=")[0].strip() not in names]
        path.write_text("\n".join([*kept, *self._lines]) + "\n")


class UnfilteredSendmail(Sendmail):
    """Has no filter."""

    def _lay_out(self, milter_socket, sink_port):
        super()._lay_out(milter_socket, sink_port)
        path = self.base / "sendmail.cf"
        path.write_text(re.sub(r"(?m)^(?:Xsluice,|O InputMailFilters=).*\n", "", path.read_text()))


def unfiltered(site):
    """Both mail servers without a filter: what happens where sluice is not. By name; stop() them."""
    base = site.base / "unfiltered"
    return {"postfix": PostfixWith(base / "postfix", site.socket, site.sink.port, "smtpd_milters =",
                                   "hopcount_limit = 200"),
            "sendmail": UnfilteredSendmail(base / "sendmail", site.socket, site.sink.port)}
