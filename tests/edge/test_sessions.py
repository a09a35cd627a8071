"""Sessions of the uplink: how they begin, when they end, and what is left of what was under way."""

from __future__ import annotations

import pytest

from edge.effects import (
    Committed,
    Connect,
    Disconnect,
    Forget,
    Greet,
    Redeclare,
    Send,
    Sent,
    Tick,
)
from edge.events import Arrived, Connected, Lost, Puback
from edge.pace import Pace
from edge.uplink import Uplink
from edge.wire.messages import Ack, to_json
from tests.edge.office_model import EPOCH
from tests.edge.test_uplink import acked, connected, publish


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
