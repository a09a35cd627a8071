"""The uplink against a broker that loses, doubles and delays, and a collector that does so too."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.effects import (
    Committed,
    Connect,
    Deliver,
    Disconnect,
    Effect,
    Forget,
    Greet,
    Hurry,
    Redeclare,
    Send,
    Sent,
    Tick,
)
from edge.events import Arrived, Connected, Lost, Puback
from edge.pace import Pace
from edge.uplink import Uplink
from edge.wire.messages import Ack, to_json
from tests.edge.office_model import EPOCH, Luck, World

some = st.floats(0.0, 0.6)
luck = st.builds(Luck, lose_up=some, lose_ack=some, twice=some, refuse=some, cut=st.floats(0, 0.2))
CALM = Luck()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), luck, st.integers(0, 300), st.integers(1, 16), st.integers(1, 16), st.data())
def test_after_all_trouble_everything_is_acked_and_nothing_un_acked_was_forgotten(
    seed: int, trouble: Luck, backlog: int, window: int, pack: int, data: st.DataObject
) -> None:
    world = World(seed, trouble, Pace(window=window, pack=pack), backlog)
    world.unreadable = data.draw(st.sets(st.integers(0, max(backlog - 1, 0)), max_size=5)) if backlog else set()
    world.run(60, commit_every_s=1)
    world.luck = CALM
    world.run(700)
    world.commit(1)
    world.run(60)
    assert world.uplink.outbox.acked == world.next - 1 == world.forgotten
    assert world.stored >= set(range(world.next))
    assert world.most_memory < 400


@given(st.integers(0, 2**32), luck)
@settings(max_examples=15, deadline=None)
def test_the_same_seed_gives_the_same_life(seed: int, trouble: Luck) -> None:
    lives = []
    for _ in range(2):
        world = World(seed, trouble, backlog=100)
        world.run(60, commit_every_s=1)
        lives.append(world.log)
    assert lives[0] == lives[1]


def test_live_goes_before_backlog_and_events_before_live() -> None:
    world = World(1, CALM, Pace(backlog_rate=300.0), backlog=5_000)
    world.run(4)
    world.sent.clear()
    world.commit(3, urgent=(5_002,))
    world.run(1)
    order = [first for _, first, _ in world.sent]
    assert 5_002 in order and 5_000 in order
    assert order.index(5_002) < order.index(5_000)
    assert order.index(5_000) <= 2  # what was under way when they came
    assert sorted(order)[0] < 5_000  # and the backlog goes on


def test_events_of_an_outage_go_first() -> None:
    world = World(1, CALM, backlog=100)
    world.run(30)
    world.cut()
    world.uplink._try_ms = world.now + 60_000
    world.silent = True
    world.commit(50, urgent=(130, 140))
    world.sent.clear()
    world.run(61)
    assert [(first, last) for _, first, last in world.sent[:2]] == [(130, 130), (140, 140)]


def test_the_backlog_goes_oldest_first_at_its_rate() -> None:
    world = World(3, CALM, Pace(backlog_rate=50.0), backlog=3_000)
    world.run(40)
    firsts = [first for _, first, _ in world.sent]
    assert firsts == sorted(firsts)
    sent = sum(last - first + 1 for _, first, last in world.sent)
    assert 50 * 38 <= sent <= 50 * 41 + 50


def publish(uplink: Uplink, effects: list[Effect], now_ms: int = 0) -> list[Send]:
    """The broker takes all that follows, and says nothing."""
    sends: list[Send] = []
    while effects:
        (send,) = effects
        assert isinstance(send, Send)
        sends.append(send)
        effects = uplink.handle(Sent(send.first, send.last, send.first), now_ms)
    return sends


def test_without_a_puback_the_backlog_stops_and_then_everything() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 3_000), lambda: 0.5, Pace(backlog_rate=100_000.0, window=4, stuck_ms=10**6))
    uplink.handle(Tick(), 0)
    assert publish(uplink, uplink.handle(Connected(), 0)[1:]) == [Send(0, 63), Send(64, 127)]
    live = publish(uplink, uplink.handle(Committed(EPOCH, 0, 4_000), 100), 100)
    assert live == [Send(3_000, 3_007), Send(3_008, 3_071)]  # cut where a multiple of 64 is
    assert uplink.in_window == 4
    assert uplink.handle(Committed(EPOCH, 0, 4_100), 100_000) == []
    assert uplink.due_ms == 10**6
    assert uplink.handle(Puback(64), 100_000) == [Send(3_072, 3_135)]


def test_what_is_not_acked_is_sent_again_after_the_time_and_less_often_while_the_office_is_silent() -> None:
    world = World(1, CALM, backlog=3)
    world.silent = True
    world.run(600)
    times = [at for at, first, _ in world.sent if first == 0]
    gaps = [round((after - before) / 1000) for before, after in pairwise(times)]
    assert gaps[:5] == [30, 60, 120, 120, 120]
    world.silent = False
    world.run(130)
    assert world.forgotten == 2


def test_a_silent_office_costs_little() -> None:
    world = World(1, CALM, backlog=100_000)
    world.silent = True
    world.run(3_600)
    assert sum(last - first + 1 for _, first, last in world.sent) < 2 * 64 + 35


def test_after_a_reconnect_everything_un_acked_goes_again_at_once() -> None:
    world = World(1, CALM, backlog=10)
    world.silent = True
    world.run(5)
    world.cut()
    world.sent.clear()
    world.silent = False
    world.run(301)
    assert [(first, last) for _, first, last in world.sent] == [(0, 9)]


def test_a_greeting_opens_each_session() -> None:
    world = World(1, CALM, backlog=1)
    for _ in range(3):
        world.run(301)
        world.cut()
    kinds = [type(effect) for _, effect in world.log]
    assert kinds.count(Greet) == 3
    assert all(kinds[at + 1] is Greet for at, kind in enumerate(kinds) if kind is Connect and at + 1 < len(kinds))


def acked(uplink: Uplink, ack: Ack) -> list[object]:
    return [*uplink.handle(Arrived("ack", to_json(ack)), 2_000)]


def connected(next_seq: int = 10) -> Uplink:
    uplink = Uplink(Committed(EPOCH, 0, next_seq), lambda: 0.5)
    uplink.handle(Tick(), 0)
    uplink.handle(Connected(), 0)
    uplink.handle(Sent(0, next_seq - 1, 1), 0)
    return uplink


def test_another_epoch_is_ignored_and_what_was_never_written_is_not_forgotten() -> None:
    uplink = connected()
    assert acked(uplink, Ack(EPOCH + 1, 9)) == []
    assert uplink.handle(Arrived("ack", b"{not json"), 2_000) == []
    assert uplink.ignored == 2
    assert acked(uplink, Ack(EPOCH, 99)) == [] and uplink.outbox.stranger == 99
    assert acked(uplink, Ack(EPOCH, 4)) == [Forget(4)] and uplink.outbox.stranger is None


@given(st.sets(st.integers(0, 40)), st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_watermark_never_passes_a_hole(stored: set[int], top: int, random: Random) -> None:
    uplink = connected(top)
    ranges = [(seq, seq) for seq in stored]
    random.shuffle(ranges)
    effects = acked(uplink, Ack(EPOCH, -1, ranges))
    hole = next(seq for seq in range(99) if seq not in stored or seq >= top)
    assert [e for e in effects if isinstance(e, Forget)] == ([Forget(hole - 1)] if hole else [])


def test_a_new_epoch_starts_from_its_own_beginning() -> None:
    uplink = connected()
    acked(uplink, Ack(EPOCH, 9))
    sends = uplink.handle(Committed(EPOCH + 1, 0, 3), 3_000)
    assert sends == [Send(0, 2)]
    assert acked(uplink, Ack(EPOCH, 99)) == []
    assert acked(uplink, Ack(EPOCH + 1, 1)) == [Forget(1)]


def test_a_schema_is_declared_again_on_request_once_in_a_while() -> None:
    uplink = connected()
    ask = Arrived("ack", to_json(Ack(EPOCH, -1, resend_schema=["00aa11bb"])))
    redeclared = [at for at in range(0, 90_000, 1_000) if Redeclare(("00aa11bb",)) in uplink.handle(ask, at)]
    assert redeclared == [0, 30_000, 60_000]


def test_orders_pass_through() -> None:
    assert connected().handle(Arrived("order", b"{}"), 0) == [Deliver("order", b"{}")]


def test_a_broker_that_never_answers_is_given_up() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: 0.5)
    uplink.handle(Tick(), 0)
    assert uplink.handle(Tick(), 29_999) == []
    assert [type(e).__name__ for e in uplink.handle(Tick(), 30_000)] == ["Disconnect"]
    assert uplink.phase == "waiting" and "did not answer" in uplink.reason
    assert uplink.handle(Connected(), 30_001) == []


def test_what_went_out_as_the_session_ended_goes_again() -> None:
    uplink = connected()
    assert uplink.handle(Committed(EPOCH, 0, 11), 100) == [Send(10, 10)]
    uplink.handle(Lost("gone"), 100)
    assert uplink.handle(Sent(10, 10, 2), 100) == [] and uplink.in_window == 0


def test_what_could_not_go_out_is_tried_a_second_later() -> None:
    uplink = connected()
    assert uplink.handle(Committed(EPOCH, 0, 11), 100) == [Send(10, 10)]
    assert uplink.handle(Sent(10, 10, None), 100) == []
    assert uplink.handle(Committed(EPOCH, 0, 12), 200) == []
    assert uplink.due_ms == 1_100
    assert uplink.handle(Tick(), 1_100) == [Send(10, 11)]


def test_a_connection_on_which_the_broker_takes_nothing_is_given_up() -> None:
    uplink = connected()
    uplink.handle(Puback(1), 20_000)
    assert uplink.due_ms == 30_000  # resending, not doubt
    uplink.handle(Committed(EPOCH, 0, 11), 25_000)
    uplink.handle(Sent(10, 10, 2), 25_000)
    assert uplink.handle(Committed(EPOCH, 0, 12), 50_000)
    uplink.handle(Sent(11, 11, 3), 50_000)
    assert Disconnect() not in uplink.handle(Tick(), 54_999)
    assert uplink.handle(Tick(), 55_000) == [Disconnect()]
    assert (uplink.phase, uplink.cause) == ("waiting", "stuck") and "took nothing for 30 s" in uplink.reason


def test_brokers_are_tried_in_turn_and_the_first_one_again_after_ten_minutes() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: 0.5, Pace(brokers=3))
    now, tried = 0, []
    for _ in range(4):
        (effect,) = uplink.handle(Tick(), now)
        tried.append(effect)
        uplink.handle(Lost("refused", "refused"), now)
        now = uplink.due_ms or 0
    assert tried == [Connect(0), Connect(0), Connect(1), Connect(1)]
    assert uplink.handle(Tick(), now) == [Connect(2)]
    uplink.handle(Connected(), now)
    assert uplink.due_ms == now + 600_000 and uplink.broker == 2
    assert uplink.handle(Tick(), now + 600_000) == [Connect(0)]
    uplink.handle(Lost("refused", "refused"), now + 600_001)
    assert uplink.due_ms == now + 600_501  # back soon, for that one was well
    assert uplink.handle(Tick(), now + 600_501) == [Connect(2)]
    uplink.handle(Connected(), now + 600_501)
    assert uplink.due_ms == now + 600_501 + 1_200_000
    assert uplink.handle(Tick(), now + 600_501 + 1_200_000) == [Connect(0)]
    uplink.handle(Connected(), now + 1_801_000)
    assert uplink.broker == 0 and uplink.due_ms is None


def test_readings_wait_for_company_but_not_at_the_end() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: 0.5, Pace(publish_ms=60_000))
    uplink.handle(Tick(), 0)
    uplink.handle(Connected(), 0)
    assert uplink.handle(Committed(EPOCH, 0, 2), 10_000) == []
    assert uplink.handle(Committed(EPOCH, 0, 4), 20_000) == []
    assert uplink.due_ms == 70_000
    assert uplink.handle(Tick(), 70_000) == [Send(0, 3)]
    uplink.handle(Sent(0, 3, 1), 70_000)
    assert uplink.handle(Committed(EPOCH, 0, 5), 80_000) == []
    assert uplink.handle(Hurry(), 81_000) == [Send(4, 4)]


def test_whether_the_office_answers_in_this_session() -> None:
    uplink = connected()
    found: list[tuple[bool, int | None]] = [(uplink.answered, uplink.outbox.unanswered_ms)]
    for upto in (4, 9):
        acked(uplink, Ack(EPOCH, upto))
        found.append((uplink.answered, uplink.outbox.unanswered_ms))
    uplink.handle(Lost("gone"), 2_000)
    found.append((uplink.answered, uplink.outbox.unanswered_ms))
    assert found == [(False, 0), (True, 2_000), (True, None), (False, None)] and uplink.cause == "broken"


def pale(pace: Pace | None = None, draw: float = 0.5, next_seq: int = 0) -> Uplink:
    """A new uplink; each draw is the same."""
    return Uplink(Committed(EPOCH, 0, next_seq), lambda: draw, pace or Pace())


def test_who_lost_a_session_waits_what_is_left_and_who_found_nobody_a_whole_wait() -> None:
    uplink = pale()
    uplink.handle(Tick(), 0)
    uplink.handle(Lost("refused", "refused"), 10_000)
    assert uplink.due_ms == 10_500  # before the first session: half a second of one
    uplink.handle(Tick(), 10_500)
    uplink.handle(Connected(), 10_600)
    uplink.handle(Lost("cut"), 20_000)
    assert (uplink.due_ms, uplink.phase_since_ms) == (20_000 + 75_000, 20_000)
    uplink.handle(Tick(), 95_000)
    uplink.handle(Lost("refused", "refused"), 96_000)
    assert uplink.due_ms == 96_000 + 225_000


def test_what_ends_while_nothing_stands_changes_nothing() -> None:
    uplink = pale()
    uplink.handle(Tick(), 0)
    uplink.handle(Lost("refused", "refused"), 1_000)
    due, reason = uplink.due_ms, uplink.reason
    assert uplink.handle(Lost("cut", "broken"), 1_200) == []
    assert (uplink.due_ms, uplink.reason, uplink.cause, uplink.phase_since_ms) == (due, reason, "refused", 1_000)


def test_a_session_that_lasted_forgives_the_failure_before_it_and_a_short_one_does_not() -> None:
    for lasted, broker in ((59_999, 1), (60_000, 0)):
        uplink = pale(Pace(brokers=2))
        uplink.handle(Tick(), 0)
        uplink.handle(Lost("refused", "refused"), 100_000)
        uplink.handle(Tick(), 200_000)
        uplink.handle(Connected(), 200_000)
        uplink.handle(Lost("cut"), 200_000 + lasted)
        assert uplink.broker == broker


@pytest.mark.parametrize("state", ["sending", "paused", "shut", "waiting for an ack", "resending"])
def test_a_session_may_end_in_the_middle_of_anything(state: str) -> None:
    """The next one greets, and sends all that is un-acked, in the same messages."""
    uplink, now = pale(Pace(window=2, pack=8, stuck_ms=10**6), next_seq=10), 0
    uplink.handle(Tick(), 0)
    effects = uplink.handle(Connected(), 0)
    assert effects == [Greet(), Send(0, 7)]
    if state == "paused":
        assert uplink.handle(Sent(0, 7, None), 0) == []
    elif state != "sending":
        assert uplink.handle(Sent(0, 7, 1), 0) == [Send(8, 9)]
        assert uplink.handle(Sent(8, 9, 2), 0) == []
    if state in ("waiting for an ack", "resending"):
        assert uplink.handle(Puback(1), 1) == uplink.handle(Puback(2), 1) == []
    if state == "resending":
        now = 30_000
        assert uplink.handle(Tick(), now) == [Send(0, 0)]
    assert uplink.handle(Lost("cut"), now) == []
    assert uplink.handle(Sent(0, 7, 3), now) == [] and uplink.in_window == 0
    now = uplink.due_ms or 0
    assert uplink.handle(Tick(), now) == [Connect(0)]
    assert uplink.handle(Connected(), now) == [Greet(), Send(0, 7)]
    assert uplink.handle(Sent(0, 7, 1), now) == [Send(8, 9)]
    uplink.handle(Sent(8, 9, 2), now)
    assert uplink.handle(Arrived("ack", to_json(Ack(EPOCH, 9))), now) == [Forget(9)]


def test_a_session_that_stands_after_the_uplink_gave_it_up_is_none() -> None:
    uplink = pale()
    uplink.handle(Tick(), 0)
    uplink.handle(Tick(), 30_000)
    assert uplink.handle(Connected(), 30_001) == [] and not uplink.connected
    uplink.handle(Tick(), uplink.due_ms or 0)
    assert uplink.handle(Connected(), 40_000) == [Greet()] and uplink.handle(Connected(), 40_001) == []


def test_a_late_ack_of_an_ended_session_is_believed() -> None:
    uplink = connected()
    uplink.handle(Lost("cut"), 100)
    assert acked(uplink, Ack(EPOCH, 9)) == [Forget(9)] and not uplink.answered


def test_what_is_no_ack_of_ours_is_counted_and_changes_nothing() -> None:
    uplink = connected()
    for payload in (b"{", to_json(Ack(EPOCH + 1, 9)), b"[]", to_json(Ack(EPOCH - 1, 9))):
        assert uplink.handle(Arrived("ack", payload), 1_000) == []
    assert uplink.ignored == 4 and uplink.last_ack_ms is None and uplink.outbox.acked == -1


def test_the_office_says_how_soon_its_nodes_may_be_back() -> None:
    uplink = connected()
    acked(uplink, Ack(EPOCH, 9, back_within_ms=5_000))
    uplink.handle(Lost("cut"), 3_000)
    assert uplink.due_ms == 3_000 + 1_250


def test_a_schema_that_is_lacking_twice_is_declared_once_and_no_more_than_can_be_remembered() -> None:
    uplink = pale(Pace(holes=2))
    first, second, third = (Arrived("ack", to_json(Ack(EPOCH, -1, resend_schema=[*keys])))
                            for keys in ("aab", "cd", "ef"))  # fmt: skip
    assert uplink.handle(first, 0) == [Redeclare(("a",))]
    assert uplink.handle(second, 1_000) == [Redeclare(("c", "d"))]
    assert uplink.handle(third, 2_000) == []
    assert uplink.handle(third, 30_000) == []
    assert uplink.handle(third, 31_000) == [Redeclare(("e", "f"))]


def test_an_uplink_begins_at_its_moment_and_says_why_it_is_not_connected() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: 0.5, Pace(day_bytes=24_000), now_ms=6 * 3_600_000)
    assert (uplink.phase_since_ms, uplink.due_ms) == (6 * 3_600_000, 6 * 3_600_000)
    assert (uplink.cause, uplink.reason) == ("new", "not connected yet")
    assert uplink.outbox.allowance.spent == 6_000


def test_a_broker_that_does_not_answer_is_told_as_mute() -> None:
    uplink = pale()
    uplink.handle(Tick(), 0)
    uplink.handle(Tick(), 30_000)
    assert (uplink.cause, uplink.reason) == ("mute", "the broker did not answer within 30 s")


def test_one_message_at_a_time_is_asked_for() -> None:
    uplink = pale(Pace(pack=8), next_seq=8)
    uplink.handle(Tick(), 0)
    assert uplink.handle(Connected(), 0) == [Greet(), Send(0, 7)]
    assert uplink.handle(Committed(EPOCH, 0, 9), 1) == uplink.handle(Tick(), 2) == []
    assert uplink.handle(Sent(0, 7, 1), 3) == [Send(8, 8)]


def test_what_the_broker_did_not_take_yet_holds_the_backlog_even_if_the_office_has_it() -> None:
    uplink = pale(Pace(pack=1, window=8), next_seq=100)
    uplink.handle(Tick(), 0)
    assert publish(uplink, uplink.handle(Connected(), 0)[1:]) == [Send(0, 0), Send(1, 1)]
    _, *sends = uplink.handle(Arrived("ack", to_json(Ack(EPOCH, 1))), 10)
    assert publish(uplink, sends, 10) == [Send(2, 2), Send(3, 3)]
    assert (uplink.outbox.window.size, uplink.in_window) == (4, 4)
    assert publish(uplink, uplink.handle(Puback(0), 20), 20) == [Send(4, 4)]


def test_only_a_session_is_left_to_look_for_the_first_broker() -> None:
    uplink = pale(Pace(brokers=2, home_ms=5_000))
    for at in (0, 10_000):
        uplink.handle(Tick(), at)
        uplink.handle(Lost("refused", "refused"), at)
    assert uplink.handle(Tick(), 20_000) == [Connect(1)]
    assert uplink.handle(Tick(), 26_000) == []
    uplink.handle(Connected(), 27_000)
    assert uplink.handle(Tick(), 31_999) == [] and uplink.handle(Tick(), 32_000) == [Connect(0)]
    assert (uplink.phase, uplink.due_ms) == ("connecting", 62_000)
    assert uplink.handle(Tick(), 62_000) == [Disconnect()]
    assert uplink.due_ms == 62_500 and uplink.broker == 1
