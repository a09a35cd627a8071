"""Edges in windows: by the kernel's stamps, with its losses, over real drivers and simulated lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from drivers.contact import Contact
from drivers.errors import BusFault
from drivers.lines import Edge, LinesDriver
from drivers.pulse_counter import PulseCounter
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import SettingValue
from edge.buses.port import EdgeEvent
from edge.events import Event
from edge.runners.lines import LATE_WINDOWS, LOST, LinesRunner
from simulators.clock import VirtualClock
from tests.edge.runners.hands import drive, failed, sampled, stamps


@dataclass(frozen=True)
class Stamped:
    event_type: int
    timestamp_ns: int
    line_offset: int
    global_seqno: int
    line_seqno: int


@dataclass
class Lines:
    """A request for lines whose kernel keeps `holds` edges, the newest."""

    fd: int = 9
    offset_us: int = 0
    holds: int = 1_024
    events: list[EdgeEvent] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    refuse: BusFault | None = None
    opened: int = 0

    def open(self) -> Lines:
        self.opened += 1
        self.check()
        self.events.clear()
        self.numbers.clear()
        return self

    def check(self) -> None:
        if self.refuse:
            raise self.refuse

    def edge(self, at_us: int, level: int, offset: int = 17) -> None:
        self.numbers[offset] = self.numbers.get(offset, 0) + 1
        together = sum(self.numbers.values())
        stamped = Stamped(1 if level else 2, (at_us - self.offset_us) * 1_000, offset, together, self.numbers[offset])
        self.events = [*self.events, stamped][-self.holds :]

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        assert timeout == 0, "a runner never blocks"
        self.check()
        return bool(self.events)

    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]:
        taken, self.events = self.events[:64], self.events[64:]
        return taken

    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]:
        self.check()
        return [self.levels.get(line, 0) for line in lines or ()]

    def release(self) -> None:
        """Nothing is held."""


class Ups(LinesDriver):
    """Counts activations; gives the losses it was told of on a channel of their own."""

    name = "ups"
    measures = (Quantity.COUNT,)

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        self.ups = self.gone = 0
        self.heard: list[Edge] = []

    def edge(self, edge: Edge) -> None:
        self.heard.append(edge)
        self.ups += edge.level

    def lost(self, edges: int) -> None:
        self.gone += edges

    def close(self, at_us: int) -> list[Reading]:
        counted, self.ups = self.ups, 0
        return [Reading(Quantity.COUNT, float(counted))]


class Heads(Ups):
    """Counts people."""

    counts_people = True


def counts(events: Sequence[Event]) -> list[tuple[int, float]]:
    return [(event.at_ms, event.readings[0].value) for event in sampled(events)]


def runner_on(lines: Lines, window_ms: int = 10_000) -> tuple[LinesRunner, Ups]:
    driver = Ups()
    return LinesRunner("a", driver, window_ms, {"line": 17}, lines.open), driver


def test_zero_windows_are_readings_and_the_first_part_of_a_window_is_flagged() -> None:
    clock = VirtualClock(now_us=4_000_000)
    runner, _ = runner_on(Lines())
    events = drive(runner, clock, 40)
    assert counts(events) == [(10_000, 0), (20_000, 0), (30_000, 0), (40_000, 0)]
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.WARMING, *[Flag.NONE] * 3]


@given(
    st.lists(st.integers(0, 59_999_999), max_size=300).map(sorted),
    st.lists(st.integers(1, 59_000), max_size=30).map(sorted),
    st.integers(-(10**9), 10**9),
)
def test_every_edge_counts_in_the_window_of_its_stamp(ups: list[int], steps_ms: list[int], offset_us: int) -> None:
    """However late the steps come, within what is caught up with."""
    lines = Lines(offset_us=offset_us)
    runner, driver = runner_on(lines)
    runner.step(0)
    events: list[Event] = []
    told = 0
    for now_ms in [*steps_ms, 60_000]:
        while told < len(ups) and ups[told] <= now_ms * 1_000:
            lines.edge(ups[told], 1)
            told += 1
        events += runner.step(now_ms)
    expected = [(at, sum(1 for up in ups if at - 10_000 <= up / 1_000 < at)) for at in range(10_000, 60_001, 10_000)]
    assert counts(events) == expected
    assert [edge.at_us for edge in driver.heard] == ups


SECONDS = st.integers(1, 29_000)


@given(
    st.integers(0, 29_999),
    st.lists(st.tuples(st.sampled_from(["work", "late", "pull"]), SECONDS), max_size=12),
    st.lists(st.integers(0, 399_999), max_size=60).map(sorted),
)
def test_people_are_never_counted_over_less_than_a_window(
    start_ms: int, script: list[tuple[str, int]], passages: list[int]
) -> None:
    """Whatever is started, pulled or late: each count is of a window watched from end to end, and none is lost."""
    lines, window_ms = Lines(), 10_000
    driver = Heads()
    runner = LinesRunner("a", driver, window_ms, {"line": 17}, lines.open)
    events = runner.step(start_ms)
    now_ms, seen, blind = start_ms, 0, [(0, start_ms)]
    blind_ms: int | None = None
    todo = [at_ms for at_ms in passages if at_ms > start_ms]

    def work(until_ms: int, pace_ms: int) -> None:
        nonlocal now_ms, seen, blind_ms
        while now_ms < until_ms:
            now_ms, opened = min(now_ms + pace_ms, until_ms), lines.opened
            while todo and todo[0] < now_ms:
                at_ms = todo.pop(0)
                if blind_ms is None:
                    lines.edge(at_ms * 1_000, 1)
                    seen += 1
            events.extend(runner.step(now_ms))
            if blind_ms is not None and lines.opened > opened and lines.refuse is None:
                blind.append((blind_ms, now_ms))
                blind_ms = None

    for act, length_ms in script:
        if act == "pull":
            blind_ms = now_ms if blind_ms is None else blind_ms
            lines.refuse = BusFault("pulled")
            work(now_ms + length_ms, 1_000)
            lines.refuse = None
        work(now_ms + length_ms, 1_000 if act == "work" else length_ms)
    work(now_ms + 40_000, 500)
    for event in sampled(events):
        begin_ms = event.at_ms - window_ms
        assert all(until <= begin_ms or since >= event.at_ms for since, until in blind)
    assert sum(value for _, value in counts(events)) + driver.ups == seen
    assert sampled(events)


def test_a_node_that_starts_a_second_before_the_window_ends_says_nothing_of_that_second() -> None:
    lines, clock = Lines(), VirtualClock(now_us=299_000_000)
    runner = LinesRunner("door", PulseCounter(counts="people"), 300_000, {"line": 17}, lines.open)
    runner.step(clock.boot_ms())
    lines.edge(299_300_000, 1)
    events = drive(runner, clock, 400)
    assert not events
    lines.edge(450_000_000, 1)
    events = drive(runner, clock, 900)
    assert counts(events) == [(600_000, 2), (900_000, 0)]
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.WARMING, Flag.NONE]
    assert [event.readings[1].value for event in sampled(events)] == [2, 2]


def test_a_lossy_window_of_people_is_flagged_but_told() -> None:
    lines, clock = Lines(holds=100), VirtualClock()
    runner = LinesRunner("door", Heads(), 300_000, {"line": 17}, lines.open)
    drive(runner, clock, 700)
    for number in range(250):
        lines.edge(clock.now_us + number, number % 2)
    assert [event.readings[0].flags for event in sampled(drive(runner, clock, 1_200))] == [Flag.WARMING, Flag.NONE]


def test_lines_that_come_back_between_a_boundary_and_a_late_look_have_no_whole_window() -> None:
    lines = Lines()
    runner = LinesRunner("door", Heads(), 300_000, {"line": 17}, lines.open)
    runner.step(0)
    lines.refuse = BusFault("pulled")
    runner.step(200_000)
    lines.refuse = None
    events = runner.step(599_000)  # nobody looked for long
    lines.edge(599_500_000, 1)
    events += runner.step(600_000)
    assert not sampled(events)
    assert counts(runner.step(900_000)) == [(900_000, 1)]


def test_what_the_kernel_dropped_is_told_before_the_next_edge_and_flagged() -> None:
    lines = Lines(holds=100)
    runner, driver = runner_on(lines)
    drive(runner, clock := VirtualClock(), 10)
    for number in range(250):
        lines.edge(clock.now_us + number, number % 2)
    events = drive(runner, clock, 30)
    assert driver.gone == runner.counters()["a"][LOST] == 150
    assert len(driver.heard) == 100
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.WARMING, Flag.NONE]


def test_a_long_sleep_closes_a_few_windows_and_counts_the_rest_as_missed() -> None:
    runner, _ = runner_on(Lines())
    runner.step(0)
    events = runner.step(1_000_001)
    assert stamps(events) == list(range(1_000_000 - (LATE_WINDOWS - 1) * 10_000, 1_000_001, 10_000))
    assert runner.counters()["a"]["missed"] == 100 - LATE_WINDOWS


def test_a_chip_that_goes_away_and_comes_back() -> None:
    clock = VirtualClock()
    lines = Lines()
    runner, _ = runner_on(lines)
    drive(runner, clock, 22)
    lines.refuse = BusFault("gpiochip2 is gone")
    events = drive(runner, clock, 322)
    assert stamps(events) == [30_000]
    assert sampled(events)[0].readings[0].flags == Flag.WARMING
    assert {event.text for event in failed(events)} == {"gpiochip2 is gone"}
    assert 29 <= len(failed(events)) <= 31
    lines.refuse = None
    flags = [event.readings[0].flags for event in sampled(drive(runner, clock, 350))]
    assert flags == [Flag.WARMING, Flag.NONE, Flag.NONE]
    assert lines.opened < 90


def test_lines_that_are_never_there() -> None:
    lines = Lines(refuse=BusFault("no such chip"))
    runner, _ = runner_on(lines, 60_000)
    events = drive(runner, VirtualClock(), 240, steps=200)
    assert not sampled(events)
    assert 4 <= len(failed(events)) <= 5


def test_a_driver_with_a_bug_is_contained() -> None:
    class Chokes(Ups):
        def edge(self, edge: Edge) -> None:
            raise KeyError(edge.line)

    lines = Lines()
    runner = LinesRunner("a", Chokes(), 10_000, {"line": 17}, lines.open)
    clock = VirtualClock()
    drive(runner, clock, 5)
    for number in range(50):
        lines.edge(clock.now_us + number, 1)
    events = drive(runner, clock, 30)
    assert {event.cause for event in failed(events)} == {"bug"}
    assert counts(events) == [(20_000, 0), (30_000, 0)]
    assert runner.counters()["a"]["bug"] == 1


def test_the_real_counter_adds_up_over_windows() -> None:
    clock = VirtualClock()
    lines = Lines()
    runner = LinesRunner("rain", PulseCounter(), 10_000, {"line": 17}, lines.open)
    events: list[Event] = []
    for second in range(60):
        events += drive(runner, clock, second)
        lines.edge(clock.now_us, 1)
        lines.edge(clock.now_us + 100_000, 0)
    events += drive(runner, clock, 60)
    window = [event.readings[0].value for event in sampled(events)]
    assert sum(window) == sampled(events)[-1].readings[1].value == 60
    assert set(window) == {10.0}


def test_how_the_lines_stand_is_told_when_they_are_opened_and_opened_anew() -> None:
    """A door that stands open when the agent starts is open, though no edge ever said so; shut unseen, it is shut."""
    clock, lines, driver = VirtualClock(), Lines(levels={17: 1}), Contact()
    runner = LinesRunner("door", driver, 10_000, {"line": 17}, lines.open)
    events = drive(runner, clock, 30)
    lines.refuse = BusFault("the chip is gone")
    events += drive(runner, clock, 40)
    lines.refuse, lines.levels = None, {17: 0}
    events += drive(runner, clock, 90)
    openness = {event.at_ms: event.readings[0].value for event in sampled(events)}
    assert [openness[at] for at in (10_000, 20_000, 30_000)] == [1, 1, 1]
    assert [openness[at] for at in (80_000, 90_000)] == [0, 0]
    assert all(event.readings[2].value == 0 for event in sampled(events)), "nobody opened it"
