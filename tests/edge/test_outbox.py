"""What goes next: events, readings after their wait, the backlog within window, rate and allowance; holes again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowance import DAY_MS
from edge.effects import Committed, Send, Sent
from edge.flight import APART, Flight
from edge.outbox import Outbox
from edge.pace import Pace
from edge.ranges import Ranges

EPOCH = 7


def held(next_seq: int, *urgent: int, lowest: int = 0, epoch: int = EPOCH) -> Committed:
    return Committed(epoch, lowest, next_seq, urgent)


def go(outbox: Outbox, now_ms: int, size: int = 100) -> list[tuple[int, int]]:
    """All that goes out at this instant."""
    gone: list[tuple[int, int]] = []
    while (send := outbox.next(now_ms)) is not None:
        gone.append((send.first, send.last))
        outbox.sent(Sent(send.first, send.last, len(gone), size), now_ms)
    return gone


def test_readings_wait_for_company_and_then_go_all_together() -> None:
    outbox = Outbox(Pace(publish_ms=60_000), held(0))
    for commit in range(1, 7):
        outbox.commit(held(commit), 10_000 * commit)
        assert go(outbox, 10_000 * commit) == []
        assert outbox.due_ms == 70_000
    assert go(outbox, 70_000) == [(0, 5)]
    outbox.commit(held(7), 71_000)
    assert go(outbox, 71_000) == [] and outbox.due_ms == 100_000  # to send the first again
    outbox.land(5, [], 72_000)
    assert go(outbox, 72_000) == [] and outbox.due_ms == 131_000


def test_an_event_does_not_wait_and_takes_what_lies_between_two_along() -> None:
    outbox = Outbox(Pace(publish_ms=60_000), held(0))
    outbox.commit(held(10, 2, 4, 9), 1_000)
    assert go(outbox, 1_000) == [(2, 4), (9, 9)]
    outbox.land(-1, [(2, 4), (9, 9)], 2_000)
    assert outbox.has_live and go(outbox, 60_999) == []
    assert go(outbox, 61_000) == [(0, 1), (5, 8)]
    assert not outbox.has_live


def test_a_storm_of_events_is_one_message_a_second_after_a_burst() -> None:
    outbox, messages = Outbox(Pace(publish_ms=60_000), held(0)), []
    for tenth in range(600):
        outbox.commit(held(2 * tenth + 2, 2 * tenth), 100 * tenth)
        went = go(outbox, 100 * tenth)
        outbox.land(-1, went, 100 * tenth)
        messages += [(100 * tenth, *run) for run in went]
    assert [first for at, first, _ in messages if at < 2_000] == list(range(0, 40, 2))
    assert 78 <= len(messages) <= 20 + 60
    sent = {seq for _, first, last in messages for seq in range(first, last + 1)}
    assert {*range(0, 1_150, 2)} <= sent


def test_events_that_were_sent_are_not_sent_again_before_their_time() -> None:
    outbox = Outbox(Pace(), held(0))
    outbox.commit(held(3, 0, 2), 0)
    assert go(outbox, 0) == [(0, 2)]
    assert go(outbox, 29_999) == [] and go(outbox, 30_000) == [(0, 2)]


def test_an_ack_with_holes_sends_them_again_before_their_time() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    for at, top in ((0, 8), (500, 16), (1_600, 24)):
        outbox.commit(held(top), at)
        assert go(outbox, at) == [(top - 8, top - 1)]
    outbox.land(-1, [(16, 23)], 1_700)
    assert go(outbox, 1_700) == [(0, 7), (8, 15)]
    outbox.land(-1, [(16, 23)], 1_750)
    assert go(outbox, 1_750) == []  # under way again
    outbox.land(23, [], 1_800)
    assert outbox.acked == 23 and outbox.due_ms is None


def test_what_was_sent_together_with_what_is_acked_is_not_taken_for_lost() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    for at, top in ((0, 8), (900, 16)):
        outbox.commit(held(top), at)
        go(outbox, at)
    outbox.land(-1, [(8, 15)], 950)
    assert go(outbox, 950) == []


def test_what_lies_above_all_that_an_ack_tells_is_not_taken_for_lost() -> None:
    outbox = Outbox(Pace(pack=8, backlog_rate=8.0), held(16), now_ms=0)
    assert go(outbox, 0) == [(0, 7)]
    outbox.commit(held(24), 0)
    assert go(outbox, 0) == [(16, 23)]
    outbox.land(7, [], 100)
    assert outbox.unanswered_ms == 100
    assert go(outbox, 5_000) == [(8, 15)]
    outbox.land(15, [], 5_100)
    assert go(outbox, 5_100) == []


def test_events_that_the_office_cannot_ack_yet_do_not_keep_the_backlog_from_going() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    outbox.commit(held(400, *range(100, 400, 10)), 0)
    outbox.begin_session()
    sent = go(outbox, 0)
    assert len(sent) == 20 + 2 and sent[-2:] == [(0, 7), (8, 15)]
    outbox.land(15, [(8, 15)], 40_000)  # they are beyond the ranges that one ack holds
    assert (16, 16) in go(outbox, 40_000)


def test_a_lost_message_halves_the_window_and_a_silent_office_too() -> None:
    outbox = Outbox(Pace(pack=4, backlog_rate=10**6), held(10_000))
    for round_trip in range(4):
        go(outbox, 2_000 * round_trip)
        outbox.land(max(message.last for message in outbox._flight._entries), [], 2_000 * round_trip + 10)
    wide = outbox.window.size
    assert wide == 32
    sent = go(outbox, 20_000)
    assert len(sent) == wide
    go(outbox, 50_000)
    assert outbox.window.size == wide // 2 and len(outbox._flight) == 1


def test_an_office_that_answers_again_is_asked_as_often_as_before() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    outbox.commit(held(8), 0)
    assert go(outbox, 0) == [(0, 7)] and go(outbox, 30_000) == [(0, 0)]
    assert outbox.due_ms == 90_000  # it was silent, so it is asked half as often
    outbox.land(-1, [], 31_000)
    assert outbox.due_ms == 60_000 and go(outbox, 31_000) == [(1, 7)]


def test_what_ends_at_a_number_that_was_never_given_out_is_not_about_our_records() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    outbox.commit(held(40), 0)
    assert not outbox.land(40, [(3, 99), (20, 29)], 1_000)
    assert (outbox.acked, outbox.stranger, outbox.misled) == (-1, 99, True)
    assert go(outbox, 1_000) == [(0, 7), (8, 15), (16, 19), (30, 31), (32, 39)]
    assert outbox.land(39, [], 32_000) and (outbox.acked, outbox.stranger, outbox.misled) == (39, None, False)


def test_while_nobody_can_tell_whose_numbers_an_ack_tells_nothing_is_forgotten() -> None:
    outbox = Outbox(Pace(), held(40))
    outbox.gave_out = lambda seq: None if seq == 39 else True
    assert not outbox.land(39, [], 1_000) and (outbox.stranger, outbox.misled) == (None, False)
    assert outbox.land(38, [], 1_000) and outbox.acked == 38


def test_many_ranges_of_somebody_else_hide_ours() -> None:
    outbox = Outbox(Pace(), held(40))
    outbox.land(5, [(100 + 2 * place, 100 + 2 * place) for place in range(32)], 1_000)
    assert (outbox.stranger, outbox.misled) == (162, False)
    outbox.land(5, [(100 + 2 * place, 100 + 2 * place) for place in range(33)], 1_000)
    assert (outbox.stranger, outbox.misled) == (164, True)


def test_a_leap_is_passed_when_the_record_behind_it_is_acked() -> None:
    outbox = Outbox(Pace(), held(1_020))
    outbox.gone(10, 999, leap=True)
    outbox.gone(1_005, 1_009)
    outbox.land(9, [], 1_000)
    assert outbox.acked == 9
    outbox.land(9, [(1_001, 1_004)], 1_000)
    assert outbox.acked == 9  # the name of the leap, 1000, is not there yet
    outbox.land(9, [(1_000, 1_004), (1_010, 1_012)], 2_000)
    assert outbox.acked == 1_004  # what cannot be read is no leap: its gap record must come first
    assert outbox.memory == 1 + 2  # nothing is remembered of what is acked, but for the gone


def test_what_is_no_more_held_is_passed_when_all_is_here_that_may_name_it() -> None:
    outbox = Outbox(Pace(), Committed(7, 5, 1_020), acked=4)
    outbox.land(9, [], 1_000)
    outbox.commit(Committed(7, 1_000, 1_024), 1_000)  # 10..999 are gone: a leap among them, that no ack will hold
    outbox.commit(Committed(7, 1_000, 1_030), 1_000)
    outbox.land(38, [(1_001, 1_024)], 1_000)
    assert outbox.acked == 38
    outbox.land(38, [(1_000, 1_022)], 1_000)
    assert outbox.acked == 1_024
    outbox.land(1_024, [(1_027, 1_027)], 1_000)
    assert outbox.acked == 1_024
    outbox.commit(Committed(7, 1_026, 1_031), 1_000)
    outbox.land(1_024, [(1_026, 1_029)], 1_000)
    assert outbox.acked == 1_024  # 1030 may say what became of 1025
    outbox.land(1_024, [(1_030, 1_030)], 1_000)
    assert outbox.acked == 1_030


def test_the_backlog_of_a_spent_day_waits_and_readings_too_but_events_go() -> None:
    outbox = Outbox(Pace(day_bytes=100_000, pack=4), held(100), now_ms=0)
    assert go(outbox, 1, 44_000) == [(0, 3)]
    assert outbox.due_ms is not None
    outbox.commit(held(110), 1_000)
    assert go(outbox, 1_000, 23_000) == [(100, 103), (104, 107)]
    outbox.commit(held(112, 111), 2_000)
    assert go(outbox, 2_000, 20_000) == [(111, 111)]
    outbox.commit(held(113, 112), 3_000)
    assert go(outbox, 3_000) == []
    outbox.land(3, [(100, 107), (111, 111)], 4_000)
    assert go(outbox, 4_000) == [] and outbox.due_ms == DAY_MS
    assert go(outbox, DAY_MS)[0] == (112, 112)


def test_more_events_than_can_be_remembered_are_not() -> None:
    outbox = Outbox(Pace(holes=4, burst=2, publish_ms=10**6), held(0))
    outbox.commit(held(40, *range(0, 40, 10)), 0)
    outbox.commit(held(60, 50), 0)
    assert outbox.memory == 4
    assert go(outbox, 0) == [(0, 0), (10, 10)]
    outbox.land(-1, [(first, first) for first in range(0, 60, 2)], 10)
    assert outbox.memory < 4 + 30 + 4


def test_an_epoch_that_ends_takes_all_with_it() -> None:
    outbox = Outbox(Pace(), held(10), acked=4)
    assert go(outbox, 0) == [(5, 9)]
    outbox.commit(held(3, epoch=8), 10)
    assert go(outbox, 10) == [(0, 2)] and outbox.acked == -1


@pytest.mark.parametrize("pack", [1, 7, 64])
def test_what_is_sent_again_is_cut_as_it_was(pack: int) -> None:
    outbox = Outbox(Pace(pack=pack, backlog_rate=10**9, window=10**6, narrow=10**6), held(500), acked=9)
    first = go(outbox, 0)
    assert all(before // pack == after // pack for before, after in first)
    outbox.begin_session()
    assert go(outbox, 1) == first


runs = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 9), st.integers(0, 1_500)), min_size=1, max_size=200)


few = st.sets(st.integers(0, 400), max_size=30)


@given(runs, st.integers(0, 400), few, st.integers(0, 200_000), st.integers(0, 500))
def test_a_flight_is_a_list_of_messages(
    life: list[tuple[int, int, int]], upto: int, more: set[int], before: int, below: int
) -> None:
    flight, now, truth = Flight(), 0, []
    for first, length, pause in life[:APART]:
        now += pause
        flight.add(first, first + length - 1, now)
        truth.append((now, first, first + length - 1))
    acked = Ranges((seq, seq) for seq in more if seq > upto)
    landed = [m for m in truth if all(seq <= upto or seq in acked for seq in range(m[1], m[2] + 1))]
    assert flight.land(acked, upto) == max((m[0] for m in landed), default=None)
    truth = [m for m in truth if m not in landed]
    assert len(flight) == len(truth) and flight.oldest_ms == min((m[0] for m in truth), default=None)
    gone = [m for m in truth if m[0] <= before and m[2] < below]
    assert flight.expire(before, below) == max((m[0] for m in gone), default=None)
    truth = [m for m in truth if m not in gone]
    under_way = {seq for _, first, last in truth for seq in range(first, last + 1)}
    assert all((flight.after(seq) != seq) == (seq in under_way) for seq in range(420))
    flight.expire(10**9)
    assert len(flight) == 0 and flight.after(5) == 5


def test_many_messages_of_a_second_are_one() -> None:
    flight = Flight()
    for seq in range(10_000):
        flight.add(seq, seq, seq)
    assert len(flight) < APART + 12
    assert flight.after(0) == 10_000


def test_a_send_of_one_record_is_the_least() -> None:
    assert Outbox(Pace(), held(1)).next(0) == Send(0, 0)


def test_readings_that_were_given_up_before_they_went_leave_the_others_live() -> None:
    outbox = Outbox(Pace(publish_ms=60_000), held(0))
    outbox.commit(held(20), 0)
    outbox.commit(held(30, lowest=10), 10_000)
    before, sent = outbox.has_live, go(outbox, 60_000)
    assert (before, sent, outbox.has_live) == (True, [(10, 29)], False)
    assert go(outbox, 90_000) == [(10, 10)]  # the office is silent: one record asks, as of all that was sent once


def test_events_that_were_given_up_make_room_for_the_next_ones() -> None:
    outbox = Outbox(Pace(publish_ms=10**6, holes=2), held(0))
    outbox.commit(held(30, 5, 20), 0)
    outbox.commit(held(40, 35, lowest=21), 0)
    assert outbox.memory == 1
    assert go(outbox, 0) == [(35, 35)]


def test_at_the_end_nothing_waits_for_company_not_even_what_comes_then() -> None:
    outbox = Outbox(Pace(publish_ms=60_000), held(0))
    outbox.commit(held(2), 0)
    outbox.hurry(1_000)
    outbox.commit(held(3), 1_001)
    assert go(outbox, 1_001) == [(0, 2)]


def test_an_ack_that_does_not_reach_as_far_judges_nothing_beyond_it() -> None:
    outbox = Outbox(Pace(pack=8, backlog_rate=8.0), held(16))
    assert go(outbox, 0) == [(0, 7)]
    outbox.commit(held(24), 0)
    assert go(outbox, 0) == [(16, 23)] and go(outbox, 2_000) == [(8, 15)]
    outbox.land(-1, [(8, 15)], 2_100)
    assert go(outbox, 2_100) == [] and outbox.due_ms == 3_001  # what lies below is sent again when there are tokens
    assert go(outbox, 3_001) == [(0, 7)]
    outbox.land(15, [], 3_100)
    assert go(outbox, 3_100) == [] and outbox.due_ms == 30_000  # but not 16 to 23


def test_a_hole_halves_the_window_and_it_grows_slowly_from_then_on() -> None:
    outbox = Outbox(Pace(pack=4, backlog_rate=10**6), held(10_000))
    for round_trip in range(3):
        sent = go(outbox, 100 * round_trip)
        outbox.land(sent[-1][1], [], 100 * round_trip + 10)
    assert outbox.window.size == 16
    lost, *came = go(outbox, 1_000)
    outbox.commit(held(10_004), 2_500)
    assert go(outbox, 2_500) == [(10_000, 10_003)]
    outbox.land(lost[0] - 1, [(came[0][0], came[-1][1]), (10_000, 10_003)], 2_600)
    assert outbox.window.size == 16  # it had grown by the sixteen and one that came, and was halved for the hole
    again = go(outbox, 2_700)
    assert again[0] == lost and len(again) == outbox.window.size
    outbox.land(again[7][1], [], 2_710)
    assert outbox.window.size == 16  # now by one with a whole windowful


def test_what_the_office_owes_is_counted_from_the_first_that_it_did_not_ack() -> None:
    outbox = Outbox(Pace(pack=8), held(0))
    since = [outbox.unanswered_ms]
    for at, top in ((1_000, 8), (2_000, 16)):
        outbox.commit(held(top), at)
        go(outbox, at)
        since.append(outbox.unanswered_ms)
    for at, upto in ((3_000, 7), (4_000, 15)):
        outbox.land(upto, [], at)
        since.append(outbox.unanswered_ms)
    assert since == [None, 1_000, 1_000, 3_000, None]


def test_whose_number_it_is_is_asked_of_what_is_new_alone() -> None:
    outbox, asked = Outbox(Pace(), held(40), acked=9), list[int]()

    def nobody_can_tell(seq: int) -> None:
        asked.append(seq)

    outbox.gave_out = nobody_can_tell
    for upto, ranges in ((9, []), (8, [(3, 5)]), (10, [(20, 29)])):
        assert not outbox.land(upto, ranges, 1_000)
    assert asked == [10, 29] and outbox.stranger is None
    new = Outbox(Pace(), held(40))
    assert (new.stranger, new.misled) == (None, False)  # nobody is met before an ack


def test_ranges_beyond_what_can_be_remembered_are_told_again_by_later_acks() -> None:
    outbox = Outbox(Pace(holes=2), held(40))
    outbox.land(-1, [(2, 2), (4, 4)], 1_000)
    outbox.land(-1, [(2, 2), (4, 4), (6, 6)], 2_000)
    assert outbox.memory == 2
    outbox.land(4, [(6, 6)], 3_000)
    outbox.land(5, [], 4_000)
    assert outbox.acked == 5  # the sixth was not remembered: an ack tells it again
    outbox.land(5, [(6, 6)], 5_000)
    assert outbox.acked == 6


def test_messages_are_told_apart_up_to_a_number_and_then_by_the_second() -> None:
    flight = Flight()
    for number in range(APART + 5):
        flight.add(number, number, 1_000)
        assert len(flight) == min(number + 1, APART)
    flight.add(APART + 6, APART + 6, 1_000)  # it does not touch
    flight.add(APART + 7, APART + 7, 1_999)
    assert len(flight) == APART + 1
    flight.add(APART + 8, APART + 8, 2_000)  # a second after the first of them
    assert len(flight) == APART + 2
    assert flight.expire(1_999) == 1_000 and flight.oldest_ms == 2_000
    assert flight.after(0) == 0 and flight.after(APART + 8) == APART + 9


def test_a_message_has_landed_when_all_of_it_is_acked() -> None:
    for upto, ranges, lands in ((9, [], True), (8, [], False), (8, [(9, 9)], True), (4, [(5, 9)], True),
                                (4, [(6, 9)], False), (3, [(5, 9)], False), (0, [(4, 8)], False)):  # fmt: skip
        flight = Flight()
        flight.add(5, 9, 700) if upto == 4 else flight.add(4, 9, 700)
        assert (flight.land(Ranges(ranges), upto) == 700) == lands
        assert len(flight) == (not lands)
