# SPDX-License-Identifier: BSD-2-Clause
"""Recipients in an LDAP directory, against a real slapd."""

import contextlib
import functools
import time

import pytest

from check_test import manual_examples
from harness.nodes import CLIENT, Nodes, base  # noqa: F401 (fixture)
from harness.process import free_port, program, run
from harness.slapd import ADMIN, BASE, PASSWORD, Slapd, certificates, person, reference
from harness.sluice import CHECK_FAILED, binary, run_once
from harness.waiting import wait_until
from milter_client import MilterClient

PATIENT = "ldap-timeout = 5s"  # on a busy machine: here slapd answers
UNKNOWN = "550 5.1.1 User unknown"
UNAVAILABLE = "451 4.3.0 Directory not available, try again later"
USUAL = ("harvest-limit = 0",)
PEOPLE = (
    person("ann", mail=["Ann@test.example"]),
    person("bob", mail=["bob@internal.example"],
           proxy=["SMTP:Bob@Test.Example", "smtp:robert@test.example", "x500:/o=org/cn=bob"]),
    person("odd", mail=["a(b)c*d@test.example"]),
    person("quoted", mail=['"ted bremer"@test.example']),
)


@functools.cache
def has_ldap():
    """Whether this build can ask LDAP servers."""
    return "libldap" in run(program("readelf"), "-d", binary()).stdout


@pytest.fixture(autouse=True)
def needs_ldap(request):
    if not has_ldap() and "without_libldap" not in request.node.name:
        pytest.skip("there is no libldap here: see the last test")


@pytest.fixture
def slapd(base):
    with Slapd(base / "slapd", PEOPLE) as server:
        yield server


@contextlib.contextmanager
def node(base, *lines, name="node"):
    with Nodes(base / name, *USUAL, *lines, count=1) as nodes:
        yield nodes[0]


class Asker:
    """A client that asks for recipients, in one transaction."""

    def __init__(self, node, address=CLIENT):
        self._client = MilterClient(f"unix:{node.socket}", timeout=30)
        self._client.negotiate()
        self._client.conn("client.example", address)
        self._client.helo("client.example")
        self._client.mail("<author@out.example>")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def __call__(self, path):
        """What a RCPT gets: "continue", or the line of the refusal."""
        reply = self._client.rcpt(f"<{path}>")
        return reply.kind if reply.proceeds else reply.line

    def timed(self, path):
        began = time.monotonic()
        return self(path), time.monotonic() - began


def answers(node, *paths):
    with Asker(node) as ask:
        return [ask(path) for path in paths]


def answer(node, path):
    return answers(node, path)[0]


# who is known

def test_known_by_mail_and_by_proxy_addresses(base, slapd):
    with node(base, f"directory = {slapd.url}", PATIENT) as one, Asker(one) as ask:
        for known in ("ann@test.example", "ANN@Test.Example", "ann+news@test.example", "bob@test.example",
                      "BOB@test.example", "Robert@test.example", "robert+x@test.example",
                      '"Ted Bremer"@test.example', "postmaster@test.example", "anybody@else.example"):
            assert ask(known) == "continue", known
        for unknown in ("nobody@test.example", "nobody+ann@test.example", "ann@sub@test.example",
                        "smtp:robert@test.example", "x500:/o=org/cn=bob@test.example", "test.example@test.example"):
            assert ask(unknown) == UNKNOWN, unknown


HOSTILE = ["*", "a*", "*nn", "ann*", "an\\6e", "\\61nn", "ann)(mail=*", "*)(objectClass=*", "ann))(|(mail=*", "(", ")",
           "\\", "\\2a", "ann\\00", "%61nn", "an%a", "&", "|", "!", "ann,cn=x", "ann#", "ann;", "ann=", "a(b)c*", "a*d",
           "\u00e4nn", "\x01ann", "ann\x7f", "an\tn", "an?n", "ann\u200b", "x" * 600, "(" * 2000]


def test_what_a_hostile_address_says_is_an_address(base, slapd):
    """Each is looked for as it is, and the server is not the worse for it."""
    with node(base, f"directory = {slapd.url}", PATIENT) as one, Asker(one) as ask:
        for local in HOSTILE:
            assert ask(f"{local}@test.example") == UNKNOWN, local
            quoted = local.replace("\\", "\\\\")
            assert ask(f'"{quoted}"@test.example') == UNKNOWN, local
        assert ask("\udcff\udcfe@test.example") == UNKNOWN
        assert ask('"a(b)c*d"@test.example') == UNKNOWN, "the entry has no quotes"
        assert ask("ann@test.example") == "continue"
        assert "unavailable" not in one.daemon.log_text()


def test_a_filter_of_the_site(base, slapd):
    url = f'directory = "{slapd.url}?mail?one?(&(objectClass=inetOrgPerson)(cn=%u)(!(sn=bob)))"'
    with node(base, url, PATIENT) as one:
        assert answers(one, "ann@test.example", "bob@test.example", "*@test.example") == ["continue", UNKNOWN, UNKNOWN]


def test_directories_add_up(base, slapd):
    table = base / "recipients"
    table.write_text("filed@test.example\n")
    with node(base, f"directory = file:{table}", f"directory = {slapd.url}", PATIENT) as one:
        assert answers(one, "filed@test.example", "ann@test.example", "no@test.example") == ["continue"] * 2 + [UNKNOWN]
        slapd.kill()
        assert answers(one, "filed@test.example", "new@test.example") == ["continue", UNAVAILABLE]


def test_changes_count_at_once(base, slapd):
    with node(base, f"directory = {slapd.url}", PATIENT) as one:
        assert answers(one, "ann@test.example", "new@test.example") == ["continue", UNKNOWN]
        slapd.kill()
        slapd.fill([person("new", mail=["new@test.example"])])
        slapd.start()
        wait_until(lambda: answer(one, "new@test.example") == "continue", 15, "the server is asked again")
        assert answer(one, "ann@test.example") == UNKNOWN


# a server that is away

def test_a_dead_server(base, slapd):
    with node(base, f"directory = {slapd.url}", PATIENT) as one:
        assert answer(one, "ann@test.example") == "continue"
        slapd.kill()
        with Asker(one) as ask:
            for _ in range(3):
                assert ask("ann@test.example") == "continue", "she was known a moment ago"
                assert ask("ann+news@test.example") == "continue"
                assert ask("bob@test.example") == UNAVAILABLE
                assert ask("nobody@test.example") == UNAVAILABLE
        slapd.start()
        wait_until(lambda: answers(one, "bob@test.example", "nobody@test.example") == ["continue", UNKNOWN], 15,
                   lambda: "the server is found again:\n" + one.daemon.log_text())
        assert one.daemon.log_text().count("available again") == 1


def test_without_a_cache_nobody_is_known(base, slapd):
    with node(base, f"directory = {slapd.url}", "directory-cache = 0", PATIENT) as one:
        assert answer(one, "ann@test.example") == "continue"
        slapd.kill()
        assert answer(one, "ann@test.example") == UNAVAILABLE


def test_the_cache_ends(base, slapd):
    with node(base, f"directory = {slapd.url}", "directory-cache = 2s", PATIENT) as one:
        assert answer(one, "ann@test.example") == "continue"
        slapd.kill()
        assert answer(one, "ann@test.example") == "continue"
        wait_until(lambda: answer(one, "ann@test.example") == UNAVAILABLE, 10, "two seconds are over")


def test_a_start_without_the_server(base):
    port = free_port()
    with node(base, f"directory = ldap://127.0.0.1:{port}/{BASE}", PATIENT) as one:
        assert answers(one, *["ann@test.example"] * 5) == [UNAVAILABLE] * 5
        lines = [line for line in one.daemon.log.lines() if "directory:" in line]
        assert 1 <= len(lines) <= 2, lines


def test_a_server_that_hangs_costs_its_time_twice(base, slapd):
    with node(base, f"directory = {slapd.url}", "ldap-timeout = 500ms") as one, Asker(one) as ask:
        wait_until(lambda: ask("ann@test.example") == "continue", 10, "slapd answers in time")
        slapd.pause()
        times = []
        for _ in range(6):
            answered, seconds = ask.timed("bob@test.example")
            assert answered == UNAVAILABLE
            times.append(seconds)
        assert all(0.4 < each < 1.5 for each in times[:2]), times
        assert sum(sorted(times)[:3]) < 0.3, "while it is left alone nobody waits"
        assert ask("ann@test.example") == "continue"
        slapd.resume()
        wait_until(lambda: ask("bob@test.example") == "continue", 15, "it is found again")


def test_others_do_not_wait_with_a_server_that_hangs(base, slapd):
    """Many at once wait for it no longer than one, and mail for other domains does not wait at all."""
    with node(base, f"directory = {slapd.url}", "ldap-timeout = 2s") as one, contextlib.ExitStack() as stack:
        askers = [stack.enter_context(Asker(one)) for _ in range(12)]
        assert askers[0]("ann@test.example") == "continue"
        slapd.pause()
        for ask in askers[:10]:
            ask._client.rcpt("<bob@test.example>", wait=False)
        _, seconds = askers[10].timed("anybody@else.example")
        assert seconds < 1.5
        began = time.monotonic()
        assert {ask._client.await_reply().line for ask in askers[:10]} == {UNAVAILABLE}
        assert time.monotonic() - began < 4
        slapd.resume()


def test_the_next_server_is_asked(base, slapd):
    with Slapd(base / "second", PEOPLE) as second:
        url = f"directory = ldap://127.0.0.1:{slapd.port},localhost:{second.port}/{BASE}"
        with node(base, url, "ldap-timeout = 4s") as one, Asker(one) as ask:
            assert ask("ann@test.example") == "continue"
            assert second.count("SRCH") == 0
            slapd.pause()
            assert ask("bob@test.example") == "continue", "it is asked in the same look-up"
            slapd.kill()
            assert [ask("robert@test.example"), ask("nobody@test.example")] == ["continue", UNKNOWN]


# a server that gives no answer

def secret(base, text=PASSWORD + "\n"):
    path = base / "ldap-password"
    path.write_text(text)
    path.chmod(0o600)
    return path


def login(base, text=PASSWORD + "\n"):
    return f'ldap-bind-dn = "{ADMIN}"', f"ldap-password-file = {secret(base, text)}"


def test_a_login(base):
    with Slapd(base / "slapd", PEOPLE, open_to_all=False) as closed:
        with node(base, f"directory = {closed.url}", PATIENT, name="anonymous") as one:
            assert answer(one, "ann@test.example") == UNAVAILABLE, "who may see nothing knows nothing"
        with node(base, f"directory = {closed.url}", *login(base), PATIENT) as one:
            assert answers(one, "ann@test.example", "no@test.example") == ["continue", UNKNOWN]
            assert PASSWORD not in one.daemon.log_text()


def test_a_wrong_password(base):
    """It is not tried often, which would lock the account, and mended by a reload."""
    with Slapd(base / "slapd", PEOPLE, open_to_all=False) as closed:
        with node(base, f"directory = {closed.url}", *login(base), PATIENT) as one:
            assert answer(one, "ann@test.example") == "continue"
            secret(base, "wrong")
            assert one.daemon.reload()[0]
            assert answers(one, "ann@test.example", *["bob@test.example"] * 20) == ["continue"] + [UNAVAILABLE] * 20
            assert closed.count("RESULT.* err=49 ") == 1
            lines = [line for line in one.daemon.log.lines() if "directory:" in line]
            assert len(lines) == 1 and "Invalid credentials" in lines[0], lines
            secret(base)
            assert one.daemon.reload()[0]
            assert answers(one, "bob@test.example", "no@test.example") == ["continue", UNKNOWN]


def test_a_base_that_is_not_there(base, slapd):
    with node(base, f"directory = {slapd.url.replace('dc=test', 'ou=gone,dc=test')}", PATIENT) as one:
        assert answers(one, *["ann@test.example"] * 5) == [UNAVAILABLE] * 5
        one.daemon.wait_for_log("directory: .*No such object")


def test_a_referral_is_not_followed(base):
    with Slapd(base / "other", PEOPLE) as other, \
            Slapd(base / "slapd", PEOPLE, settings=f"referral ldap://127.0.0.1:{other.port}") as slapd:
        with node(base, f"directory = ldap://127.0.0.1:{slapd.port}/dc=else", PATIENT) as one:
            assert answers(one, *["ann@test.example"] * 5) == [UNAVAILABLE] * 5
            one.daemon.wait_for_log(f"directory: .*{other.port}.* not followed")
        assert other.count("SRCH|BIND") == 0


def test_a_part_at_another_server_may_have_the_recipient(base):
    elsewhere = reference("child", "ldap://127.0.0.1:9/dc=child,dc=test,dc=example??sub")
    with Slapd(base / "slapd", [*PEOPLE, elsewhere]) as slapd:
        with node(base, f"directory = {slapd.url}", PATIENT) as one:
            assert answers(one, "ann@test.example", "no@test.example") == ["continue", UNAVAILABLE]
            one.daemon.wait_for_log("directory: .*dc=child.*")


def test_the_parts_of_active_directory_without_recipients(base):
    parts = [reference(name, f"ldap://{name}.test.example/DC={name},DC=test,DC=example")
             for name in ("DomainDnsZones", "ForestDnsZones")]
    parts.append(reference("c", "ldap://test.example/CN=Configuration,DC=test,DC=example"))
    with Slapd(base / "slapd", [*PEOPLE, *parts]) as slapd:
        with node(base, f"directory = {slapd.url}", PATIENT) as one:
            assert answers(one, "ann@test.example", "no@test.example") == ["continue", UNKNOWN]


# TLS

@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """The certificates of an LDAP server at localhost, and those of another one."""
    place = tmp_path_factory.mktemp("certificates")
    return {name: certificates(place, name, "DNS:localhost") for name in ("ldap", "other")}


@pytest.fixture
def safe(base, signed):
    """With TLS, for the name localhost; `authority` has signed it."""
    authority, certificate, key = signed["ldap"]
    with Slapd(base / "slapd", PEOPLE, certificate, key) as server:
        server.authority = authority
        yield server


def safe_lines(server, kind, host="localhost"):
    if kind == "ldaps":
        return (f"directory = ldaps://{host}:{server.tls_port}/{BASE}",)
    return f"directory = ldap://{host}:{server.port}/{BASE}", "ldap-tls = starttls"


@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_tls(base, safe, kind):
    with node(base, *safe_lines(safe, kind), f"ldap-ca-file = {safe.authority}", *login(base), PATIENT) as one:
        assert answers(one, "ann@test.example", "no@test.example") == ["continue", UNKNOWN], one.daemon.log_text()
        assert safe.count("TLS established") >= 1
        assert safe.count("SRCH") >= 1 and safe.count("BIND.* method=128") >= 1


@pytest.mark.parametrize("wrong", ["name", "signer"])
@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_a_certificate_of_somebody_else_is_none(base, signed, safe, kind, wrong):
    host = "127.0.0.1" if wrong == "name" else "localhost"
    authority = safe.authority if wrong == "name" else signed["other"][0]
    with node(base, *safe_lines(safe, kind, host), f"ldap-ca-file = {authority}", *login(base), PATIENT) as one:
        assert answers(one, *["ann@test.example"] * 3) == [UNAVAILABLE] * 3
        one.daemon.wait_for_log("directory: .*TLS: certificate of the server: ")
    assert safe.count("BIND|SRCH") == 0


def test_a_handshake_that_hangs(base, safe):
    with node(base, *safe_lines(safe, "ldaps"), f"ldap-ca-file = {safe.authority}", "ldap-timeout = 500ms") as one:
        safe.pause()
        with Asker(one) as ask:
            times = [ask.timed("ann@test.example") for _ in range(4)]
        assert {answered for answered, _ in times} == {UNAVAILABLE}
        assert max(seconds for _, seconds in times) < 1.5, times
        safe.resume()
        wait_until(lambda: answer(one, "ann@test.example") == "continue", 15, "it is found again")


# a reload

def test_a_reload_keeps_connections_and_what_is_known(base, slapd):
    with node(base, f"directory = {slapd.url}", PATIENT) as one:
        assert answer(one, "ann@test.example") == "continue"
        accepted = slapd.count(" ACCEPT ")
        assert one.daemon.reload()[0]
        assert answer(one, "bob@test.example") == "continue"
        assert slapd.count(" ACCEPT ") == accepted, "it is the connection of before"
        slapd.kill()
        text = one.daemon.config.read_text()
        assert one.daemon.reload(text.replace(PATIENT, "ldap-timeout = 4s"))[0]
        assert answers(one, "ann@test.example", "no@test.example") == ["continue", UNAVAILABLE]
        assert one.daemon.reload(text.replace(slapd.url, slapd.url + "??one"))[0]
        assert answer(one, "ann@test.example") == UNAVAILABLE, "another directory knows nobody yet"


def test_a_reload_changes_the_servers_under_mail(base, slapd):
    with Slapd(base / "second", [person("carl", mail=["carl@test.example"])]) as second:
        with node(base, f"directory = {slapd.url}", PATIENT) as one, Asker(one) as old:
            text = one.daemon.config.read_text()
            assert old("ann@test.example") == "continue"
            assert one.daemon.reload(text.replace(slapd.url, second.url))[0]
            assert answers(one, "ann@test.example", "carl@test.example") == [UNKNOWN, "continue"]
            assert [old("ann@test.example"), old("carl@test.example")] == ["continue", UNKNOWN]


# how it is configured

@pytest.mark.parametrize("lines, value", [
    (["ldap-bind-dn = cn=x"], "ldap-password-file"),
    (["ldap-tls = off", "ldap-password-file = {dir}/secret"], "ldap-bind-dn"),
    (["ldap-bind-dn = cn=x", "ldap-password-file = {dir}/missing"], "{dir}/missing"),
    (["ldap-bind-dn = cn=x", "ldap-password-file = {dir}/empty"], "{dir}/empty"),
    (["ldap-bind-dn = cn=x", "ldap-password-file = {dir}/secret"], "in the clear"),
    (["ldap-tls = starttls", "ldap-ca-file = {dir}/missing"], "{dir}/missing"),
    (["ldap-tls = maybe"], "maybe"),
    (["ldap-timeout = 1h"], "1h"),
    (["directory-cache = 1"], "directory-cache"),
], ids=lambda value: value if isinstance(value, str) else value[-1].split(" =")[0])
def test_wrong_options(base, lines, value):
    (base / "secret").write_text("opensesame\n")
    (base / "empty").write_text("\n")
    for name in ("secret", "empty"):
        (base / name).chmod(0o600)
    config = base / "wrong.conf"
    text = "\n".join(["local-domain = test.example", "directory = ldap://ldap.example/dc=test", *lines])
    config.write_text(text.replace("{dir}", str(base)) + "\n")
    done = run_once("--check", "--config", config)
    assert done.returncode == CHECK_FAILED
    assert f"{config}:" in done.stderr and value.replace("{dir}", str(base)) in done.stderr
    assert "opensesame" not in done.stderr and "1 problem in" in done.stderr, done.stderr


def test_the_example_of_the_manual_is_a_good_one(base):
    examples = {path.name: text for path, text in manual_examples().items()}
    text = examples["active-directory.conf"].replace("/etc/sluice", str(base))
    (base / "sluice.conf").write_text(text)
    secret(base)
    (base / "domain-ca.pem").write_text("")
    done = run_once("--check", "--config", base / "sluice.conf")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_libldap_the_configuration_is_refused(base):
    if has_ldap():
        pytest.skip("there is a libldap here: see the other tests")
    config = base / "sluice.conf"
    config.write_text(f"local-domain = test.example\ndirectory = ldap://localhost/{BASE}\n")
    done = run_once("--check", "--config", config)
    assert done.returncode == CHECK_FAILED
    assert "sluice.conf:2" in done.stderr and "libldap" in done.stderr
