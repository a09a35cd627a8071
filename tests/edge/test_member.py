"""The life of a node that is known by its certificate, in virtual time: first day, renewal, drawers, new roots."""

from __future__ import annotations

import errno
from dataclasses import replace
from random import Random

import pytest

from edge.effects import Committed, Connect, Ready, Tick
from edge.events import Connected, Lost
from edge.identity import KEY, NEXT, OWN, TRUST, Identity
from edge.office import OfficeError
from edge.uplink import Uplink
from edge.wire.clocks import ClockQuality
from edge.wire.enrolment import Why
from edge.wire.messages import State
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from tests.edge.clerk import DRAWER_MS, YEAR_MS
from tests.edge.member import Member
from tests.edge.pole import events
from tests.edge.signing import DAY_MS, Office


def arrived(member: Member) -> int:
    """All that was sampled is with the office; how many."""
    for _ in range(2):
        member.clock.advance(2)
        member.settle()
    assert member.office.readings() == member.sampled > 0
    return member.sampled


def settle_in(member: Member) -> Member:
    member.live(20)
    assert member.connected()
    return member


def test_the_first_day() -> None:
    member = settle_in(Member())
    arrived(member)
    assert member.spot.card.token == "" and member.errand.asked == 1
    assert member.keys.names() == ["certificate.pem", "client-id", "key.pem", "trust.pem"]
    assert member.named() == ["enrolled"]
    assert member.check().state is State.GOOD and "good until 2027-01-01" in member.check().reason
    assert member.check("session").state is State.GOOD


def test_before_there_is_a_certificate_the_node_samples_and_journals_and_waits_for_nobody() -> None:
    member = Member(waits=True)
    member.live(400)
    assert member.office.readings() == 0 and member.errand.asked == 1
    assert "no certificate yet" in member.check("session").reason
    assert member.check().state is State.UNKNOWN
    member.errand.answer()
    member.settle()
    assert member.connected(), "at once, however long the uplink would have waited"
    member.live(20)
    arrived(member)


def test_a_desk_that_is_away_is_asked_until_it_is_back() -> None:
    member = Member(away=True)
    member.pass_days(1, 300)
    assert 90 < member.errand.asked < 300
    assert member.check().state is State.UNKNOWN and "The desk is away" in member.check().reason
    member.clerk.away = False
    member.pass_days(0.1, 60)
    assert member.connected()
    arrived(member)


def test_a_node_that_wakes_up_in_1970_learns_the_time_and_enrols() -> None:
    clock = VirtualClock(now_us=50_000_000, start_wall_ms=0, believed=ClockQuality.UNKNOWN)
    member = Member(clock, away=True)
    member.clerk.now_ms, member.clerk.away = BUILT_MS + 300 * DAY_MS, False
    settle_in(member)
    assert member.clerk.times
    assert member.agent.node.timekeeper.floor.at(clock.boot_ms()) >= BUILT_MS + 299 * DAY_MS
    arrived(member)


def test_it_is_renewed_at_two_thirds_and_no_reading_is_lost() -> None:
    member = settle_in(Member())
    first = member.identity.read(OWN)
    member.pass_days(240, 5 * 86_400)
    assert member.identity.read(OWN) == first and member.errand.asked == 1
    member.pass_days(36, 28_800)
    assert member.identity.read(OWN) != first and not member.identity.read(NEXT)
    assert member.errand.asked == 2 and len(member.clerk.keys) == 1
    assert member.clerk.claims[-1].token == ""
    assert member.named().count("certificate renewed") == 1
    member.live(3)
    arrived(member)


def test_ten_years_with_one_key() -> None:
    member = settle_in(Member())
    for _ in range(10):
        member.pass_days(365, 5 * 86_400)
        assert member.connected() and member.check().state is State.GOOD
    assert len(member.clerk.keys) == 1 and 13 <= len(member.clerk.issued) <= 16


def test_a_new_certificate_that_no_broker_takes_leaves_the_old_one_in_use() -> None:
    member = settle_in(Member())
    first = member.identity.read(OWN)
    stranger = Office()
    member.pass_days(240, 5 * 86_400)
    member.clerk.trust = stranger.trust  # roots by which our broker is nobody
    member.pass_days(40, 28_800)
    member.live(3)
    assert member.connected() and member.identity.read(OWN) == first
    assert member.identity.read(TRUST) == member.clerk.office.trust
    assert "broker not trusted" in member.named()
    member.clerk.trust = ""
    member.pass_days(200, 2 * 86_400)
    assert member.connected() and member.check().state is State.GOOD
    member.live(3)
    arrived(member)


@pytest.mark.parametrize("days", [3, 200, 399])
def test_after_a_drawer_it_renews_itself(days: int) -> None:
    member = settle_in(Member())
    member.pass_days(1)
    member.agent.finish()
    drawer_s = (YEAR_MS // DAY_MS + days) * 86_400
    member.clock.advance(drawer_s)
    member.clerk.now_ms += drawer_s * 1_000
    member.start("2" * 32)
    member.live(60)
    assert member.connected() and member.check().state is State.GOOD
    arrived(member)
    assert len(member.clerk.keys) == 1


def test_after_a_longer_drawer_an_operator_must_allow_it() -> None:
    member = settle_in(Member())
    member.agent.finish()
    drawer_s = (YEAR_MS + DRAWER_MS) // 1_000 + 86_400
    member.clock.advance(drawer_s)
    member.clerk.now_ms += drawer_s * 1_000
    member.start("2" * 32)
    member.pass_days(2, 600)
    assert not member.connected()
    check = member.check()
    assert check.state is State.BAD and "No: late." in check.reason and check.remedy == "ask your operator"
    assert 40 < member.errand.asked < 400
    member.clerk.granted_late = True
    member.pass_days(0.1, 60)
    assert member.connected()
    member.live(3)
    arrived(member)


def test_a_revoked_node_is_told_so_and_goes_on_keeping() -> None:
    member = settle_in(Member())
    member.broker.members.clear()
    member.clerk.revoked = True
    member.wires[-1].cut()
    member.pass_days(2, 600)
    assert not member.connected()
    check = member.check()
    assert check.state is State.BAD and "No broker takes our certificate. No: revoked." in check.reason
    member.clerk.revoked = False
    member.pass_days(0.2, 60)
    assert member.connected()
    told = member.named()
    assert told.count("certificate not taken") <= 3 and told.count("certificate refused") <= 3
    assert {event.details.get("why") for event in events(member.office) if event.what == "certificate refused"} == {
        "revoked"}  # fmt: skip
    member.live(3)
    arrived(member)


def test_the_roots_roll_over_while_the_node_works() -> None:
    """The office hands out both roots for a life of certificates, then signs with the new one, then drops the old."""
    member = settle_in(Member())
    old, new = member.clerk.office, Office()
    member.clerk.trust = old.trust + new.trust
    member.pass_days(300, 2 * 86_400)
    assert member.identity.read(TRUST) == old.trust + new.trust
    member.clerk.office, member.broker.signer = new, new
    member.wires[-1].cut()
    member.pass_days(300, 2 * 86_400)
    assert member.connected()
    member.clerk.trust = new.trust
    member.pass_days(300, 2 * 86_400)
    assert member.connected() and member.identity.read(TRUST) == new.trust
    assert len(member.clerk.keys) == 1
    member.live(3)
    arrived(member)


def test_a_fresh_card_leads_back_who_missed_the_new_roots() -> None:
    member = settle_in(Member())
    member.agent.finish()
    new = Office()
    member.clerk.office = member.broker.signer = new
    drawer_s = 300 * 86_400
    member.clock.advance(drawer_s)
    member.clerk.now_ms += drawer_s * 1_000
    member.start("2" * 32)
    member.live(5)
    assert not member.connected() and "trust" in member.check("session").reason
    member.clerk.token, member.clerk.used = "another", False
    card = member.spot.card
    member.spot.card = type(card)(card.node, card.url, card.enrol, "another", new.trust)
    member.pass_days(0.1, 60)
    assert member.connected() and member.spot.card.token == ""
    member.live(3)
    arrived(member)


@pytest.mark.parametrize("quality", list(ClockQuality))
def test_a_broker_whose_certificate_ended_long_ago_is_known_by_what_is_sure(quality: ClockQuality) -> None:
    member = Member()
    settle_in(member)
    member.pass_days(1)
    member.broker.began_ms = member.clerk.now_ms - 30 * DAY_MS
    member.broker.days = 20
    member.clock.believed = quality
    member.agent.node.timekeeper.look()
    member.wires[-1].cut()
    member.pass_days(0.05, 60)
    if quality in (ClockQuality.SYNCED, ClockQuality.HOLDOVER):
        assert not member.connected()
        assert "ended on" in member.check("session").reason and "broker check" in member.check("session").remedy
    assert "certificate" in {check.name for check in member.agent.node.health(member.clock.boot_ms()).checks}


def test_a_disk_that_refuses_is_tried_again_and_the_session_stands() -> None:
    member = Member(waits=True)
    member.keys.fail("write_small", errno.EROFS, times=1_000)
    member.errand.answer()
    member.live(5)
    assert not member.connected() and member.check().state is State.BAD
    member.keys.heal()
    for _ in range(30):
        member.pass_days(0.01, 60)
        member.errand.answer()
    assert member.connected()
    member.keys.fail("write_small", errno.ENOSPC, times=1_000)
    member.pass_days(310, 5 * 86_400)
    member.errand.answer()
    member.settle()
    assert member.check().state is State.BAD and "should have been renewed" in member.check().reason
    member.keys.heal()
    for _ in range(30):
        member.pass_days(0.01, 60)
        member.errand.answer()
    member.settle()
    assert member.check().state is State.GOOD and member.connected()
    arrived(member)


def test_what_was_proven_and_could_not_be_kept_is_kept_later() -> None:
    member = Member(waits=True)
    member.errand.answer()
    member.keys.fail("write_small", errno.ENOSPC, times=1_000)
    member.live(3)
    assert member.connected() and OWN not in member.keys.names() and member.check().state is State.BAD
    member.keys.heal()
    member.pass_days(0.01, 60)
    assert OWN in member.keys.names() and NEXT not in member.keys.names()
    assert member.check().state is State.GOOD and member.spot.card.token == ""
    assert member.office.sessions == 1


def test_a_folder_that_cannot_be_used_is_the_reason_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(away=True)

    def refused() -> Identity:
        raise OfficeError("The key can be read by others.", "Run: chmod 600 key.pem")

    monkeypatch.setattr(member.spot, "identity", refused)
    member.live(10)
    assert "The key can be read by others. Nothing is lost" in member.check("session").reason
    assert (member.check().state, member.check().remedy) == (State.BAD, "Run: chmod 600 key.pem")
    monkeypatch.undo()
    member.clerk.away = False
    member.pass_days(0.1, 60)
    assert member.connected() and member.check().state is State.GOOD


def test_a_new_card_is_tried_at_once_by_a_node_that_was_refused_for_long() -> None:
    member = Member(away=True)
    member.clerk.away, member.clerk._why_not = False, lambda claim, shown: Why.EXPIRED  # type: ignore[method-assign]
    member.pass_days(0.5, 60)
    asked = member.errand.asked
    member.clerk._why_not = lambda claim, shown: None  # type: ignore[method-assign]
    member.spot.card = replace(member.spot.card, written_ms=member.clerk.now_ms)
    member.pass_days(61 / 86_400, 61)
    assert member.errand.asked == asked + 1 and member.connected()


def test_the_last_act_is_to_end_the_child() -> None:
    member = settle_in(Member())
    member.agent.finish()
    assert member.errand.stopped == 1


def test_nothing_of_it_reaches_the_office() -> None:
    member = settle_in(Member())
    member.clerk.revoked = True
    member.pass_days(1)
    said = b"".join(payload for each in member.office.said.values() for payload in each)
    said += b"".join(record.body for record in member.office.records.values())
    key = member.keys.content(KEY).splitlines()[1]
    assert len(key) > 40 and key not in said and b"the-token" not in said


def test_something_new_to_connect_with_costs_no_long_wait() -> None:
    """A renewal that fails leaves the session away for a moment, not for the minutes that an outage costs."""
    for seed in range(50):
        uplink = Uplink(Committed(1, 1, 1), Random(seed).random)
        assert uplink.handle(Tick(), 0) == [Connect()]
        assert uplink.handle(Ready(), 1) == [], "it is at it already"
        uplink.handle(Connected(), 2)
        uplink.handle(Lost("cut"), 3)
        assert uplink.handle(Ready(), 4) == [Connect()], "nor is what waits kept waiting"
        uplink.handle(Connected(), 5)
        assert uplink.handle(Ready(), 100_000) == [Connect()]
        uplink.handle(Lost("no", "certificate"), 100_001)
        assert uplink.due_ms is not None and uplink.due_ms - 100_001 <= uplink.pace.retry_ms
        assert uplink.handle(Ready(), 100_002) == [Connect()]
        uplink.handle(Connected(), 100_003)
        uplink.handle(Lost("cut"), 200_000)
        assert uplink.due_ms - 200_000 >= 0
    waits = [_after_outage(seed) for seed in range(50)]
    assert max(waits) > 60_000, "after an outage the fleet comes back one by one"


def _after_outage(seed: int) -> int:
    uplink = Uplink(Committed(1, 1, 1), Random(seed).random)
    uplink.handle(Tick(), 0)
    uplink.handle(Ready(), 1)
    uplink.handle(Connected(), 2)
    uplink.handle(Lost("cut"), 200_000)
    return (uplink.due_ms or 0) - 200_000
