"""The window, the tokens and the day's allowance, each against a plain account of the same."""

from __future__ import annotations

import errno
import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allowance import DAY_MS, OVERHEAD, READINGS_SHARE, WRITE_MS, Allowance, Day
from edge.pace import Pace, pace_of
from edge.ration import FILE, Ration, read
from edge.timekeeping import NOBODY, Belief
from edge.tokens import Tokens
from edge.window import Window
from edge.wire.clocks import ClockQuality
from edge.wiring import OfficePlan
from simulators.disk import MemoryDisk
from tests.edge.pole import WIRING, Pole

HOUR = 3_600_000


def test_a_board_says_the_pace() -> None:
    assert pace_of(None) == Pace()
    plain = pace_of(OfficePlan("mqtt://x", "c.json"))
    assert (plain.publish_ms, plain.day_bytes, plain.brokers) == (60_000, 0, 1)
    assert (plain.retry_cap_ms, plain.health_ms, plain.ack_ms, plain.slow_ms) == (300_000, 60_000, 0, 1_000)
    office = OfficePlan("mqtt://x", "c.json", ("mqtt://y", "mqtt://z"), 300_000, True, 10**6, 20_000)
    there = pace_of(office)
    assert (there.publish_ms, there.day_bytes, there.brokers) == (300_000, 10**6, 3)
    assert (there.retry_cap_ms, there.health_ms) == (20_000, 3_600_000)
    assert (there.ack_ms, there.slow_ms) == (10_000, 11_000)  # an ack that was kept for company is not a slow one


def test_what_is_just_in_time_is_not_slow_and_what_was_sent_at_the_halving_tells_nothing_new() -> None:
    window = Window(Pace())
    window.acked(0, 6, 1_000)
    assert window.size == 8
    window.halve(1_000, 2_000)
    window.halve(2_000, 3_000)
    assert window.size == 4
    window.halve(2_001, 3_000)
    assert window.size == 2


def test_a_window_doubles_at_first_and_then_grows_by_one_a_round() -> None:
    window, now = Window(Pace()), 0
    sizes = []
    for _ in range(7):
        sizes.append(window.size)
        for _ in range(window.size):
            window.acked(now, 1, now + 100)
        now += 200
    assert sizes == [2, 4, 8, 16, 32, 64, 64]
    window.acked(now, 1, now + 1_001)
    assert window.size == 32
    window.acked(now + 900, 1, now + 2_500)  # sent before the halving: it tells nothing new
    assert window.size == 32
    for _ in range(33):
        window.acked(now + 3_000, 1, now + 3_100)
    assert window.size == 33
    for step in range(1, 9):
        window.halve(now + 10_000 * step, now + 10_000 * step + 1)
    assert window.size == 2


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 90), st.booleans()), max_size=80), st.integers(1, 64))
def test_a_window_stays_between_its_limits(life: list[tuple[int, int, bool]], widest: int) -> None:
    window, now = Window(Pace(window=widest)), 0
    for took, messages, trouble in life:
        now += took
        window.halve(now, now) if trouble else window.acked(now - took, messages, now)
        assert min(2, widest) <= window.size <= widest


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 20)), max_size=40))
def test_tokens_never_let_more_through_than_burst_and_rate(wishes: list[tuple[int, int]]) -> None:
    tokens, now, taken = Tokens(20, 4.0, 0), 0, 0
    for pause, number in wishes:
        now += pause
        wait = tokens.wait_ms(number, now)
        if wait is not None:
            assert wait > now and tokens.wait_ms(number, wait) is None
            now = wait
        tokens.take(number, now)
        taken += number
        assert taken <= 20 + 4.0 * now / 1_000 + 1e-6


def test_without_a_limit_nothing_waits() -> None:
    allowance = Allowance(Pace(), 5)
    allowance.spend(10**9, 10)
    assert allowance.event_wait_ms(20) is allowance.live_wait_ms(20) is allowance.backlog_wait_ms(20) is None


def test_readings_leave_the_last_tenth_to_events_and_the_backlog_keeps_to_the_hour() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    assert allowance.backlog_wait_ms(1) is None
    allowance.spend(45_000 - OVERHEAD, HOUR, backlog=True)
    assert allowance.spent == 45_000
    wait = allowance.backlog_wait_ms(HOUR)
    assert wait == pytest.approx(12 * HOUR, abs=2)  # half of what is there for readings: at noon
    assert allowance.backlog_wait_ms(wait or 0) is None
    assert allowance.live_wait_ms(HOUR) is None
    allowance.spend(45_000 - OVERHEAD, 13 * HOUR)
    assert allowance.live_wait_ms(13 * HOUR) == allowance.backlog_wait_ms(13 * HOUR) == DAY_MS
    assert allowance.event_wait_ms(13 * HOUR) is None
    allowance.spend(10_000, 14 * HOUR)
    assert allowance.event_wait_ms(14 * HOUR) == DAY_MS
    assert allowance.event_wait_ms(DAY_MS) is allowance.live_wait_ms(DAY_MS) is None
    allowance.spend(100, DAY_MS + HOUR)
    assert allowance.spent == 100 + OVERHEAD


def test_a_quarter_of_the_hours_so_far_is_the_backlogs_own() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    allowance.spend(80_000, HOUR)
    assert allowance.backlog_wait_ms(HOUR) is None
    allowance.spend(5_625 - OVERHEAD, HOUR, backlog=True)
    assert allowance.backlog_wait_ms(HOUR) == pytest.approx(6 * HOUR, abs=2)


def test_the_backlogs_own_quarter_is_there_again_the_next_day() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    allowance.spend(80_000, HOUR, backlog=True)
    allowance.spend(80_000, DAY_MS + HOUR)
    assert allowance.backlog_wait_ms(DAY_MS + HOUR) is None


@dataclass
class Metered:
    """A node that spends whenever it may, is restarted and rebooted, and an exact account of what went out on each day
    of UTC. Without `knows` nobody tells it the time, and then a day is any 24 hours."""

    knows: bool = True
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    unix_ms: int = 20_000 * DAY_MS
    boots: int = 0
    boot_unix_ms: int = 0
    sent: list[tuple[int, int]] = field(default_factory=list)

    def boot(self) -> None:
        self.boots += 1
        self.boot_unix_ms = self.unix_ms - 20_000  # booting takes a while
        self.begin()

    def begin(self) -> None:
        self.allowance = Allowance(Pace(day_bytes=MOST), self.now_ms)
        self.ration = Ration(self.disk, f"{self.boots:032x}", self.allowance, self.now_ms)
        self.keep()

    @property
    def now_ms(self) -> int:
        return self.unix_ms - self.boot_unix_ms

    def keep(self, last: bool = False) -> None:
        belief = Belief(self.boot_unix_ms, ClockQuality.SYNCED, 10, "kernel", "kernel") if self.knows else NOBODY
        self.ration.keep(belief, self.now_ms, last)

    def live(self, hours: float, size: int) -> None:
        """Commit by commit of ten minutes."""
        for _ in range(int(hours * 6)):
            self.unix_ms += HOUR // 6
            self.keep()
            if self.allowance.live_wait_ms(self.now_ms) is None:
                self.allowance.spend(size - OVERHEAD, self.now_ms)
                self.sent.append((self.unix_ms, size))

    def most(self) -> int:
        if self.knows:
            days = Counter[int]()
            for at_ms, size in self.sent:
                days[at_ms // DAY_MS] += size
            return max(days.values(), default=0)
        return max((sum(size for at, size in self.sent if at_ms <= at < at_ms + DAY_MS) for at_ms, _ in self.sent),
                   default=0)  # fmt: skip


MOST = 100_000
lives = st.lists(st.tuples(st.floats(0.2, 40), st.integers(OVERHEAD, 2_000),
                           st.sampled_from(["killed", "ended", "power", "power while away"])), max_size=6)  # fmt: skip


@settings(max_examples=40)
@given(lives, st.booleans())
def test_no_restart_gives_a_new_days_bytes(lives: list[tuple[float, int, str]], knows: bool) -> None:
    node = Metered(knows)
    node.boot()
    for hours, size, end in lives:
        node.live(hours, size)
        if end == "ended":
            node.keep(last=True)
        if end == "power while away":
            node.unix_ms += 5 * HOUR
        if end in ("killed", "ended"):
            node.begin()
        else:
            node.boot()
    limit = MOST * READINGS_SHARE + 2_000  # the last message may go beyond it
    assert node.most() <= (limit if knows else 2 * limit), "of any 24 hours two days may have a part"


def test_a_day_that_is_spent_is_spent_after_a_restart_too_until_it_is_over() -> None:
    node = Metered()
    node.boot()
    node.live(10, 2_000)
    assert node.allowance.live_wait_ms(node.now_ms) is not None
    spent = len(node.sent)
    node.boot()
    assert node.allowance.live_wait_ms(node.now_ms) == DAY_MS - 10 * HOUR + 20_000, "midnight"
    node.live(13, 2_000)
    assert len(node.sent) == spent
    node.live(1, 2_000)
    assert len(node.sent) > spent


def test_a_run_that_ends_well_loses_nothing_of_its_day_and_one_that_is_killed_little() -> None:
    node = Metered()
    node.boot()
    node.live(3, 1_000)
    spent = node.allowance.spent
    node.keep(last=True)
    node.begin()
    assert node.allowance.spent == spent
    for _ in range(4):
        node.begin()
    assert spent < node.allowance.spent <= spent + 4 * MOST // 32


def test_it_is_written_down_seldom() -> None:
    node = Metered()
    node.boot()
    node.live(24 * 5, 650)
    assert node.disk.counts["write_small"] / 5 < 50


def test_without_a_limit_nothing_is_written_down() -> None:
    disk = MemoryDisk()
    Ration(disk, "b" * 32, Allowance(Pace()), 0).keep(NOBODY, 1, last=True)
    assert disk.names() == []


def test_what_cannot_be_read_yet_is_added_when_it_can() -> None:
    node = Metered()
    node.boot()
    node.live(3, 1_000)
    node.keep(last=True)
    spent = node.allowance.spent
    node.disk.fail("read_small", errno.EIO, times=3)
    node.begin()
    node.allowance.spend(1_000 - OVERHEAD, node.now_ms)
    node.keep()
    node.keep()
    assert node.allowance.spent == spent + 1_000
    node.disk.write_small(FILE, b'{"number": "x"}')
    node.begin()
    assert node.allowance.spent == MOST * (node.now_ms % DAY_MS) // DAY_MS, "rotten: the hours since boot"
    node.disk.fail("write_small", errno.EROFS)
    node.keep()
    node.begin()


@pytest.mark.parametrize("rotten", [b"", b"[]", b"{}", b"[" * 100_000] + [
    json.dumps({**asdict(Day(1, "b", 0, 0, 0, 0)), key: value}).encode()
    for key, value in {"number": "x", "boot_id": 1, "passed_ms": DAY_MS + 1, "spent": -1, "begin_ms": True}.items()
])  # fmt: skip
def test_a_file_that_is_none_is_refused(rotten: bytes) -> None:
    disk = MemoryDisk()
    disk.write_small(FILE, rotten)
    with pytest.raises(ValueError):
        read(disk)


def test_a_day_without_a_clock_ends_24_hours_after_its_beginning_and_at_midnight_once_it_is_known() -> None:
    allowance = Allowance(Pace(day_bytes=MOST), 5 * HOUR)
    allowance.resume(None, "b" * 32, 5 * HOUR)
    allowance.spend(MOST, 6 * HOUR)
    assert allowance.live_wait_ms(6 * HOUR) == 29 * HOUR
    allowance.dated(20_000 * DAY_MS + 10 * HOUR, 7 * HOUR)
    assert allowance.live_wait_ms(7 * HOUR) == 14 * HOUR, "what was spent is spent of this day"
    allowance.dated(20_000 * DAY_MS + 10 * HOUR, 14 * HOUR)
    assert allowance.live_wait_ms(14 * HOUR) is None


def test_a_run_that_begins_in_the_midst_of_a_day_has_what_is_left_of_it() -> None:
    assert Allowance(Pace(day_bytes=24_000), 3 * DAY_MS + 6 * HOUR).spent == 6_000


def test_a_node_goes_on_with_its_day_after_a_power_cut() -> None:
    office = OfficePlan("mqtt://x", "c.json", publish_ms=0, metered=True, day_bytes=200_000)
    pole = Pole(wiring=replace(WIRING, office=office))
    pole.live(30)
    spent = pole.agent.node.courier.uplink.outbox.allowance.spent if pole.agent.node.courier else 0
    assert spent > 30 * OVERHEAD and FILE in pole.disk.names()
    pole.clock.now_us = 1_000_000
    pole.start("2" * 32)
    assert pole.agent.node.courier is not None
    resumed = pole.agent.node.courier.uplink.outbox.allowance.spent
    assert spent <= resumed <= spent + 200_000 // 16
    pole.agent.node.end()
    assert read(pole.disk).spent == pole.agent.node.courier.uplink.outbox.allowance.spent


def test_tokens_are_there_as_soon_as_they_can_be_and_no_more_than_fit() -> None:
    tokens = Tokens(20, 4.0, 0)
    tokens.take(20, 0)
    assert tokens.wait_ms(1, 0) == 251 and tokens.wait_ms(1, 249) == 251
    assert tokens.wait_ms(1, 250) is None
    assert tokens.wait_ms(20, 10_000) is None
    tokens.take(20, 10_000)
    assert tokens.wait_ms(2, 10_000) == 10_501


@pytest.mark.parametrize(("spent", "at_ms", "due"), [(750, 1, False), (751, 1, True), (300, WRITE_MS - 1, False),
                                                     (300, WRITE_MS, True)])  # fmt: skip
def test_it_is_written_down_before_more_is_spent_than_it_says_and_every_few_hours(
    spent: int, at_ms: int, due: bool
) -> None:
    allowance = Allowance(Pace(day_bytes=32_000), 0)
    assert allowance.unkept(0) and allowance.day("b", 0).spent == 1_000
    allowance.kept(0)
    allowance.spend(spent - OVERHEAD, 1)
    assert allowance.unkept(at_ms) == due


def test_a_new_day_begins_with_nothing_spent_and_is_written_down_at_once() -> None:
    allowance = Allowance(Pace(day_bytes=32_000), 0)
    allowance.spend(5_000, 1, backlog=True)
    allowance.kept(1)
    assert allowance.day("b", DAY_MS + 5, last=True) == Day(None, "b", DAY_MS, 5, 0, 0)
    assert allowance.unkept(DAY_MS + 5)
