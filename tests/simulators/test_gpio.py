"""Simulated lines keep the kernel's rules, as `gpiod` shows them, and lead into the drivers."""

from __future__ import annotations

import select
import threading
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusFault
from drivers.lines import Edge
from simulators.chips.dual_beam import DualBeam
from simulators.chips.pulse_counter import PulseCounter
from simulators.clock import VirtualClock
from simulators.gpio import LARGEST_BUFFER, SimulatedLines, Type

gpiod = pytest.importorskip("gpiod", reason="NOT TESTED: gpiod is not installed: make setup")


def lines(size: int = LARGEST_BUFFER) -> SimulatedLines:
    return SimulatedLines(DualBeam(lambda: 0), {"a": 17, "b": 27}, size)


def edges(count: int, line: str = "a") -> list[Edge]:
    return [Edge(number, line, 1 - number % 2) for number in range(count)]


def readable(port: SimulatedLines) -> bool:
    return bool(select.select([port], [], [], 0)[0])


def test_it_has_the_face_of_gpiod() -> None:
    face = {"fd", "fileno", "wait_edge_events", "read_edge_events", "get_values", "release", "offsets"}
    assert face <= set(dir(gpiod.LineRequest)) & set(dir(SimulatedLines))
    assert {kind.name: kind.value for kind in Type} == {kind.name: kind.value for kind in gpiod.EdgeEvent.Type}
    port = lines()
    port.push(edges(1))
    event = port.read_edge_events()[0]
    ours = {"event_type", "timestamp_ns", "line_offset", "global_seqno", "line_seqno"}
    assert ours == {field.name for field in fields(gpiod.EdgeEvent)} == {field.name for field in fields(event)}
    port.release()


def test_a_full_buffer_drops_the_oldest_and_the_numbers_tell() -> None:
    port = lines()
    port.push(edges(1500))
    events = [event for _ in range(2) for event in port.read_edge_events(512)]
    assert len(events) == 1024
    assert [event.line_seqno for event in events] == list(range(477, 1501))
    assert [event.global_seqno for event in events] == list(range(477, 1501))
    assert events[-1].timestamp_ns == 1499 * 1000
    port.push(edges(1))
    assert port.read_edge_events()[0].line_seqno == 1501
    port.release()


@pytest.mark.parametrize(("asked", "kept"), [(0, 32), (1, 1), (33, 64), (1000, 1024), (5000, 1024)])
def test_buffer_sizes_are_the_kernels(asked: int, kept: int) -> None:
    port = lines(asked)
    port.push(edges(2000))
    assert len(port.read_edge_events(5000)) == kept
    port.release()


def test_each_line_is_numbered_and_all_together() -> None:
    port = lines()
    port.push([Edge(1, "a", 1), Edge(2, "b", 1), Edge(3, "a", 0)])
    events = port.read_edge_events()
    assert [(e.line_offset, e.line_seqno, e.global_seqno) for e in events] == [(17, 1, 1), (27, 1, 2), (17, 2, 3)]
    assert [e.event_type for e in events] == [Type.RISING_EDGE, Type.RISING_EDGE, Type.FALLING_EDGE]
    assert port.get_values() == [0, 1]
    assert port.get_values([27]) == [1]
    port.release()


@given(st.lists(st.one_of(st.integers(0, 2000), st.just(-1), st.integers(-900, -2)), max_size=12))
def test_the_descriptor_is_readable_exactly_while_events_wait(acts: list[int]) -> None:
    """Positive: so many edges come; negative: so many are read."""
    port, waiting = lines(), 0
    try:
        for act in acts:
            if act >= 0:
                port.push(edges(act))
                waiting = min(1024, waiting + act)
            elif waiting:
                waiting -= len(port.read_edge_events(-act))
            assert readable(port) == (waiting > 0) == port.wait_edge_events(0)
    finally:
        port.release()


def test_edges_of_the_future_do_not_exist_yet() -> None:
    clock = VirtualClock()
    chip = PulseCounter(clock.boot_us)
    port = SimulatedLines(chip, {"line": 4})
    chip.passes(1_000_000)
    assert not port.wait_edge_events(0)
    clock.advance(1.0)
    assert port.wait_edge_events(0)
    assert len(port.read_edge_events()) == 1
    clock.advance(1.0)
    assert [event.timestamp_ns for event in port.read_edge_events()] == [1_060_000_000]
    port.release()


def test_who_waits_is_woken_by_an_edge_from_another_thread() -> None:
    port = lines()
    other = threading.Thread(target=lambda: port.push(edges(1)))
    other.start()
    assert port.wait_edge_events(30)
    other.join()
    port.release()


def test_released_lines_are_gone() -> None:
    port = lines()
    port.release()
    port.release()
    port.push(edges(1))
    for use in (lambda: port.fd, port.get_values, port.read_edge_events, lambda: port.wait_edge_events(0)):
        with pytest.raises(BusFault):
            use()


def test_a_frozen_chip_makes_no_edges() -> None:
    clock = VirtualClock()
    chip = PulseCounter(clock.boot_us)
    chip.passes(10)
    chip.faults.freeze = True
    clock.advance(1)
    assert chip.edges() == []
    chip.faults.freeze = False
    assert chip.edges() == []


@pytest.mark.parametrize("knob", ["freeze", "unplug", "stuck_busy", "brown_out"])
def test_edges_are_lost_while_a_chip_is_silent_and_come_again(knob: str) -> None:
    clock = VirtualClock()
    chip = PulseCounter(clock.boot_us)
    chip.passes(10)
    chip.faults.turn(knob)
    clock.advance(1)
    assert chip.edges() == []
    if knob != "brown_out":
        chip.faults.turn(knob, 0)
    chip.passes(2_000_000)
    clock.advance(2)
    assert [edge.level for edge in chip.edges()] == [1, 0]


def test_noise_is_needles_on_every_line() -> None:
    clock = VirtualClock()
    chip = DualBeam(clock.boot_us)
    clock.advance(1)
    chip.faults.garbage(3)
    noise = chip.edges()
    assert [edge.at_us for edge in noise] == sorted(edge.at_us for edge in noise)
    assert sum(edge.level for edge in noise if edge.line == "a") == 3 == sum(e.level for e in noise if e.line == "b")
    assert chip.edges() == []
