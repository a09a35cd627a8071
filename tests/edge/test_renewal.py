"""When a node asks for a certificate and with which it connects: all situations, long stories, and a crowd."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import Cause, Claimed
from edge.identity import Held, Which
from edge.renewal import (
    LEAST_MS,
    MOST_NOTES,
    NOTE_AGAIN_MS,
    PROVE_AGAIN_MS,
    SHARE,
    SPREAD,
    WAITS_MS,
    Ask,
    Note,
    Promote,
    Reconnect,
    Renewal,
)
from edge.validity import Moment, Validity
from edge.wire.enrolment import Why
from tests.edge.signing import DAY_MS, NOW_MS

YEAR_MS = 365 * DAY_MS
FRESH = Validity(NOW_MS, NOW_MS + YEAR_MS)
LATER = Validity(NOW_MS + YEAR_MS, NOW_MS + 2 * YEAR_MS)
GRANTED, AWAY = Claimed("granted"), Claimed("unreachable", "network", "The desk is away.")
CAUSES: tuple[Cause, ...] = ("new", "dns", "refused", "unreachable", "timeout", "portal", "identity", "certificate",
                             "trust", "rights", "busy", "protocol", "broken", "mute", "stuck")  # fmt: skip


def at(unix_ms: int) -> Moment:
    return Moment(unix_ms, 0, 0)


def renewal(own: Validity | None = None, fresh: Validity | None = None, seed: int = 1) -> Renewal:
    return Renewal(Held(own, fresh), Random(seed).random, 0)


def asks(steps: list[object]) -> int:
    return sum(isinstance(step, Ask) for step in steps)


def test_without_a_certificate_it_is_asked_for_at_once() -> None:
    one = renewal()
    assert one.choose() is None
    assert one.tick(Moment(None, 0, 0), 0) == [Ask(again=False)]
    assert one.due_ms is None and one.tick(at(NOW_MS), 10_000_000) == [], "one at a time"
    assert one.claimed(GRANTED, Held(None, FRESH), 5_000) == [Reconnect()]
    assert one.choose() == "next"
    assert one.took(6_000) == [Promote("next"), Note("enrolled", {})]
    one.hold(Held(FRESH))
    assert one.tick(at(NOW_MS), 7_000) == [] and one.choose() == "own"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_renewed_when_two_thirds_are_over_each_at_its_own_moment(seed: int) -> None:
    one = renewal(FRESH, seed=seed)
    days = [day for day in range(400) if one.wanted(at(NOW_MS + day * DAY_MS)) == "old"]
    assert days == list(range(days[0], 400)) and SHARE <= days[0] / 365 <= SHARE + SPREAD + 1 / 365


def test_the_moments_of_a_fleet_are_spread() -> None:
    moments = [renewal(FRESH, seed=seed)._share for seed in range(1_000)]
    days = Counter(int(share * 365) for share in moments)
    assert max(days.values()) < 70 and len(days) >= 30
    assert min(moments) >= SHARE


def test_without_a_clock_the_floor_says_what_is_over() -> None:
    one = renewal(FRESH)
    assert one.wanted(Moment(None, 0, NOW_MS)) == ""
    assert one.wanted(Moment(None, 0, NOW_MS + 300 * DAY_MS)) == "old"


@pytest.mark.parametrize(("own", "fresh"), list(itertools.product([None, FRESH], [None, LATER])))
@pytest.mark.parametrize("not_taken", [frozenset(words) for words in ((), ("own",), ("next",), ("own", "next"))])
@pytest.mark.parametrize("day", [0, 300, 600, 700, 900])
def test_every_situation_has_its_reason(
    own: Validity | None, fresh: Validity | None, not_taken: frozenset[Which], day: int
) -> None:
    one = renewal(own, fresh)
    one.not_taken = set(not_taken)
    both: list[tuple[Which, Validity | None]] = [("next", fresh), ("own", own)]
    there = [(which, each) for which, each in both if each is not None]
    usable = [each for which, each in there if which not in not_taken]
    expected = "first" if not there else "not taken" if not usable else ""
    if usable and NOW_MS + day * DAY_MS >= usable[0].at(one._share):
        expected = "old"
    assert one.wanted(at(NOW_MS + day * DAY_MS)) == expected
    steps = one.tick(at(NOW_MS + day * DAY_MS), 0)
    assert steps == ([Ask(again=expected != "first")] if expected else [])


# The back-off.


@given(st.integers(0, 2**32), st.lists(st.sampled_from([AWAY, Claimed("refused", "revoked"), Claimed("failed", "child"),
                                                        Claimed("unreachable", "busy")]), max_size=40))
def test_it_asks_ever_less_often_and_never_stops(seed: int, answers: list[Claimed]) -> None:
    one, now_ms = renewal(seed=seed), 0
    for number, answer in enumerate(answers):
        assert asks(list(one.tick(at(NOW_MS), now_ms))) == 1
        one.claimed(answer, Held(), now_ms)
        cap = WAITS_MS.get(answer.outcome, WAITS_MS["unreachable"])[1]
        wait_ms = one._try_ms - now_ms
        assert LEAST_MS <= wait_ms <= min(cap, 60_000 << min(number, 20)) + LEAST_MS
        now_ms = waited(one, now_ms)


def waited(one: Renewal, now_ms: int) -> int:
    """The next time it asks: it is looked at when it wants to be, and asks no sooner than it may."""
    for _ in range(1_000):
        due_ms = one.due_ms
        assert due_ms is not None and due_ms >= now_ms
        now_ms = due_ms
        if now_ms >= one._try_ms:
            return now_ms
        assert one.tick(at(NOW_MS), now_ms) == []
        assert one.due_ms is not None and one.due_ms > now_ms, "no busy loop"
    raise AssertionError("it never asks again")


def test_ten_thousand_nodes_do_not_come_at_once_when_the_desk_is_back() -> None:
    knocks: Counter[int] = Counter()
    for seed in range(300):
        one, now_ms = renewal(FRESH, seed=seed), 0
        while now_ms < 7_200_000:
            assert asks(list(one.tick(at(NOW_MS + YEAR_MS), now_ms))) == 1
            one.claimed(AWAY, Held(FRESH), now_ms)
            now_ms = waited(one, now_ms)
            knocks[now_ms // 10_000] += 1
    late = [count for second, count in knocks.items() if second > 200]
    assert max(late) < 5 * sum(late) / len(late)


def test_who_was_met_begins_anew() -> None:
    one = renewal(FRESH)
    for _ in range(12):
        one.asking = True
        one.claimed(AWAY, Held(FRESH), 0)
    one.choose()
    one.took(0)
    one.asking = True
    one.claimed(AWAY, Held(FRESH), 0)
    assert one._try_ms <= 5_000 + LEAST_MS


# Proving.


def test_a_new_certificate_is_tried_at_once_and_the_old_one_when_it_is_not_taken() -> None:
    one = renewal(FRESH)
    assert one.choose() == "own" and one.took(0) == [Promote("own")]
    one.tick(at(NOW_MS + 300 * DAY_MS), 1_000)
    assert one.claimed(GRANTED, Held(FRESH, LATER), 2_000) == []
    assert one.due_ms == 2_000 and one.tick(at(NOW_MS), 2_000) == [Reconnect()]
    assert one.choose() == "next"
    assert [step for step in one.lost("certificate", "refused", 3_000) if isinstance(step, Note)] == [
        Note("certificate not taken", {"what": "refused"})]  # fmt: skip
    assert one.choose() == "own" and one.took(4_000) == [Promote("own")]
    assert not [step for step in one.tick(at(NOW_MS), 5_000) if isinstance(step, Reconnect)]
    later = [step for step in one.tick(at(NOW_MS), 2_000 + PROVE_AGAIN_MS) if isinstance(step, Reconnect)]
    assert later == [Reconnect()] and one.choose() == "next"


@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_the_reason_both_are_tried_in_turns(cause: Cause) -> None:
    one = renewal(FRESH, LATER)
    order = []
    for now_ms in range(6):
        order.append(one.choose())
        one.lost(cause, "no", now_ms)
    assert order == ["next", "own"] * 3


def test_a_grant_that_leads_to_nobody_is_asked_for_again_ever_less_often() -> None:
    """The roots that came with it fit no broker: the old one goes on, and the desk is not asked all the time."""
    one, now_ms, waits = renewal(FRESH), 0, []
    old = at(NOW_MS + 300 * DAY_MS)
    for _ in range(20):
        assert asks(list(one.tick(old, now_ms))) == 1
        one.claimed(GRANTED, Held(FRESH, LATER), now_ms)
        assert one.choose() == "next"
        one.lost("trust", "who?", now_ms)
        assert one.choose() == "own" and one.took(now_ms) == [Promote("own")]
        waits.append(one._try_ms - now_ms)
        now_ms = one._try_ms
    assert sum(waits[10:]) / 10 > 3_600_000 and max(waits) <= 6 * 3_600_000 + LEAST_MS


@pytest.mark.parametrize("held", [None, FRESH])
def test_a_new_card_is_tried_at_once_however_long_the_node_was_told_to_wait(held: Validity | None) -> None:
    one, now_ms = renewal(held), 0
    for _ in range(9):
        assert one.choose() == (None if held is None else "own")
        one.lost("certificate", "refused", now_ms)
        assert asks(list(one.tick(at(NOW_MS), now_ms))) == 1
        one.claimed(Claimed("refused", "expired"), Held(held), now_ms)
        now_ms += WAITS_MS["refused"][1] + LEAST_MS
    one.claimed(Claimed("refused", "expired"), Held(held), now_ms)
    assert asks(list(one.tick(at(NOW_MS), now_ms))) == 0
    assert one.carded(now_ms) == ([] if held is None else [Reconnect()])
    assert asks(list(one.tick(at(NOW_MS), now_ms))) == 1
    one.took(now_ms)
    assert one.carded(now_ms) == [], "a session is left alone"


def test_what_no_broker_takes_is_a_reason_to_ask() -> None:
    one = renewal(FRESH)
    one.choose()
    one.lost("certificate", "revoked", 10)
    assert one.due_ms == 10 and one.tick(at(NOW_MS), 10) == [Ask(again=True)]
    assert one.claimed(GRANTED, Held(FRESH, FRESH), 20) == [Reconnect()]
    assert one.choose() == "next" and one.wanted(at(NOW_MS)) == ""
    one.lost("certificate", "revoked", 30)
    assert one.wanted(at(NOW_MS)) == "not taken" and one._try_ms > 30, "no busy loop between desk and broker"
    one.choose()
    one.took(40)
    assert one.wanted(at(NOW_MS)) == "" and one.due_ms == 40, "by now the time may be known"


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "certificate"])
def test_no_other_trouble_is_one(cause: Cause) -> None:
    one = renewal(FRESH)
    one.choose()
    one.lost(cause, "no", 10)
    assert one.tick(at(NOW_MS), 10) == []


# What is told.


def test_events_are_told_once_a_day() -> None:
    one = renewal(FRESH)
    notes: list[Note] = []
    for now_ms in range(0, 10 * NOTE_AGAIN_MS, 600_000):
        one.choose()
        for cause in ("certificate", "trust"):
            one._using = "own"
            notes += [step for step in one.lost(cause, "x", now_ms) if isinstance(step, Note)]
        one.asking = True
        steps = one.claimed(Claimed("refused", "revoked", "No."), Held(FRESH), now_ms)
        steps += one.claimed(Claimed("unreachable", "trust", "Who?"), Held(FRESH), now_ms)
        notes += [step for step in steps if isinstance(step, Note)]
    told = Counter(note.what for note in notes)
    assert set(told) == {"certificate not taken", "broker not trusted", "certificate refused", "desk not trusted"}
    assert set(told.values()) == {10}


def test_however_much_happens_there_is_an_end_to_words() -> None:
    one = renewal()
    notes = [step for number in range(1_000) for step in one.claimed(Claimed("refused", str(number)), Held(), number)]
    assert len(notes) == MOST_NOTES


STEPS = st.sampled_from(["tick", "granted", "refused", "away", "connect", "took", *CAUSES, "hour", "month"])


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=60), st.integers(0, 2**32), st.booleans())
def test_in_any_story_it_asks_one_at_a_time_and_comes_through_in_the_end(
    story: list[str], seed: int, begins_with: bool
) -> None:
    chance = Random(seed)
    one = renewal(FRESH if begins_with else None, seed=seed)
    held, now_ms, unix_ms, out = one.held, 0, NOW_MS, 0
    for word in story:
        now_ms += chance.randint(0, 60_000)
        match word:
            case "tick":
                out += asks(list(one.tick(at(unix_ms), now_ms)))
            case "granted" | "refused" | "away" if out:
                held = Held(held.own, Validity(unix_ms, unix_ms + YEAR_MS)) if word == "granted" else held
                answer = {"granted": GRANTED, "refused": Claimed("refused", Why.LATE.value)}.get(word, AWAY)
                one.claimed(answer, held, now_ms)
                out -= 1
            case "connect":
                one.choose()
            case "took":
                for step in one.took(now_ms) if not one.connected else ():
                    if step == Promote("next"):
                        held = Held(held.next)
                        one.hold(held)
            case "hour" | "month":
                much_ms = 3_600_000 if word == "hour" else 30 * DAY_MS
                now_ms, unix_ms = now_ms + much_ms, unix_ms + much_ms
            case _ if word in CAUSES:
                one.lost(word, "no", now_ms)
        assert 0 <= out <= 1 and one.asking == bool(out)
        assert one.due_ms is None or one.due_ms >= 0
    if out:
        one.claimed(AWAY, held, now_ms)
    for _ in range(100):
        now_ms = max(now_ms, one.due_ms or 0)
        if asks(list(one.tick(at(unix_ms), now_ms))):
            held = Held(held.own, Validity(unix_ms, unix_ms + YEAR_MS))
            one.claimed(GRANTED, held, now_ms)
        if one.choose() is not None and one.took(now_ms)[0] == Promote("next"):
            held = Held(held.next)
            one.hold(held)
        if held.own is not None and one.wanted(at(unix_ms)) == "" and held.next is None:
            return
        now_ms += 1
    raise AssertionError((one.__dict__, held))
