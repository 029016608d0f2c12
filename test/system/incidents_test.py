# SPDX-License-Identifier: BSD-2-Clause
"""The incidents that sluice is there for, played again: first without it, to see the mail run away
(it is stopped after so many messages), then with it."""

import pytest

from harness import actors
from harness.incidents import alone, sluice  # noqa: F401 (fixtures)
from harness.reports import REPORTS, delivery_report
from harness.smtp import message
from harness.variants import PostfixWith
from harness.waiting import wait_until
from harness.world import Letter, World

TEAM, SUB = "team@test.example", "sub@test.example"
READER, DEAD, AWAY, OTHER_AWAY = "reader@one.example", "dead@two.example", "away@three.example", "off@four.example"
KEEPER = "keeper@test.example"


def post_from_outside(to=TEAM):
    return Letter("author@out.example", (to,), message(f"To: {to}", sender="author@out.example",
                                                       body=b"Who comes to the meeting on Thursday?\r\n"))


def copies_to(world, address):
    return len(world.taken[address])


# 1: a list and what comes back from its members

def list_with_a_dead_member(report):
    return {TEAM: actors.list_server(TEAM, [READER, DEAD], TEAM), DEAD: actors.dead_mailbox(DEAD, report)}


def require_quiet_list(world, letter=None, extra=0):
    """The post is expanded once, and no more than `extra` answers are."""
    world.send(letter or post_from_outside())
    world.run_down()
    assert 1 <= copies_to(world, READER) <= 1 + extra, [each.octets for each in world.taken[READER]]
    assert not world.ran_away()


def require_runaway(world, letter=None):
    world.send(letter or post_from_outside())
    wait_until(world.ran_away, 60, "the mail runs away")
    world.run_down()


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_reports_to_a_list_run_away_without_sluice(site, alone, name):
    with World(alone[name], site.sink, list_with_a_dead_member(delivery_report)) as world:
        require_runaway(world)
        assert copies_to(world, READER) > 10


@pytest.mark.parametrize("form", REPORTS)
def test_a_report_is_not_expanded(site, sluice, mta, form):
    actors_of_list = list_with_a_dead_member(REPORTS[form])
    with sluice(f"list = {TEAM} return-path=keep"), World(mta, site.sink, actors_of_list) as world:
        require_quiet_list(world)
        assert world.refusals() == ["550 5.7.1 List does not take reports"]


@pytest.mark.parametrize("form", REPORTS)
def test_a_report_that_has_a_sender_is_not_expanded(site, sluice, mta, form):
    def answer(delivery):
        return [Letter("postmaster@two.example", (TEAM,), REPORTS[form](TEAM, DEAD, original=delivery.octets))]
    actors_of_list = {TEAM: actors.list_server(TEAM, [READER, DEAD], TEAM), DEAD: answer}
    with sluice(f"list = {TEAM} return-path=keep"), World(mta, site.sink, actors_of_list) as world:
        require_quiet_list(world)
        assert world.refusals() == [], "it is taken, and goes nowhere"


@pytest.mark.parametrize("form", REPORTS)
def test_a_report_to_the_signed_return_path_finds_the_keeper(site, sluice, mta, form):
    """The list server sends the copies with the return path that sluice has given to the post."""
    actors_of_list = {TEAM: actors.list_server(TEAM, [READER, DEAD]), DEAD: actors.dead_mailbox(DEAD, REPORTS[form])}
    with sluice(f"list = {TEAM} bounces-to={KEEPER}"), World(mta, site.sink, actors_of_list) as world:
        require_quiet_list(world)
        assert world.taken[READER][0].sender.startswith("team-bounces+abc-")
        assert copies_to(world, KEEPER) == 1 and not world.refusals()


def absent_members(marked, *names, itself_too=False):
    """Members who answer to the list."""
    absent = {name: actors.away_and_answers_all(name, TEAM, marked, itself_too) for name in names}
    return {TEAM: actors.list_server(TEAM, [READER, *names], TEAM), **absent}


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_absent_members_run_away_without_sluice(site, alone, name):
    with World(alone[name], site.sink, absent_members(True, AWAY, OTHER_AWAY)) as world:
        require_runaway(world)


def test_absent_members_who_say_so_are_never_expanded(site, sluice, mta):
    members = absent_members(True, AWAY, OTHER_AWAY, itself_too=True)
    with sluice(f"list = {TEAM} return-path=keep"), World(mta, site.sink, members) as world:
        require_quiet_list(world)


def test_an_absent_member_who_does_not_say_so_is_expanded_once(site, sluice, mta):
    with sluice(f"list = {TEAM} return-path=keep"), World(mta, site.sink, absent_members(False, AWAY)) as world:
        require_quiet_list(world, extra=1)


@pytest.mark.parametrize("names, itself_too", [((AWAY,), True), ((AWAY, OTHER_AWAY), False),
                                               ((AWAY, OTHER_AWAY, "ill@five.example"), False)],
                         ids=["answers-itself", "two-answer-each-other", "three-answer-each-other"])
def test_absent_members_who_do_not_say_so_are_expanded_once_each(site, sluice, mta, names, itself_too):
    members = absent_members(False, *names, itself_too=itself_too)
    with sluice(f"list = {TEAM} return-path=keep", "loop-action = discard"), World(mta, site.sink, members) as world:
        require_quiet_list(world, extra=len(names))


def nested_lists():
    """Each a member of the other, both with a dead member."""
    return {TEAM: actors.list_server(TEAM, [READER, DEAD, SUB], TEAM),
            SUB: actors.list_server(SUB, [OTHER_AWAY, DEAD, TEAM], SUB),
            DEAD: actors.dead_mailbox(DEAD, delivery_report)}


def test_nested_lists_run_away_without_sluice(site, alone):
    with World(alone["postfix"], site.sink, nested_lists()) as world:
        require_runaway(world)


def test_nested_lists_do_not_run_away(site, sluice, mta):
    lists = (f"list = {TEAM} return-path=keep", f"list = {SUB} return-path=keep")
    with sluice(*lists, "loop-action = discard"), World(mta, site.sink, nested_lists()) as world:
        require_quiet_list(world)
        assert copies_to(world, OTHER_AWAY) == 1


@pytest.fixture
def bouncing_postfix(site):
    """A Postfix that shows sluice the reports which it makes itself."""
    server = PostfixWith(site.directory("bouncing"), site.socket, site.sink.port,
                         "internal_mail_filter_classes = bounce",
                         f"non_smtpd_milters = unix:{site.socket}")
    yield server
    server.stop()


def refusing_member():
    return {TEAM: actors.list_server(TEAM, [READER, DEAD], TEAM)}


def test_reports_of_postfix_itself_run_away_without_sluice(site, alone):
    with World(alone["postfix"], site.sink, refusing_member(), absent=[DEAD]) as world:
        require_runaway(world)


@pytest.mark.parametrize("to", ["", f" bounces-to={KEEPER}"], ids=["nowhere", "to-the-keeper"])
def test_a_report_of_postfix_itself_is_not_expanded(site, sluice, bouncing_postfix, to):
    line = f"list = {TEAM} return-path=keep{to}"
    with sluice(line), World(bouncing_postfix, site.sink, refusing_member(), absent=[DEAD]) as world:
        require_quiet_list(world)
        assert copies_to(world, KEEPER) == (1 if to else 0)
        assert bouncing_postfix.queue() == []


def test_the_members_of_an_alias_get_the_signed_return_path(site, sluice):
    aliases = f"inline:{{ {{ {TEAM} = {READER}, {DEAD} }} }}"
    server = PostfixWith(site.base / "aliased", site.socket, site.sink.port, f"virtual_alias_maps = {aliases}")
    try:
        with sluice(f"list = {TEAM} bounces-to={KEEPER}"), \
                World(server, site.sink, {DEAD: actors.dead_mailbox(DEAD, delivery_report)}) as world:
            require_quiet_list(world)
            assert world.taken[READER][0].sender.startswith("team-bounces+abc-")
            assert copies_to(world, KEEPER) == 1
    finally:
        server.stop()


# 5: two systems share a domain

SHARED, PEER = "nobody@shared.example", 77


def shared_domain():
    return {SHARED: actors.forwarding_system("shared.example", PEER)}


def test_a_shared_domain_turns_mail_in_circles_without_sluice(site, alone):
    with World(alone["postfix"], site.sink, shared_domain()) as world:
        require_runaway(world, post_from_outside(SHARED))


def test_a_known_peer_gets_nothing_back(site, sluice):
    peer = f"peer = other net=192.0.2.{PEER},127.0.0.1 domain=shared.example"
    letter = post_from_outside(SHARED)
    with sluice(peer), World(site.postfix, site.sink, shared_domain()) as world:
        world.send(Letter(letter.sender, letter.recipients, letter.octets, client=PEER))
        world.run_down()
        assert copies_to(world, SHARED) == 0
        assert [line[:9] for line in world.refusals()] == ["554 5.4.6"]


def test_an_unknown_peer_gets_mail_twice_at_most(site, sluice, mta):
    with sluice("loop-action = reject"), World(mta, site.sink, shared_domain()) as world:
        world.send(post_from_outside(SHARED))
        world.run_down()
        assert 1 <= copies_to(world, SHARED) <= 2
        assert world.refusals() == ["554 5.4.6 Mail loop detected"]
