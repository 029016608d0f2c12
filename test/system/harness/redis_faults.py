# SPDX-License-Identifier: BSD-2-Clause
"""What can happen to Redis, and how it ends: functions of a scene, which has a server `redis` and a `proxy`
before it, and users like SLUICE_USER."""

import contextlib
import dataclasses

from . import proxy as spoil
from .redis import RedisError
from .waiting import wait_until

SLUICE_USER = "user sluice on >secret ~sluice:* +@all"
FILLER = "for i = 1, 5000 do redis.call('SET', 'filler:' .. i, string.rep('x', 1000)) end"


def kill(scene):
    scene.redis.kill()


def start(scene):
    scene.redis.start()


def restart(scene):
    scene.redis.restart()


def nothing(_):
    pass


def pause(scene):
    scene.redis.pause()


def resume(scene):
    scene.redis.resume()


def admin(*words):
    return lambda scene: scene.redis.call(*words)


def change_the_password(scene):
    scene.redis.call("ACL", "SETUSER", "sluice", "resetpass", ">other")
    scene.redis.call("CLIENT", "KILL", "USER", "sluice")


def have_a_snapshot_fail(scene):
    """Redis refuses to write then (MISCONF)."""
    with contextlib.suppress(FileExistsError):
        (scene.redis.base / "dump.rdb").mkdir()
    scene.redis.call("CONFIG", "SET", "save", "3600 1")
    scene.redis.call("BGSAVE")
    wait_until(lambda: scene.redis.info("persistence", "rdb_last_bgsave_status") == "err", 10, "the snapshot fails")


def load_slowly(scene):
    """A start with much data (LOADING)."""
    scene.redis.call("EVAL", FILLER, 0)
    scene.redis.call("SAVE")
    scene.redis.kill()
    scene.redis.launch("rdbcompression no", "key-load-delay 5000", "loading-process-events-interval-bytes 1024")
    wait_until(lambda: is_loading(scene.redis), 10, "Redis loads its data")


def is_loading(server):
    try:
        server.call("PING")
    except RedisError as error:
        return str(error).startswith("LOADING")
    except OSError:
        pass
    return False


def load_fast(scene):
    scene.redis.call("CONFIG", "SET", "key-load-delay", 0)
    wait_until(scene.redis.is_ready, 10, "Redis has its data")


def answers(answer):
    return lambda scene: scene.proxy.spoil(answer)


def restore(scene):
    scene.proxy.restore()


def be_older(scene):
    """Before 7.0, what NX and GET mean together is an error of syntax."""
    scene.proxy.change(lambda octets: octets.replace(b"NX\r\n$3\r\nGET\r\n", b"NX\r\n$3\r\nGOT\r\n")
                       .replace(b"'NX', 'GET'", b"'NX', 'GOT'"))


@dataclasses.dataclass(frozen=True)
class Fault:
    begin: object
    end: object
    lasts: bool = True  # long enough for the breaker to open


def spoilt(answer, lasts=True):
    return Fault(answers(answer), restore, lasts)


FAULTS = {
    "killed": Fault(kill, start),
    "refused": Fault(lambda scene: scene.proxy.close(), lambda scene: scene.proxy.listen()),
    "restarted": Fault(restart, nothing, lasts=False),
    "paused": Fault(pause, resume),
    "wrong password": Fault(change_the_password, admin("ACL", "SETUSER", "sluice", "resetpass", ">secret")),
    "no permission": Fault(admin("ACL", "SETUSER", "sluice", "-@all"), admin("ACL", "SETUSER", "sluice", "+@all")),
    "no permission for the keys": Fault(admin("ACL", "SETUSER", "sluice", "resetkeys", "~other:*"),
                                        admin("ACL", "SETUSER", "sluice", "resetkeys", "~sluice:*")),
    "read-only replica": Fault(admin("REPLICAOF", "127.0.0.1", 1), admin("REPLICAOF", "NO", "ONE")),
    "memory full": Fault(admin("CONFIG", "SET", "maxmemory", 1), admin("CONFIG", "SET", "maxmemory", 0)),
    "no snapshots": Fault(have_a_snapshot_fail, admin("CONFIG", "SET", "save", "")),
    "loading": Fault(load_slowly, load_fast),
    "older than 7.0": Fault(be_older, restore),
    "in pieces": spoilt(spoil.one_by_one(0), lasts=False),
    "octet by octet": spoilt(spoil.one_by_one(0.005)),
    "late": spoilt(spoil.late(0.1)),
    "reset": spoilt(spoil.reset),
    "half-open": spoilt(spoil.silence),
    "unreachable": Fault(lambda scene: scene.proxy.vanish(), lambda scene: scene.proxy.come_back()),
    "noise": spoilt(spoil.instead(bytes(range(256)))),
    "a web server": spoilt(spoil.instead(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "another type": spoilt(spoil.instead(b"+OK\r\n")),
    "many of another type": spoilt(spoil.instead(b"+OK\r\n" * 5)),
    "a strange error": spoilt(spoil.instead(b"-WHAT %s%n \x1b[31m\r\n")),
    "a huge array": spoilt(spoil.instead(b"*100000000\r\n")),
    "arrays in arrays": spoilt(spoil.instead(b"*1\r\n" * 5000)),
}

# In these the server says what is wrong; in the others it is a proxy, or nobody.
OF_THE_SERVER = ("wrong password", "no permission", "no permission for the keys", "read-only replica", "memory full",
                 "no snapshots", "loading")
