"""The uplink against a broker that loses, doubles and delays, and a collector that does so too."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.effects import Committed, Connect, Deliver, Forget, Greet, Redeclare, Send, Sent, Tick
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
    world = World(1, CALM, backlog=5_000)
    world.run(0.5)
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


def test_without_a_puback_the_window_stays_shut() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 3_000), lambda: 0.5, Pace(backlog_rate=100_000.0))
    uplink.handle(Tick(), 0)
    effects = uplink.handle(Connected(), 0)[1:]
    mids = 0
    while effects:
        (send,) = effects
        assert isinstance(send, Send)
        mids += 1
        effects = uplink.handle(Sent(send.first, send.last, mids), 0)
    assert mids == uplink.in_window == 16
    assert uplink.handle(Committed(EPOCH, 0, 4_000), 100_000) == []
    assert uplink.due_ms is None
    assert uplink.handle(Puback(7), 100_000) == [Send(3_000, 3_015)]


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
    assert sum(last - first + 1 for _, first, last in world.sent) < 1_024 + 16 * 32


def test_after_a_reconnect_everything_un_acked_goes_again_at_once() -> None:
    world = World(1, CALM, backlog=10)
    world.silent = True
    world.run(5)
    world.cut()
    world.sent.clear()
    world.silent = False
    world.run(5)
    assert [(first, last) for _, first, last in world.sent] == [(0, 9)]


def test_a_greeting_opens_each_session() -> None:
    world = World(1, CALM, backlog=1)
    for _ in range(3):
        world.run(5)
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
    assert acked(uplink, Ack(EPOCH, 99)) == [Forget(9)]
    assert acked(uplink, Ack(EPOCH, 4)) == []


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


@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 200_000)), min_size=1, max_size=40))
def test_reconnecting_is_full_jitter_with_a_cap_and_set_back_only_by_a_proven_session(
    lives: list[tuple[float, int]]
) -> None:
    chance = [0.0]
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: chance[0])
    now, attempts = 0, 0
    for luck_now, lasts in lives:
        assert uplink.handle(Tick(), now) == [Connect()]
        if lasts:
            uplink.handle(Connected(), now)
        now += lasts
        chance[0] = luck_now
        uplink.handle(Lost("gone"), now)
        attempts = 0 if lasts >= 60_000 else attempts
        due = uplink.due_ms
        assert due == now + int(luck_now * min(300_000, 1_000 * 2**attempts))
        assert uplink.handle(Lost("again"), now) == [] and uplink.due_ms == due
        attempts += 1
        now = due


def test_a_broker_that_never_answers_is_given_up() -> None:
    uplink = Uplink(Committed(EPOCH, 0, 0), lambda: 0.5)
    uplink.handle(Tick(), 0)
    assert uplink.handle(Tick(), 29_999) == []
    assert [type(e).__name__ for e in uplink.handle(Tick(), 30_000)] == ["Disconnect"]
    assert uplink.phase == "waiting" and "did not answer" in uplink.reason
    assert uplink.handle(Connected(), 30_001) == []


def test_what_could_not_go_out_is_tried_a_second_later() -> None:
    uplink = connected()
    assert uplink.handle(Committed(EPOCH, 0, 11), 100) == [Send(10, 10)]
    assert uplink.handle(Sent(10, 10, None), 100) == []
    assert uplink.handle(Committed(EPOCH, 0, 12), 200) == []
    assert uplink.due_ms == 1_100
    assert uplink.handle(Tick(), 1_100) == [Send(10, 11)]
