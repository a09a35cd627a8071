"""Bursts of up to 5000 pulses a second through the face of `LineRequest`, with a runner that comes when it can.

The lines keep the kernel's rules (`simulators/gpio.py`): 1024 edges are held, the oldest goes first, every edge has its
number. Whatever the bursts and however late the steps: either nothing is lost, or exactly what was lost is counted, and
every window that may lack it is flagged. A window without a flag is right to the last pulse.
"""

from __future__ import annotations

import errno
import itertools
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.dual_beam import DualBeam
from drivers.errors import BusFault
from drivers.lines import LinesDriver
from drivers.pulse_counter import PulseCounter
from drivers.reading import Flag
from edge.buses.gpio import LinuxLines
from edge.buses.port import EdgeEvent
from edge.events import Sampled
from edge.runners.lines import LOST, LinesRunner
from simulators.chips.dual_beam import DualBeam as Gate
from simulators.chips.lines_chip import LinesChip
from simulators.chips.pulse_counter import PulseCounter as Contact
from simulators.clock import VirtualClock
from simulators.gpio import LARGEST_BUFFER, SimulatedLines
from tests.edge.runners.hands import sampled

WINDOW_MS = 1_000
BURST = st.tuples(st.integers(0, 2_000_000), st.integers(1, 1_200), st.floats(1_000, 5_000))  # pause, pulses, hertz
BURSTS = st.lists(BURST, min_size=1, max_size=3)
DELAYS_MS = st.lists(st.integers(20, 900), min_size=1, max_size=8)
FEW = settings(max_examples=25)


@dataclass
class Bench:
    """A runner on simulated lines, stepped after these delays in turn; beside it what the kernel must have done."""

    chip: LinesChip
    driver: LinesDriver
    clock: VirtualClock
    dropped_us: list[int] = field(default_factory=list)
    doubtful_us: list[tuple[int, int]] = field(default_factory=list)  # from the step before a loss to the edge after

    def __post_init__(self) -> None:
        pins = {line: offset for offset, line in enumerate(self.chip.lines, 17)}
        self.runner = LinesRunner("a", self.driver, WINDOW_MS, pins, lambda: SimulatedLines(self.chip, pins))

    def run(self, until_us: int, delays_ms: list[int]) -> list[Sampled]:
        planned = sorted(at_us for at_us, *_ in self.chip._coming)
        events = self.runner.step(0)
        for delay_ms in itertools.cycle(delays_ms):
            before_us = self.clock.now_us
            self.clock.advance(delay_ms / 1_000)
            self._keep(before_us, planned[bisect_right(planned, before_us) : bisect_right(planned, self.clock.now_us)])
            events += self.runner.step(self.clock.boot_ms())
            if self.clock.now_us > until_us:
                break
        self.runner.close()
        return sampled(events)

    def _keep(self, looked_us: int, arrived_us: list[int]) -> None:
        """The kernel's rule, said once more: of what arrives between two steps the newest 1024 are kept."""
        gone = arrived_us[: max(0, len(arrived_us) - LARGEST_BUFFER)]
        if gone:
            self.doubtful_us.append((looked_us, arrived_us[len(gone)]))
        self.dropped_us += gone

    def may_lack(self, window: Sampled, lasts_us: int = 0) -> bool:
        """Whether a loss may lie in this window, or what was under way then ends in it after so long."""
        from_us, to_us = (window.at_ms - WINDOW_MS) * 1_000, window.at_ms * 1_000
        return any(
            first < to_us and (last >= from_us or last + lasts_us > from_us) for first, last in self.doubtful_us
        )


def pulses(bursts: list[tuple[int, int, float]]) -> Iterator[int]:
    """When each pulse begins, in µs; of each pulse half is high."""
    at_us = 1_000
    for pause_us, count, hertz in bursts:
        at_us += pause_us
        for number in range(count):
            yield at_us + round(number * 1e6 / hertz)
        at_us += round(count * 1e6 / hertz) + 1_000


def flagged(window: Sampled) -> bool:
    return any(reading.flags & Flag.WARMING for reading in window.readings)


def within(window: Sampled, times_us: list[int]) -> int:
    return sum(1 for at_us in times_us if window.at_ms - WINDOW_MS <= at_us / 1_000 < window.at_ms)


@FEW
@given(BURSTS, DELAYS_MS)
@example([(0, 1024, 5_000.0)], [20])
@example([(0, 2500, 5_000.0)], [900])
@example([(1_770_001, 513, 3_181.0)], [161])
@example([(500_000, 2500, 5_000.0), (3_000_000, 1, 100.0)], [900, 20])
def test_no_pulse_is_lost_in_silence(bursts: list[tuple[int, int, float]], delays_ms: list[int]) -> None:
    no_pulse_is_lost_in_silence(bursts, delays_ms)


@pytest.mark.deep
@settings(max_examples=1_000)
@given(BURSTS, DELAYS_MS)
def test_no_pulse_is_lost_in_silence_ever(bursts: list[tuple[int, int, float]], delays_ms: list[int]) -> None:
    no_pulse_is_lost_in_silence(bursts, delays_ms)


def no_pulse_is_lost_in_silence(bursts: list[tuple[int, int, float]], delays_ms: list[int]) -> None:
    clock = VirtualClock()
    chip, ups_us = Contact(clock.boot_us), list(pulses(bursts))
    for up_us, (_, _, hertz) in zip(ups_us, (burst for burst in bursts for _ in range(burst[1])), strict=True):
        chip.plan(up_us, "line", 1)
        chip.plan(up_us + round(5e5 / hertz), "line", 0)
    bench = Bench(chip, PulseCounter(debounce_ms=0), clock)
    windows = bench.run(ups_us[-1] + 3_000_000, delays_ms)
    assert bench.runner.tally[LOST] == len(bench.dropped_us)
    for window in windows:
        count, true = window.readings[0].value, within(window, ups_us)
        assert count <= true
        assert flagged(window) == bench.may_lack(window), window
        assert flagged(window) or count == true
    if not bench.dropped_us:
        assert windows[-1].readings[1].value == len(ups_us)


@FEW
@given(st.floats(1_000, 5_000), st.integers(1, 2_000), st.lists(st.integers(10, 100), min_size=1, max_size=8))
@example(5_000.0, 10_000, [100])
def test_steps_within_a_tenth_of_a_second_lose_nothing(hertz: float, count: int, delays_ms: list[int]) -> None:
    """1024 edges are 102 ms at 5 kHz; a runner whose descriptor is watched comes after 20."""
    clock = VirtualClock()
    chip = Contact(clock.boot_us)
    for up_us in pulses([(0, count, hertz)]):
        chip.plan(up_us, "line", 1)
        chip.plan(up_us + round(5e5 / hertz), "line", 0)
    bench = Bench(chip, PulseCounter(debounce_ms=0), clock)
    windows = bench.run(round(count * 1e6 / hertz) + 1_500_000, delays_ms)
    assert bench.runner.tally[LOST] == 0 == len(bench.dropped_us)
    assert sum(window.readings[0].value for window in windows) == count
    assert not any(flagged(window) for window in windows)


ACT = st.one_of(st.sampled_from(["in", "out"]), st.tuples(st.sampled_from("ab"), st.integers(1, 1_500)))


@FEW
@given(st.lists(ACT, min_size=1, max_size=6), DELAYS_MS)
@example(["in", ("a", 2000), "in"], [900])
@example([("b", 2000), "in", "out"], [700])
@example(["in", "in", ("a", 512), "in"], [292, 826])
@example(["in", "in", "in", "in", "in", ("a", 511)], [20, 883])
def test_a_loss_on_one_beam_spoils_no_window_without_a_flag(
    acts: list[str | tuple[str, int]], delays: list[int]
) -> None:
    """Noise on one beam pushes people out of the buffer; a window without a flag is right all the same."""
    clock = VirtualClock()
    chip, at_us = Gate(clock.boot_us), 10_000
    ends: dict[str, list[int]] = {"in": [], "out": []}
    for act in acts:
        if isinstance(act, str):
            chip.passes(at_us, act)
            ends[act].append(at_us + 280_000)
        else:
            line, count = act
            for number in range(count):
                chip.plan(at_us + number * 200, line, 1)
                chip.plan(at_us + number * 200 + 100, line, 0)
        at_us += 700_000
    driver = DualBeam(timeout_s=0.5)
    bench = Bench(chip, driver, clock)
    driver.counts_people = False  # every window is told, so that every window can be judged
    windows = bench.run(at_us + 2_000_000, delays)
    assert bench.runner.tally[LOST] == len(bench.dropped_us)
    for window in windows:
        for reading in window.readings[:2]:
            true = within(window, ends[reading.channel])
            assert reading.value <= true
            assert flagged(window) or reading.value == true, (window, bench.doubtful_us)
        assert flagged(window) == bench.may_lack(window, 500_000)


def sim_line() -> tuple[Path, int, Path] | None:
    """A simulated line of the kernel (gpio-sim through configfs): chip, offset, and the file that pulls it."""
    root = Path("/sys/kernel/config/gpio-sim")
    if not root.is_dir() or not os.access(root, os.W_OK):
        return None
    device = root / "lantaarn"
    try:
        (device / "bank").mkdir(parents=True, exist_ok=True)
        (device / "bank" / "num_lines").write_text("2")
        (device / "live").write_text("1")
    except OSError as error:
        if error.errno != errno.EBUSY:
            return None
    name = (device / "bank" / "chip_name").read_text().strip()
    parent = (device / "dev_name").read_text().strip()
    pull = Path("/sys/devices/platform") / parent / name / "sim_gpio0" / "pull"
    return Path("/dev") / name, 0, pull


def test_a_real_line_of_the_kernel() -> None:
    """The contract with the kernel itself: buffer, numbers and stamps, where a line can be pulled by software."""
    found = sim_line()
    if found is None:
        chips = sorted(Path("/dev").glob("gpiochip*"))
        pytest.skip(
            "NOT TESTED: no line that software can pull (gpio-sim in configfs as root); the kernel's side is unproven; "
            f"gpiochips here: {', '.join(map(str, chips)) or 'none'}"
        )
    chip, offset, pull = found
    pull.write_text("pull-down")
    port = LinuxLines(str(chip), (offset,), "as_is", False)
    try:
        assert not port.wait_edge_events(0)
        for number in range(1_600):
            pull.write_text("pull-down" if number % 2 else "pull-up")
        events: list[EdgeEvent] = []
        while port.wait_edge_events(0.2):
            events += port.read_edge_events()
        assert [event.line_seqno for event in events] == list(range(1_600 - LARGEST_BUFFER + 1, 1_601))
        assert [event.global_seqno for event in events] == [event.line_seqno for event in events]
        assert sorted(event.timestamp_ns for event in events) == [event.timestamp_ns for event in events]
        assert [getattr(value, "value", value) for value in port.get_values([offset])] == [0]
    finally:
        port.release()


def test_without_a_chip_the_port_says_so() -> None:
    with pytest.raises(BusFault, match="gpiodetect"):
        LinuxLines("/dev/gpiochip-lantaarn-none", (0,), "as_is", False)
