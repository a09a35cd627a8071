"""One cell of the matrix: a driver lives, a fault befalls it, is taken back, and what came of it is judged.

Four things must hold. No reading without a flag may differ from the world. The neighbour misses nothing. Within ten
seconds after the fault ends (beside what the device itself needs for its first value) there is a good reading again.
And something is always said: a value with its flags, or an error by its cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from drivers.catalog import driver, names
from drivers.reading import Flag, Quantity, Reading
from drivers.window import Windowed
from edge.fit import speaks
from simulators.matrix.bench import NEIGHBOUR, NEIGHBOUR_MS, SUBJECT, WINDOW_MS, Bench, Heard
from simulators.matrix.faults import FAULTS, Fault, let_go
from simulators.matrix.world import told

HEALTHY_S = 40
LONGEST_FIRST_S = 400
RECOVERY_S = 10.0
LAG_MS = 6_000  # how old what a device says may be by its own make
STILL_PACE_MS = 60_000  # who is watched for an hour need not be asked every second
MOST_OFF_MS = 2_000  # of a clock that tells the time
UNDOUBTED = Flag.WARMING | Flag.SPIKE  # a jump of the world, and a device that is not settled yet, are no faults


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one fault at one driver."""

    driver: str
    fault: str
    outcomes: dict[str, int]  # "good", "flagged", "error:nack" …: how often
    wrong: tuple[str, ...]  # values without a flag that the world was not
    disturbed: tuple[str, ...]  # what the neighbour missed
    recovered_s: float | None
    allowed_s: float
    untold: bool = False

    @property
    def holds(self) -> bool:
        """Whether the promise held."""
        said = bool(self.outcomes) or self.untold
        back = self.recovered_s is not None and self.recovered_s <= self.allowed_s
        return said and back and not self.wrong and not self.disturbed


def rows() -> Iterator[tuple[str, bool]]:
    """Every driver, and once more by the window where it may be used either way."""
    for name in names():
        made = driver(name)()
        yield name, False
        if isinstance(made, Windowed) and not made.must_window:
            yield name, True


def cells_of(name: str) -> list[Fault]:
    """The faults that can befall this driver."""
    return [fault for fault in FAULTS.values() if fault.befalls(speaks(driver(name)))]


def trial(name: str, fault: Fault, windowed: bool = False) -> Cell:
    """Live through one cell."""
    bench = Bench(name, windowed, STILL_PACE_MS if fault.name == "freeze" else 1_000)
    try:
        return _lived(bench, name, fault)
    finally:
        bench.close()


def _lived(bench: Bench, name: str, fault: Fault) -> Cell:
    bench.turn(0)
    first_s = _first_s(bench)
    bench.live(HEALTHY_S)
    begin_ms = bench.now_ms
    bench.turn(1)
    fault.begin(bench)
    for second in range(_seconds(bench, fault)):
        fault.again(bench, second)
        bench.live(1)
    end_ms = bench.now_ms
    let_go(bench)
    bench.turn(2)
    allowed_s = RECOVERY_S + first_s + _pace_s(bench)
    for _ in range(round(allowed_s) + 12):
        bench.live(1)
    during = [heard for heard in bench.heard if heard.sensor == SUBJECT and heard.now_ms >= begin_ms]
    untold = fault.untold and not any(_gives(heard) or heard.cause for heard in during if heard.now_ms < end_ms)
    frozen = fault.name == "freeze" or (fault.name == "stuck busy" and bench.subject.chip.hides_busy)
    wrong = () if frozen else tuple(_wrong(bench, during))
    outcomes = Counter(_outcome(heard) for heard in during if heard.at_ms <= end_ms)
    forever = bench.made.still_s == 0 or fault.name != "freeze"  # an hour is not waited for twice
    stuck = not frozen or _told_stuck(bench, during)
    if frozen and not stuck and not forever:
        wrong = ("it stands still for longer than it may, and is not flagged",)
    return Cell(
        f"{name}, by the window" if bench.windowed and not _must(bench) else name, fault.name, dict(outcomes), wrong,
        () if fault.shared else tuple(_disturbed(bench, begin_ms)), _recovered_s(bench, during, end_ms), allowed_s,
        untold or (frozen and forever and not stuck),
    )  # fmt: skip


def _must(bench: Bench) -> bool:
    return isinstance(bench.made, Windowed) and bench.made.must_window


def _seconds(bench: Bench, fault: Fault) -> int:
    """A fault ends where a window ends, so that no window is of two worlds; what freezes is watched for long."""
    if fault.name == "freeze" and bench.made.still_s:
        return int(bench.made.still_s) + 120
    pace_s = bench.subject.plan.interval_ms // 1_000
    return max(fault.seconds, -(-2 * pace_s // 10) * 10)


def _pace_s(bench: Bench) -> float:
    plan = bench.subject.plan
    pace_s = (plan.window_ms or plan.interval_ms) / 1_000
    return 2 * pace_s if plan.window_ms or plan.bus_kind == "gpio" else pace_s


def _first_s(bench: Bench) -> float:
    """How long the device takes from being asked to its first good value."""
    for second in range(1, LONGEST_FIRST_S):
        bench.live(1)
        if any(heard.sensor == SUBJECT and _gives(heard) for heard in bench.heard):
            _align(bench)
            return float(second)
    causes = {heard.cause for heard in bench.heard if heard.sensor == SUBJECT}
    raise AssertionError(f"{bench.made.name} gives nothing although nothing is wrong: {causes}")


def _align(bench: Bench) -> None:
    """To the end of a window."""
    bench.live((-bench.now_ms % WINDOW_MS) / 1_000)


def _gives(heard: Heard) -> bool:
    """Readings, the time, or a clock's answer that it does not know the time."""
    return heard.off_ms is not None or not heard.cause


def _outcome(heard: Heard) -> str:
    if heard.cause:
        return f"error:{heard.cause}"
    return "flagged" if any(reading.flags for reading in heard.readings) else "good"


def _wrong(bench: Bench, heard: list[Heard]) -> Iterator[str]:
    for each in heard:
        if each.off_ms is not None and each.off_ms > MOST_OFF_MS:
            yield f"the time that it told at {each.at_ms} ms is {each.off_ms} ms off"
        sound = tuple(reading for reading in each.readings if not reading.flags)
        if bench.counting is not None:
            yield from _miscounted(bench, each.at_ms, sound)
        else:
            yield from _never_so(bench, each, sound)


def _miscounted(bench: Bench, at_ms: int, sound: tuple[Reading, ...]) -> Iterator[str]:
    """A window of lines, held against what a driver says that was told every edge."""
    true = bench.truth.get(at_ms, {})
    for reading in sound:
        slack = bench.subject.chip.resolves.get(reading.quantity, 0.01) + 1e-9
        if reading.quantity is not Quantity.COUNT_TOTAL and abs(reading.value - true.get(reading.name, 0.0)) > slack:
            yield f"{reading.name} = {reading.value:g} where {true.get(reading.name)} is true, at {at_ms} ms"


def _never_so(bench: Bench, each: Heard, sound: tuple[Reading, ...]) -> Iterator[str]:
    plan = bench.subject.plan
    back_ms = plan.window_ms if bench.windowed else LAG_MS + plan.interval_ms
    from_us, to_us = (each.at_ms - back_ms) * 1_000, (each.at_ms if bench.windowed else each.now_ms) * 1_000
    counted = [r.value for r in sound if r.quantity is Quantity.COUNT and "." not in r.channel]  # classes are parts
    if counted and sum(counted) != (true := bench.subject.history.passed(from_us, to_us)):
        yield f"{sum(counted):g} were counted where {true} passed, at {each.at_ms} ms"
    if counted:
        return
    for quantity, reading in told(sound).items():
        if not bench.compares(quantity):
            continue
        if not bench.subject.history.true(reading, from_us, to_us - bench.windowed):
            yield f"{reading.name} = {reading.value:g} at {each.at_ms} ms, which was never so"


def _told_stuck(bench: Bench, heard: list[Heard]) -> bool:
    """Whether a device that stands still was found out by its flags or by its own silence."""
    last = next((each for each in reversed(heard) if _gives(each) or each.cause), None)
    doubted = [each for each in heard if each.cause or any(r.flags & ~UNDOUBTED for r in each.readings)]
    return last is None or bool(doubted)


def _disturbed(bench: Bench, begin_ms: int) -> Iterator[str]:
    stamps = []
    for each in bench.heard:
        if each.sensor != NEIGHBOUR or each.now_ms < begin_ms - NEIGHBOUR_MS:
            continue
        if each.cause:
            yield f"it failed with {each.cause} at {each.at_ms} ms"
        stamps.append(each.at_ms)
        late_ms = each.now_ms - each.at_ms
        if late_ms > 1_000:
            yield f"it came {late_ms} ms late at {each.at_ms} ms"
    for before, after in pairwise(stamps):
        if after - before > 1.5 * NEIGHBOUR_MS:
            yield f"it was not asked between {before} and {after} ms"


def _recovered_s(bench: Bench, heard: list[Heard], end_ms: int) -> float | None:
    for each in heard:
        good = _gives(each) and not any(reading.flags & ~UNDOUBTED for reading in each.readings)
        whole = not bench.windowed or each.at_ms - (bench.subject.plan.window_ms or WINDOW_MS) >= end_ms
        if each.now_ms > end_ms and each.at_ms >= end_ms and good and (whole or not each.cause):
            return (each.now_ms - end_ms) / 1_000
    return None
