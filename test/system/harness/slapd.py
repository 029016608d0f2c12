# SPDX-License-Identifier: BSD-2-Clause
"""An LDAP server of our own, OpenLDAP's slapd, with a schema like that of Active Directory: each
mailbox has its addresses in proxyAddresses, with "SMTP:" in front of the first and "smtp:" of the
others. It is unpacked and not installed."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from .packages import unpack
from .process import free_port, make_directory, program, run
from .waiting import wait_until

READY_SECONDS = 20
BASE = "dc=test,dc=example"
ADMIN = f"cn=admin,{BASE}"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
PASSWORD = "correct horse # battery"

SCHEMA = """\
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'
  EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.2.840.113556.1.3.46 NAME 'mailRecipient' SUP top AUXILIARY MAY proxyAddresses )
"""

CONFIGURATION = """\
include {root}/etc/ldap/schema/core.schema
include {root}/etc/ldap/schema/cosine.schema
include {root}/etc/ldap/schema/inetorgperson.schema
include {base}/test.schema
modulepath {root}/usr/lib/ldap
moduleload back_mdb.so
pidfile {base}/slapd.pid
{settings}
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw "{password}"
directory {base}/data
maxsize 33554432
dbnosync
{access}
"""

TOP = f"""\
dn: {BASE}
objectClass: domain
dc: test
"""


@functools.cache
def programs():
    """The root directory of an unpacked slapd, for the whole run."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="sluice-slapd-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return unpack(place, ("slapd",))


def person(name, mail=(), proxy=()):
    """An entry of the directory, as LDIF."""
    lines = [f"dn: cn={name},{BASE}", "objectClass: inetOrgPerson", "objectClass: mailRecipient", f"cn: {name}",
             f"sn: {name}", *(f"mail: {each}" for each in mail), *(f"proxyAddresses: {each}" for each in proxy)]
    return "\n".join(lines) + "\n"


def reference(name, url):
    """A part of the directory that is at another server."""
    return (f"dn: dc={name},{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\ndc: {name}\n"
            f"ref: {url}\n")


class Slapd:
    """One process. `entries` are those of person() and reference(); `certificate` and `key` give it
    TLS; `open_to_all` lets everybody read."""

    def __init__(self, base, entries, certificate=None, key=None, open_to_all=True, settings=""):
        self.base = make_directory(base)
        self.port, self.tls_port = free_port(), free_port()
        self._tls = certificate is not None
        self._process = None
        self.root = programs()
        tls = f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n" if self._tls else ""
        (self.base / "test.schema").write_text(SCHEMA)
        (self.base / "slapd.conf").write_text(CONFIGURATION.format(
            root=self.root, base=self.base, suffix=BASE, admin=ADMIN, password=PASSWORD, settings=tls + settings,
            access="access to * by * read" if open_to_all else "access to * by anonymous auth"))
        self.fill(entries)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"ldap://127.0.0.1:{self.port}/{BASE}"

    def fill(self, entries):
        """Has these entries and no others; the process must not run."""
        shutil.rmtree(self.base / "data", ignore_errors=True)
        make_directory(self.base / "data", 0o700)
        (self.base / "entries.ldif").write_text("\n".join([TOP, *entries]))
        self._run("-T", "add", "-q", "-f", self.base / "slapd.conf", "-l", self.base / "entries.ldif")

    def _environment(self):
        library = next(self.root.glob("usr/lib/*/libslapi*")).parent
        return {**os.environ, "LD_LIBRARY_PATH": str(library)}

    def _command(self, *words):
        return [self.root / "usr" / "sbin" / "slapd", *words]

    def _run(self, *words):
        done = subprocess.run(self._command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, env=self._environment())
        assert done.returncode == 0, done

    def start(self):
        urls = f"ldap://127.0.0.1:{self.port}" + (f" ldaps://127.0.0.1:{self.tls_port}" if self._tls else "")
        with open(self.base / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._command("-f", self.base / "slapd.conf", "-h", urls, "-d", "stats"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment())
        wait_until(self._is_ready, READY_SECONDS, lambda: f"slapd listens:\n{self.log_tail()}")
        return self

    def _is_ready(self):
        assert self._process.poll() is None, f"slapd ended:\n{self.log_tail()}"
        try:
            for port in (self.port, self.tls_port) if self._tls else (self.port,):
                socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        except OSError:
            return False

    def kill(self):
        """Ends the process at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self):
        """The process stands still from now on; the kernel goes on to take what is sent to it."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self):
        os.kill(self._process.pid, signal.SIGCONT)

    def count(self, pattern):
        """How many lines of its log have this regular expression."""
        return sum(re.search(pattern, line) is not None for line in self.log_text().splitlines())

    def log_text(self):
        path = self.base / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])


def certificates(base, name, subject_alternative):
    """An authority, and a certificate of a server that it has signed: the paths of the authority's
    certificate, of the server's, and of its key."""
    openssl = program("openssl")
    authority, authority_key = base / f"{name}-ca.pem", base / f"{name}-ca.key"
    request, certificate, key = (base / f"{name}.{kind}" for kind in ("csr", "pem", "key"))
    extension = base / f"{name}.ext"
    extension.write_text(f"subjectAltName={subject_alternative}\n")
    run(openssl, "req", "-x509", *KEY, "-nodes", "-days", "2", "-subj", f"/CN={name} authority",
        "-keyout", authority_key, "-out", authority)
    run(openssl, "req", *KEY, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    run(openssl, "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
        "-days", "2", "-extfile", extension, "-out", certificate)
    return authority, certificate, key
