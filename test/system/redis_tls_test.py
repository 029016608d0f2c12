# SPDX-License-Identifier: BSD-2-Clause
"""TLS to Redis where hiredis has it, and a clear error where not."""

import subprocess

import pytest

from harness.nodes import Nodes, base  # noqa: F401 (fixture)
from harness.process import free_port, program
from harness.redis import RedisServer
from harness.sluice import CHECK_FAILED, has_tls, run_once
from harness.waiting import wait_until

PATIENT = "redis-timeout = 500ms"


def certificate(base, name, subject_alternative):
    """Signed by itself; returns the paths of certificate and key."""
    certificate, key = base / f"{name}.pem", base / f"{name}.key"
    subprocess.run([program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName={subject_alternative}", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def redis(base, monkeypatch):
    """With TLS on `tls_port`, for the name localhost, signed by whom the daemon trusts."""
    if not has_tls():
        pytest.skip("hiredis has no TLS here: see the first test")
    trusted, key = certificate(base, "redis", "DNS:localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    port = free_port()
    with RedisServer(base / "redis", f"tls-port {port}", f"tls-cert-file {trusted}", f"tls-key-file {key}",
                     f"tls-ca-cert-file {trusted}", "tls-auth-clients no") as redis:
        redis.tls_port = port
        yield redis


def available(node):
    return node.listed("status")["store"]["available"]


def test_without_tls_the_configuration_is_refused(base):
    if has_tls():
        pytest.skip("hiredis has TLS here: see the other tests")
    configuration = base / "sluice.conf"
    configuration.write_text("store = rediss://localhost:6379\n")
    done = run_once("--check", "--config", str(configuration))
    assert done.returncode == CHECK_FAILED
    assert "sluice.conf:1" in done.stderr and "unix socket, or a tunnel" in done.stderr


def test_nodes_count_together_through_tls(base, redis):
    with Nodes(base, f"store = rediss://localhost:{redis.tls_port}/0", PATIENT) as nodes:
        assert nodes.share() and all(available(node) for node in nodes)
        redis.kill()
        wait_until(lambda: not (nodes.share() or available(nodes[0])), 10, "Redis is missed")
        redis.start()
        nodes.wait_until_they_share(timeout=15)


@pytest.mark.parametrize("wrong", ["name", "signer"])
def test_a_certificate_of_somebody_else_is_none(base, redis, monkeypatch, wrong):
    host = "127.0.0.1" if wrong == "name" else "localhost"
    if wrong == "signer":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate(base, "other", "DNS:localhost")[0]))
    with Nodes(base, f"store = rediss://{host}:{redis.tls_port}/0", PATIENT) as nodes:
        for _ in range(3):
            assert not nodes.share()
        wait_until(lambda: not available(nodes[0]), 10, "it is not used")
    assert redis.keys() == set()
