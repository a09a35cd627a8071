"""The uplink against a broker that loses, doubles and delays, and a collector that does so too."""

from __future__ import annotations

from itertools import pairwise
from random import Random

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
