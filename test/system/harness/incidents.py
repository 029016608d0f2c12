# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests that play incidents."""

import pytest

from .envelopes import key_file
from .variants import unfiltered


@pytest.fixture(scope="module")
def alone(site):
    """The mail servers without sluice."""
    servers = unfiltered(site)
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def sluice(site):
    """A fresh daemon, which remembers nothing, with these lines more."""
    def start(*lines):
        return site.sluice(f"key-file = {key_file(site)}", *lines)
    return start
