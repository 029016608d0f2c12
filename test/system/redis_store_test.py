# SPDX-License-Identifier: BSD-2-Clause
"""What the nodes of a site know together through Redis, against nodes that know it each for itself."""

import contextlib
import pathlib
import re

import pytest

from harness.conversations import LISTS, NEWS, TEAM, conversation, post_and_its_return, report_a_failed_member
from harness.nodes import CLIENT, Mail, Node, Nodes, Session, base  # noqa: F401 (fixture)
from harness.redis import RedisServer
from harness.sink import Sink
from harness.waiting import wait_until

ADMIN = "admin@test.example"
PATIENT = "redis-timeout = 500ms"  # on a busy machine: here Redis is always there
SECONDS_UNTIL_ALL_KNOW = 3  # a second, and what a busy machine takes more

on_each_redis = pytest.mark.usefixtures("each_redis")


@pytest.fixture
def redis(base):
    with RedisServer(base / "redis") as server:
        yield server


@pytest.fixture
def nodes(base, redis):
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, *LISTS) as nodes:
        yield nodes


# what they know together

@on_each_redis
def test_a_copy_is_known_to_all(nodes):
    assert nodes.share()


def test_in_memory_a_copy_is_known_to_one(base):
    with Nodes(base, "store = memory") as nodes:
        mail = Mail()
        assert [nodes[0].send(mail).kind for _ in range(2)] == ["continue", "discard"]
        assert not nodes.share()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_chain_ends_at_the_fourth_message(base, redis, count):
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, count=count) as nodes:
        assert conversation(nodes) == ["continue"] * 3 + ["discard"] * 5


def test_in_memory_a_chain_over_four_nodes_goes_on(base):
    with Nodes(base, "store = memory", count=4) as nodes:
        assert conversation(nodes).count("continue") > 3


def labels(node, book="loops"):
    return [entry["label"] for entry in node.listed("loops")[book]]


@on_each_redis
def test_a_loop_is_listed_and_forgotten_on_all_nodes(nodes):
    post, again = post_and_its_return()
    assert nodes[0].send(post).kind == "continue"
    assert nodes[1].send(again).kind == "discard"
    expected = [f"<author@out.example> to <{TEAM}> from {CLIENT}"]
    assert labels(nodes[0]) == labels(nodes[1]) == expected
    nodes[0].ctl("loops", "clear", nodes[0].listed("loops")["loops"][0]["id"])
    assert labels(nodes[0]) == labels(nodes[1]) == []


def test_who_loops_is_put_off_by_all_nodes(base, redis):
    """Three loops of one client, on different nodes."""
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, *LISTS, "loop-block = client") as nodes:
        for number in range(3):
            post, again = post_and_its_return(f"author{number}@out.example")
            assert nodes[number % 2].send(post).kind == "continue"
            assert nodes[number % 2].send(again).kind == "discard"
        for node in nodes:
            wait_until(lambda node=node: node.send(Mail()).line == "450 4.7.1 Mail goes in a loop, put off for a while",
                       SECONDS_UNTIL_ALL_KNOW, "the client is put off")
            assert node.send(Mail(), address="192.0.3.7").kind == "continue", "another client"
            assert len(labels(node, "blocks")) == 1
        nodes[1].ctl("loops", "clear", "--all")
        for node in nodes:
            wait_until(lambda node=node: node.send(Mail()).kind == "continue", SECONDS_UNTIL_ALL_KNOW,
                       "the client is served again")


@pytest.mark.parametrize("shared, expected", [(True, 1), (False, 2)], ids=["redis", "memory"])
def test_one_notice_for_the_site(base, redis, shared, expected):
    """Notices of a node go out in their order: when that of the second loop is there, all are."""
    store = (f"store = redis://{redis.address}/0", PATIENT) if shared else ("store = memory",)
    with contextlib.ExitStack() as stack:
        sink = Sink()
        stack.callback(sink.stop)
        nodes = stack.enter_context(Nodes(base, *store, *LISTS, "duplicates = off", f"notify = {ADMIN}",
                                          f"notify-relay = 127.0.0.1:{sink.port}"))
        for sender, some in (("one@out.example", nodes), ("two@out.example", [nodes[1]])):
            post, again = post_and_its_return(sender)
            for node in some:
                assert [node.send(each).kind for each in (post, again)] == ["continue", "discard"]
        sink.wait_for(b"two@out.example")
        assert len(sink.deliveries(b"one@out.example")) == expected


@on_each_redis
def test_failed_members_are_counted_for_the_site(nodes):
    report_a_failed_member(nodes)
    for node in nodes:
        member, = node.listed("bounces")
        assert (member["label"], member["count"]) == (f"{NEWS} dead@out.example", 2)


@on_each_redis
def test_scripts_that_redis_forgets_are_sent_again(nodes, redis):
    for _ in range(3):
        redis.call("SCRIPT", "FLUSH")
        assert nodes.share()


# how it is configured

@on_each_redis
@pytest.mark.parametrize("password, user", [("secret", ""), ("secret", "sluice ")], ids=["password", "user"])
def test_a_password_from_a_file(base, password, user):
    path = base / "password"
    path.write_text(f"{user}{password}\n")
    path.chmod(0o600)
    options = [f"user sluice on >{password} ~sluice:* +@all"] if user else []
    with RedisServer(base / "closed", *options, password="admin" if user else password) as redis, \
            Nodes(base, f"store = redis://{redis.address}/0", PATIENT, f"redis-password-file = {path}") as nodes:
        assert nodes.share()


@on_each_redis
def test_a_socket_a_prefix_and_a_database(base, redis):
    stores = [(f"store = redis+unix://{redis.socket}", "redis-prefix = one:"),
              (f"store = redis://{redis.address}/0", "redis-prefix = two:"),
              (f"store = redis://{redis.address}/5", "redis-prefix = one:")]
    mail = Mail()
    for number, lines in enumerate(stores):
        with Nodes(base / str(number), *lines, PATIENT) as nodes:
            assert nodes[0].send(mail).kind == "continue", "it sees nothing of the others"
            assert nodes[1].send(mail).kind == "discard"
    assert {key.split(b":")[0] for key in redis.keys()} == {b"one", b"two"}


def test_status(nodes, redis):
    expected = {"kind": "redis", "available": True, "nodes": [{"address": redis.address, "available": True}]}
    status = nodes[0].listed("status")["store"]
    assert {name: status[name] for name in expected} == expected
    assert re.search("^store redis://.*, available$", nodes[0].ctl("status"), re.MULTILINE)


def test_the_passwords_stay_secret(base, redis):
    path = base / "password"
    path.write_text("very-secret\n")
    path.chmod(0o600)
    node = Node(base / "node", f"store = redis://{redis.address}/0", f"redis-password-file = {path}", "log = stderr",
                "log-level = debug", "local-domain = test.example")
    try:
        node.daemon.start()
        for _ in range(3):
            assert node.send(Mail()).kind == "continue"
        wait_until(lambda: not node.listed("status")["store"]["available"], 10, "the password is found wrong")
        node.daemon.stop()
        assert "very-secret" not in node.daemon.log_text()
    finally:
        node.daemon.kill()


# what an operator adds

def at_mail(node, address):
    """The answer to MAIL."""
    with Session(node, address) as session:
        return session.send(Mail()).kind


def is_shut_out(node, address):
    return at_mail(node, address) == "replycode"


@on_each_redis
def test_a_network_is_shut_out_of_all_nodes(nodes):
    assert not is_shut_out(nodes[1], "203.0.113.9")
    nodes[0].ctl("deny", "add", "203.0.113.0/24", "--for", "2h", "--note", "floods us")
    assert is_shut_out(nodes[0], "203.0.113.9")
    wait_until(lambda: is_shut_out(nodes[1], "203.0.113.9"), SECONDS_UNTIL_ALL_KNOW, "the other node knows")
    assert not is_shut_out(nodes[1], "198.51.100.9")
    [entry] = nodes[1].listed("deny", "list")
    assert entry["label"] == '203.0.113.0/24 note="floods us"' and 7100 < entry["remaining_seconds"] <= 7200
    nodes[1].ctl("allow", "add", "203.0.113.9")
    assert not is_shut_out(nodes[1], "203.0.113.9")
    wait_until(lambda: not is_shut_out(nodes[0], "203.0.113.9"), SECONDS_UNTIL_ALL_KNOW, "the other node knows")
    nodes[1].ctl("deny", "del", "203.0.113.0/24")
    wait_until(lambda: not is_shut_out(nodes[0], "203.0.113.10"), SECONDS_UNTIL_ALL_KNOW, "the other node knows")
    assert nodes[0].listed("deny", "list") == []


def test_what_was_added_stays_while_redis_is_away(nodes, redis):
    nodes[0].ctl("deny", "add", "203.0.113.0/24")
    wait_until(lambda: is_shut_out(nodes[1], "203.0.113.9"), SECONDS_UNTIL_ALL_KNOW, "the other node knows")
    redis.kill()
    wait_until(lambda: not nodes[1].listed("status")["store"]["available"], 10, "Redis is missed")
    assert is_shut_out(nodes[1], "203.0.113.9") and is_shut_out(nodes[0], "203.0.113.9")


def test_it_ends_by_itself(nodes):
    nodes[0].ctl("deny", "add", "203.0.113.0/24", "--for", "2s")
    assert is_shut_out(nodes[0], "203.0.113.9")
    wait_until(lambda: not is_shut_out(nodes[0], "203.0.113.9"), 10, "it is over")


def test_in_memory_it_is_for_one_node(base):
    with Nodes(base, "store = memory") as nodes:
        nodes[0].ctl("deny", "add", "2001:db8:7::/48")
        assert is_shut_out(nodes[0], "2001:db8:7::9") and nodes[1].listed("deny", "list") == []


@on_each_redis
def test_the_user_of_the_manual_may_do_all(base):
    """The ACL line of sluice-milter.conf(5), as it stands there."""
    page = (pathlib.Path(__file__).parents[2] / "man" / "sluice-milter.conf.5").read_text()
    words = re.search(r"^user (sluice on .*?)^\.Ed", page, re.DOTALL | re.MULTILINE).group(1).split()
    with RedisServer(base / "redis") as redis:
        redis.call("ACL", "SETUSER", *[">secret" if word == ">PASSWORD" else word for word in words])
        redis.call("ACL", "SETUSER", "default", "nopass", "+@all", "~*")
        password = base / "password"
        password.write_text("sluice secret\n")
        password.chmod(0o600)
        with Nodes(base, f"store = redis://{redis.address}/2", PATIENT, f"redis-password-file = {password}",
                   *LISTS) as nodes:
            assert nodes.share()
            nodes[0].ctl("deny", "add", "203.0.113.0/24")
            for command in ("loops", "bounces"):
                assert nodes[0].ctl(command, "clear", "--all") == "0 cleared\n"
            nodes[0].ctl("deny", "del", "203.0.113.0/24")
            assert nodes[0].listed("status")["store"]["available"]


# a directory of recipients

def at_recipient(node, address):
    return node.send(Mail(recipient=address))


@on_each_redis
def test_recipients_of_a_set(base, redis):
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, "directory = redis:recipients") as nodes:
        user = "user@test.example"
        assert at_recipient(nodes[0], user).code == 451  # no set at all: nobody knows
        redis.call("SADD", "recipients", "other@test.example")
        assert at_recipient(nodes[0], user).code == 550
        redis.call("SADD", "recipients", user)
        assert [at_recipient(node, user).kind for node in nodes] == ["continue"] * 2
        assert at_recipient(nodes[0], "User+tag@Test.Example").kind == "continue"
        redis.call("SREM", "recipients", user)
        assert at_recipient(nodes[1], user).code == 550
        redis.call("SADD", "recipients", user)
        assert at_recipient(nodes[0], user).kind == "continue"
        redis.call("DEL", "recipients")
        assert at_recipient(nodes[0], user).kind == "continue"  # it was there a moment ago
        redis.kill()
        assert at_recipient(nodes[0], user).kind == "continue"
        assert at_recipient(nodes[0], "somebody@test.example").code == 451


def test_a_key_that_is_no_set_hurts_nothing_else(base, redis):
    redis.call("SET", "recipients", "user@test.example")
    with Nodes(base, f"store = redis://{redis.address}/0", PATIENT, "directory = redis:recipients") as nodes:
        for _ in range(5):
            assert at_recipient(nodes[0], "user@test.example").code == 451
        assert nodes[0].listed("status")["store"]["available"]
