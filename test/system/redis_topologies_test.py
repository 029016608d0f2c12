# SPDX-License-Identifier: BSD-2-Clause
"""Redis that is more than one server: sentinels that watch a master, and a cluster whose slots move."""

import pytest

from harness.nodes import Load, Mail, Nodes, Session, base, record  # noqa: F401 (fixtures)
from harness.redis import RedisServer
from harness.redis_sets import MASTER_NAME, RedisCluster, WatchedRedis
from harness.waiting import wait_until

SECONDS_UNTIL_SHARED = 5
SECONDS_UNTIL_PROMOTED = 20
PATIENT = "redis-timeout = 200ms"  # what a busy machine takes for a round trip is not what is tested

on_each_redis = pytest.mark.usefixtures("each_redis")


@pytest.fixture
def watched(base):
    with WatchedRedis(base) as redis:
        yield redis


@pytest.fixture
def cluster(base):
    with RedisCluster(base) as redis:
        yield redis


def known_to_last(nodes, mails):
    """How many of these messages, which other nodes took, the last one takes for copies."""
    with Session(nodes[-1]) as session:
        return sum(session.send(mail).kind == "discard" for mail in mails)


# sentinels

def test_nodes_find_the_master(base, watched):
    """The first sentinel is missing, too."""
    watched.sentinels[0].kill()
    with Nodes(base, f"store = {watched.url}", PATIENT) as nodes:
        nodes.wait_until_they_share()
        status = nodes[0].listed("status")["store"]
        assert status["available"]
        assert status["nodes"] == [{"address": watched.first.address, "available": True}]


@on_each_redis
@pytest.mark.parametrize("end, begin", [(RedisServer.kill, RedisServer.start), (RedisServer.pause, RedisServer.resume)],
                         ids=["killed", "paused"])
def test_the_master_is_away_under_load(base, watched, record, end, begin):
    with Nodes(base, f"store = {watched.url}") as nodes:
        nodes.wait_until_they_share()
        with Load(nodes) as load:
            load.wait_for_more()
            end(watched.first)
            wait_until(watched.promoted, SECONDS_UNTIL_PROMOTED, "the replica is promoted")
            record("shared_again_after_s", nodes.wait_until_they_share(SECONDS_UNTIL_SHARED))
            begin(watched.first)  # it thinks that it is the master until the sentinels tell it
            load.wait_for_more()
            assert nodes.share(), "nobody asks the old one"
        load.require_all_taken()
        record("longest_ms", 1000 * load.longest())


def test_the_master_becomes_a_replica_under_load(base, watched):
    """It goes on to answer, with READONLY."""
    with Nodes(base, f"store = {watched.url}", PATIENT) as nodes:
        nodes.wait_until_they_share()
        known = [Mail() for _ in range(10)]
        assert {nodes[0].send(mail).kind for mail in known} == {"continue"}
        with Load(nodes) as load:
            watched.sentinels[0].call("SENTINEL", "FAILOVER", MASTER_NAME)
            wait_until(watched.promoted, SECONDS_UNTIL_PROMOTED, "the replica is promoted")
            nodes.wait_until_they_share(SECONDS_UNTIL_SHARED)
            load.wait_for_more()
        load.require_all_taken()
        assert known_to_last(nodes, known) == len(known), "the replica had all of it"


# a cluster

def test_keys_are_spread_over_the_cluster(base, cluster):
    with Nodes(base, f"store = {cluster.url}", PATIENT) as nodes:
        nodes.wait_until_they_share()
        with Load(nodes) as load:
            load.wait_for_more(200)
        load.require_all_taken()
        assert all(len(server.keys()) > 50 for server in cluster.servers)
        store = nodes[0].listed("status")["store"]
        assert store["available"]
        assert sorted(each["address"] for each in store["nodes"]) == sorted(each.address for each in cluster.servers)


def test_one_node_of_the_cluster_is_enough_to_find_it(base, cluster):
    with Nodes(base, f"store = redis-cluster://127.0.0.1:1,{cluster.servers[2].address}", PATIENT) as nodes:
        nodes.wait_until_they_share()


@on_each_redis
def test_slots_move_under_load(base, cluster):
    """While they move, the first server says ASK for what is new, then MOVED."""
    with Nodes(base, f"store = {cluster.url}", PATIENT) as nodes:
        nodes.wait_until_they_share()
        with Load([nodes[0]]) as load:
            load.wait_for_more(100)
            cluster.begin_move()
            load.wait_for_more(100)
            cluster.finish_move()
            load.wait_for_more(100)
        load.require_all_taken()
        mails = [mail for _, _, mail in load.answers]
        assert known_to_last(nodes, mails) == len(mails), "nothing is forgotten"
        for node in nodes:
            log = node.daemon.log_text()
            assert "CROSSSLOT" not in log and "unavailable" not in log, log


def test_scripts_that_the_new_owner_of_a_slot_does_not_know(base, cluster):
    """It says NOSCRIPT to what it was asked because of an ASK."""
    with Nodes(base, f"store = {cluster.url}", PATIENT) as nodes:
        nodes.wait_until_they_share()
        before = [Mail() for _ in range(20)]
        assert {nodes[0].send(mail).kind for mail in before} == {"continue"}
        cluster.begin_move()
        for _ in range(30):
            cluster.servers[1].call("SCRIPT", "FLUSH")
            assert nodes.share()
        assert known_to_last(nodes, before) == len(before), "what was there before is asked for there"


def test_a_server_of_the_cluster_is_away_for_a_while(base, cluster):
    """It has no replica: the others say CLUSTERDOWN."""
    with Nodes(base, f"store = {cluster.url}") as nodes:
        nodes.wait_until_they_share()
        with Load(nodes) as load:
            load.wait_for_more()
            cluster.servers[2].kill()
            wait_until(lambda: cluster.servers[0].info("cluster", "cluster_state") == "fail", 20, "the others notice")
            load.wait_for_more()
            cluster.servers[2].start()
            cluster.wait_until_whole()
            nodes.wait_until_they_share(SECONDS_UNTIL_SHARED)
        load.require_all_taken()
