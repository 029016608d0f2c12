# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests share. They need root, the programs below and SLUICE_BUILD, and fail
without: a test that is skipped unseen protects nothing."""

import os

import pytest

from harness.process import program
from harness.redis import PROGRAM, server_names
from harness.site import Site
from harness.sluice import binary

NEEDED_PROGRAMS = ("postfix", "postconf", "postqueue", "postsuper", "postcat", "rbldnsd", "unbound",
                   "m4", "unshare", "hostname", "apt-get", "dpkg", "mount", "umount", "ldd")
LOG_LINES_SHOWN = 60


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    try:
        assert os.geteuid() == 0, "the system tests must run as root"
        for name in NEEDED_PROGRAMS:
            program(name)
        binary()
    except AssertionError as problem:
        pytest.exit(str(problem), returncode=1)


@pytest.fixture(scope="session")
def site(request):
    """The mail site, for the whole run."""
    site = Site()
    request.config.sluice_site = site
    yield site
    site.stop()


@pytest.fixture(params=["postfix", "sendmail"])
def mta(request, site):
    """Each of the two mail servers in turn."""
    return site.mtas[request.param]


@pytest.fixture(params=server_names(), ids=os.path.basename)
def each_redis(request, monkeypatch):
    """Redis, and Valkey where it is installed, in turn as the server of what follows."""
    monkeypatch.setenv(PROGRAM, request.param)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of the logs to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    site = getattr(item.config, "sluice_site", None)
    if not report.failed or site is None:
        return
    if site.daemon is not None:
        report.sections.append(("sluice-milter", tail(site.daemon.log_text())))
    for name, server in site.mtas.items():
        if name in item.name:
            report.sections.append((name, server.log_tail()))


def tail(text):
    return "\n".join(text.splitlines()[-LOG_LINES_SHOWN:])
