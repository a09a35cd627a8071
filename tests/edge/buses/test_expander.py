"""Lines of an expander: every certain edge once, doubt where there may be more, and no edge of a lost configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusFault
from edge.buses.expander import LOOK_MS, Expander, ExpanderLines
from simulators.chips.mcp23017 import MCP23017
from simulators.chips.pulse_counter import PulseCounter
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.edge.test_helpers import HandPump


class Pole:
    """Contacts to ground at the pins 1, 2 and 12."""

    def __init__(self) -> None:
        self.clock = VirtualClock(now_us=5_000_000)
        self.chip = MCP23017(self.clock.boot_us)
        self.contacts = {pin: PulseCounter(self.clock.boot_us) for pin in (1, 2, 12)}
        for pin, contact in self.contacts.items():
            self.chip.wire(contact, {"line": pin}, grounds=True)
        self.bus = SimulatedI2C({0x20: self.chip})
        self.pumps: list[HandPump] = []
        self.expander = Expander(
            self.bus, 0x20, self.clock.boot_us, lambda look, every_ms: HandPump(look, every_ms, self.pumps)
        )

    def request(self, *pins: int) -> ExpanderLines:
        return self.expander.request(pins, "pull_up", True)

    def live(self, milliseconds: int, every_ms: int = LOOK_MS) -> None:
        for _ in range(milliseconds // every_ms):
            self.clock.advance(every_ms / 1_000)
            for pump in list(self.pumps):
                pump.look()

    def press(self, pin: int, *edges_us: int) -> None:
        for number, at_us in enumerate(edges_us):
            self.contacts[pin].plan(self.clock.now_us + at_us, "line", 1 - number % 2)


def told(lines: ExpanderLines) -> list[tuple[int, int]]:
    found = []
    while lines.wait_edge_events(0):
        found += [(event.line_offset, 2 - int(event.event_type.value)) for event in lines.read_edge_events()]  # type: ignore[attr-defined]
    return found


@given(st.lists(st.tuples(st.integers(100, 4_000), st.integers(11_000, 60_000)), max_size=12))
def test_pulses_shorter_than_the_looks_are_all_counted(pulses: list[tuple[int, int]]) -> None:
    pole = Pole()
    lines, at_us = pole.request(1), 0
    for length_us, rest_us in pulses:
        pole.press(1, at_us + 50, at_us + 50 + length_us)
        at_us += rest_us
    pole.live(1_000)
    events = list(lines.read_edge_events())
    assert [event.event_type.value for event in events] == [1, 2] * len(pulses)  # type: ignore[attr-defined]
    assert [event.global_seqno for event in events] == list(range(1, 2 * len(pulses) + 1)), "nothing is in doubt"
    stamps = [event.timestamp_ns for event in events]
    assert stamps == sorted(stamps)
    lines.release()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9_000)), max_size=40))
def test_what_is_told_alternates_and_is_never_more_than_happened(steps: list[tuple[int, int]]) -> None:
    pole = Pole()
    lines, at_us, happened = pole.request(1, 2, 12), 0, {1: 0, 2: 0, 12: 0}
    for which, after_us in steps:
        at_us += after_us
        pin = (1, 2, 12)[which]
        happened[pin] += 1
        pole.contacts[pin].plan(pole.clock.now_us + at_us, "line", happened[pin] % 2)
    pole.live(450)
    found = told(lines)
    for pin, count in happened.items():
        levels = [level for at, level in found if at == pin]
        assert levels == [1 - number % 2 for number in range(len(levels))]
        assert len(levels) <= count
        assert len(levels) % 2 == count % 2
    lines.release()


def test_a_late_look_is_in_doubt_only_when_something_happened() -> None:
    pole = Pole()
    lines = pole.request(1, 12)
    pole.live(400, every_ms=200)
    pole.press(1, 1_000, 2_000)
    pole.live(5)
    assert [event.global_seqno for event in lines.read_edge_events()] == [1, 2]
    pole.press(1, 1_000, 2_000)
    pole.live(200, every_ms=200)
    assert [event.global_seqno for event in lines.read_edge_events()] == [4, 5]


def test_several_sensors_share_the_chip_and_cost_each_other_no_edge() -> None:
    pole = Pole()
    one = pole.request(1)
    pole.press(1, 1_000, 2_000)
    pole.clock.advance(0.003)
    other = pole.request(2, 12)
    assert told(one) == [(1, 1), (1, 0)]
    with pytest.raises(BusFault, match="in use"):
        pole.request(12)
    pole.press(12, 1_000)
    pole.press(1, 1_000)
    pole.live(10)
    assert (told(one), told(other)) == ([(1, 1)], [(12, 1)])
    assert (list(one.get_values()), list(other.get_values())) == ([1], [0, 1])
    one.release()
    pole.press(2, 1_000)
    pole.live(10)
    assert told(other) == [(2, 1)]
    other.release()
    assert pole.pumps == []


def test_a_chip_that_lost_its_power_breaks_all_requests_and_comes_back() -> None:
    pole = Pole()
    one, other = pole.request(1), pole.request(2)
    pole.press(1, 0, 900_000)
    pole.live(100)
    assert told(one) == [(1, 1)]
    pole.chip.faults.brown_out()
    pole.live(1_100)
    for lines in (one, other):
        with pytest.raises(BusFault, match="lost its configuration"):
            lines.wait_edge_events(0)
        lines.release()
    again = pole.request(1)
    assert told(again) == []
    pole.press(1, 1_000, 2_000)
    pole.live(10)
    assert told(again) == [(1, 1), (1, 0)]


def test_a_bus_that_hangs_for_a_moment_costs_certainty_and_not_the_port() -> None:
    pole = Pole()
    lines = pole.request(1)
    pole.chip.faults.sda_stuck = True
    pole.press(1, 10_000, 100_000)
    pole.live(300)
    pole.chip.faults.sda_stuck = False
    pole.press(1, 10_000)
    pole.live(50)
    events = lines.read_edge_events()
    assert events[-1].global_seqno > len(events), "some may be missing, and that is told"
    pole.chip.faults.unplug = True
    pole.live(700)
    with pytest.raises(BusFault, match="does not answer"):
        lines.read_edge_events()


@pytest.mark.parametrize(
    ("pins", "bias", "why"), [((16,), "as_is", "0 to 15"), ((3,), "pull_down", "can not pull down")]
)
def test_wishes_that_it_can_not_fulfil(pins: tuple[int, ...], bias: str, why: str) -> None:
    with pytest.raises(BusFault, match=why):
        Pole().expander.request(pins, bias, False)


def test_an_absent_chip_says_so() -> None:
    pole = Pole()
    pole.chip.faults.unplug = True
    with pytest.raises(BusFault, match="0x20"):
        pole.request(1)
    pole.chip.faults.unplug = False
    assert pole.request(1).fd >= 0
