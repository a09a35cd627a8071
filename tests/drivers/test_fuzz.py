"""Whatever is said to a driver: readings that can be published or a DriverError, in bounded time, in bounded memory.

Each driver of the catalog is given 2,000 hostile inputs here and 100,000 in the deep tier; `tests/drivers/fuzzing.py`
says what counts as one. A failure names the command that plays it again and the line for `tests/corpus/`, where what
was once found is kept and played every time.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest

import drivers.driver
from drivers import mcp23017, sc16is752, tca9548a
from drivers.catalog import CATALOG, driver
from drivers.driver import SerialLine, TalkDriver
from drivers.errors import BusFault, DriverError, Nack, NoAnswer
from drivers.lines import LinesDriver
from drivers.reading import Quantity, Reading
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Read, Step, Talk, Write, WriteRead
from drivers.window import Windowed
from simulators.i2c import converse
from tests.drivers import under_fire
from tests.drivers.fuzzing import Found, Honest, besieged, episode, fuzz
from tests.drivers.recorded import truth
from tests.drivers.under_fire import Shot, played

FAST, DEEP = 2_000, 100_000
CORPUS = sorted((Path(__file__).parents[1] / "corpus").glob("*.jsonl"))
OURS = str(Path(drivers.driver.__file__).parent)
STREAMS = [name for name in CATALOG if issubclass(driver(name), StreamDriver)]
WINDOWED = [name for name in CATALOG if issubclass(driver(name), Windowed)]
YEARS_US = 10**15


@pytest.mark.once
@pytest.mark.parametrize("name", CATALOG)
def test_two_thousand_hostile_inputs(name: str) -> None:
    given, believed = fuzz(name, FAST)
    assert given >= FAST
    assert believed >= FAST // 100, "hardly anything hostile gets past the first check: does the fuzz know its seal?"


@pytest.mark.deep
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", CATALOG)
def test_a_hundred_thousand_hostile_inputs(name: str) -> None:
    given, _ = fuzz(name, DEEP, seed=1_000_000)
    assert given >= DEEP


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_what_was_found_once(file: Path) -> None:
    for line in file.read_text("utf-8").splitlines():
        played(line)


# What runners of buses within buses say to the chips between: talks that are nobody's `read`.

PINS, LINE = mcp23017.Pins(0xFFFF), SerialLine(9_600)
BETWEEN: dict[str, Callable[[], Talk[Any]]] = {
    "tca9548a select": lambda: tca9548a.select(3), "tca9548a closed": tca9548a.closed,
    "mcp23017 configure": lambda: mcp23017.configure(PINS), "mcp23017 changes": lambda: mcp23017.changes(PINS),
    "mcp23017 intact": lambda: mcp23017.intact(PINS), "mcp23017 levels": mcp23017.levels,
    "sc16is752 configure": lambda: sc16is752.configure(0, LINE), "sc16is752 receive": lambda: sc16is752.receive(1),
    "sc16is752 send": lambda: sc16is752.send(1, bytes(200)),
}  # fmt: skip
OF_THEM = bytes((0x00, 0xFF, 0x48, 0x01, 0x08, 0x40, 0x44, sc16is752.OURS))  # bytes that such chips are built of


@pytest.mark.once
@pytest.mark.parametrize("name", BETWEEN)
def test_chips_between_may_say_anything(name: str) -> None:
    dice, ended = Random(name), 0
    for _ in range(FAST):
        exact, made_of = dice.random() < 0.9, dice.choice((OF_THEM, OF_THEM[: dice.randrange(1, 3)], bytes(range(256))))
        asked = 0

        def anything(step: Step, exact: bool = exact, made_of: bytes = made_of) -> bytes:
            nonlocal asked
            asked += 1
            assert asked < 200, "the talk goes on for ever"
            if dice.random() < 0.02:
                raise dice.choice((Nack, BusFault))("so it was drawn")
            count = step.count if isinstance(step, Read | WriteRead) else 0
            return bytes(dice.choices(made_of, k=count if exact or not count else dice.randrange(2 * count)))

        with suppress(DriverError):
            converse(BETWEEN[name](), anything)
        ended += 1
    assert ended == FAST


# Memory: what the drivers' own code holds on to, and the most that anything took in between.


def held() -> int:
    """Bytes allocated by our drivers and still there."""
    gc.collect()
    mine = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, f"{OURS}/*")])
    return sum(trace.size for trace in mine.traces)


def siege(name: str, stretches: int) -> tuple[int, int]:
    """How much more is held after so many stretches than half-way, and the peak."""
    besiegers = besieged(name, 7)
    for _ in range(stretches):
        next(besiegers)
    gc.freeze()  # what is older is not ours to look through
    tracemalloc.start()
    try:
        for _ in range(stretches):
            next(besiegers)
        half = held()
        tracemalloc.reset_peak()
        for _ in range(stretches):
            next(besiegers)
        _, peak = tracemalloc.get_traced_memory()
        return held() - half, peak
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@pytest.mark.once
@pytest.mark.parametrize("name", CATALOG)
def test_memory_is_bounded(name: str) -> None:
    grown, peak = siege(name, 1)
    assert grown < 8_192 + 2 * getattr(driver(name), "longest", 0)
    assert peak < 2_000_000


@pytest.mark.deep
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", CATALOG)
def test_memory_is_bounded_for_long(name: str) -> None:
    grown, peak = siege(name, 100)
    assert grown < 8_192 + 2 * getattr(driver(name), "longest", 0)
    assert peak < 2_000_000


# Work: counted in frames looked for, bytes looked at and lines of code, so that no machine is too slow for it.


def babbles(name: str) -> dict[str, bytes]:
    """What may be said without end: beginnings, broken frames, digits, and the truth."""
    kind = driver(name)
    assert issubclass(kind, StreamDriver)
    frame = max(truth(name).frames, key=len)[: kind.longest]
    return {
        "beginnings": kind.start[:1], "heads": frame[:4], "half frames": frame[: len(frame) // 2],
        "broken frames": frame[:-1] + bytes([frame[-1] ^ 1]), "digits": kind.start[:1] + b"9" * 4096, "frames": frame,
    }  # fmt: skip


def looked_at(name: str, stream: bytes, pieces: int = 1) -> tuple[int, int]:
    """How often a frame was looked for, and in how many bytes in all."""
    reader = driver(name)()
    assert isinstance(reader, StreamDriver)
    looks = looked = 0
    find = reader.frame

    def counted(buffer: bytearray) -> int:
        nonlocal looks, looked
        looks, looked = looks + 1, looked + len(buffer)
        return find(buffer)

    reader.frame = counted  # type: ignore[method-assign]
    step = 1 + len(stream) // pieces
    for at in range(0, len(stream), step):
        reader.feed(stream[at : at + step])
    return looks, looked


def assert_linear(name: str, size: int) -> None:
    for what, babble in babbles(name).items():
        little, much = (babble * (1 + times * size // len(babble)) for times in (1, 4))
        for one, four in zip(looked_at(name, little), looked_at(name, much), strict=True):
            assert four <= 4.5 * (one + size), f"{what}: {one} for {len(little)} bytes, {four} for {len(much)}"


@pytest.mark.once
@pytest.mark.parametrize("name", STREAMS)
def test_four_times_the_bytes_are_four_times_the_work(name: str) -> None:
    kind = driver(name)
    assert issubclass(kind, StreamDriver)
    assert_linear(name, max(2_048, 2 * kind.longest))


@pytest.mark.deep
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", STREAMS)
def test_a_megabyte_is_four_times_a_quarter(name: str) -> None:
    assert_linear(name, 250_000)


def lines_run(act: Callable[[], object]) -> int:
    """How many lines of our drivers are executed by this."""
    ran = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal ran
        ran += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: line if frame.f_code.co_filename.startswith(OURS) else None)
    try:
        act()
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.once
@pytest.mark.parametrize("name", WINDOWED)
def test_a_gap_of_years_is_no_more_work_than_one_of_seconds(name: str) -> None:
    def after(gap_us: int) -> int:
        shot = Shot(name, {})
        look(shot, 60_000_000)

        def goes_on() -> None:
            look(shot, 60_000_000 + gap_us)
            shot.close(70_000_000 + 2 * gap_us)

        return lines_run(goes_on)

    assert after(YEARS_US) <= 2 * after(1_000_000) + 500


def look(shot: Shot, at_us: int) -> None:
    """One look with the truth before it, whatever the shape of the driver."""
    shot.at(at_us, {})
    reader = shot.driver
    if isinstance(reader, TalkDriver):
        for what in ("setup", "read"):
            shot.talk(what, Honest(what, truth(reader.name), reader, Random(1), "one"))
    elif isinstance(reader, StreamDriver):
        shot.feed(truth(reader.name).frames[0])
    elif isinstance(reader, LinesDriver):
        for up in (1, 0):
            for at, line in enumerate(reader.lines):
                shot.edge(at_us + 100_000 * (1 - up) + 20_000 * at, line, up)


# The fuzz itself is seen to find what is planted.


class Planted(drivers.driver.SerialDriver):
    """A well-behaved driver of one answer: a sum, a value, a state."""

    name = "mhz19"
    title = "planted"
    measures = (Quantity.CO2,)

    def setup(self) -> Talk[bool | None]:
        yield Write(b"")
        return None

    def read(self) -> Talk[list[Reading]]:
        yield Write(bytes.fromhex("ff0186000000000079"))
        answer = yield Read(9)
        if -sum(answer[1:8]) & 0xFF != answer[8]:
            raise NoAnswer("no sum")
        return [Reading(self.quantity(answer), self.made(answer[2] << 8 | answer[3]))]

    def quantity(self, answer: bytes) -> Quantity:
        return Quantity.CO2

    def made(self, raw: int) -> float:
        return float(raw)

    def probe(self) -> Talk[bool]:
        yield Write(b"")
        return True


class Divides(Planted):
    """Only behind a sum that fits."""

    def made(self, raw: int) -> float:
        return 1000 / raw


class Infinite(Planted):
    def made(self, raw: int) -> float:
        return float("inf") if raw == 0xFFFF else raw


class Strays(Planted):
    def quantity(self, answer: bytes) -> Quantity:
        return Quantity.TEMPERATURE if answer[4] == 0xFF else Quantity.CO2


class Patient(Planted):
    def read(self) -> Talk[list[Reading]]:
        while True:
            try:
                return (yield from super().read())
            except NoAnswer:
                pass


@pytest.mark.parametrize(("kind", "said"), [(Divides, "ZeroDivisionError"), (Infinite, "inf"), (Strays, "temperature"),
                                            (Patient, "for ever|waits for")])  # fmt: skip
def test_what_is_planted_is_found_again_by_its_seed_and_kept(
    monkeypatch: pytest.MonkeyPatch, kind: type[Planted], said: str
) -> None:
    monkeypatch.setattr(under_fire, "driver", lambda name: Planted)
    monkeypatch.setattr("tests.drivers.fuzzing.variants", lambda name: ((),))
    assert fuzz("mhz19", 500)[0] >= 500
    monkeypatch.setattr(under_fire, "driver", lambda name: kind)
    with pytest.raises(Found, match=said) as found:
        fuzz("mhz19", FAST)
    lines = str(found.value).splitlines()
    seed = int(next(line for line in lines if line.startswith("again:")).split()[-1])
    with pytest.raises(Found, match=said):
        episode("mhz19", seed)
    with pytest.raises((AssertionError, ZeroDivisionError)):
        played(lines[-1])


def test_a_driver_that_hoards_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    room: dict[str, Any] = {"Planted": Planted, "hoard": []}
    source = "class Hoards(Planted):\n    def made(self, raw):\n        hoard.append(bytes(600))\n        return raw"
    exec(compile(source, f"{OURS}/planted.py", "exec"), room)
    for kind, sound in ((Planted, True), (room["Hoards"], False)):
        monkeypatch.setattr(under_fire, "driver", lambda name, kind=kind: kind)
        assert (siege("mhz19", 2)[0] < 8_192) is sound


def test_a_parser_that_looks_again_and_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = driver("sds011")
    monkeypatch.setattr(kind, "longest", 10**9)
    monkeypatch.setattr(kind, "frame", lambda self, buffer: _wait())
    with pytest.raises(AssertionError, match="beginnings"):
        _fed_in_pieces("sds011")


def _wait() -> int:
    raise Incomplete


def _fed_in_pieces(name: str) -> None:
    """As `assert_linear`, byte by byte: a buffer that only grows is looked at anew for each."""
    looks = [looked_at(name, b"\xaa" * size, pieces=size)[1] for size in (1_000, 4_000)]
    assert looks[1] <= 4.5 * looks[0], "beginnings"
