"""How well each driver is proven, computed from the proofs that exist and not from anybody's word.

Bronze has a transcript that its driver follows, and names the document it was written from. Silver has a simulated
chip that feels all that the driver measures, is swept and hit with every fault, and passes the public byte vectors (a
device for which there are none must have its own transcript instead). Gold was confirmed by somebody else: their
driver reads our chip, or a transcript was recorded on hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from drivers import catalog
from drivers.driver import Driver, FileDriver, I2CDriver
from drivers.lines import LinesDriver
from simulators import evidence
from simulators.chips.chip import Chip
from simulators.replay import Unreadable, parse, play_transcript
from simulators.shelf import chip
from simulators.transcript import Deviation
from simulators.vectors import PASS, judge

Grade = Literal["none", "bronze", "silver", "gold"]


@dataclass(frozen=True, slots=True)
class Proven:
    """One driver and what proves it; `lacks` is what stands between it and the next grade."""

    name: str
    grade: Grade
    title: str
    bus: str
    measures: tuple[str, ...]
    transcripts: int
    recorded: int  # of these, on hardware
    vectors: int
    witnesses: tuple[str, ...]
    datasheet: str
    lacks: str


def proven(name: str) -> Proven:
    """The driver of this name. Raises KeyError."""
    kind = catalog.driver(name)
    followed = [path for path in evidence.transcripts().get(kind.name, ()) if _follows(path.read_text("utf-8"))]
    recorded = [path for path in followed if parse(path.read_text("utf-8")).recorded]
    judged = [judge(vector).result == PASS for vector in evidence.vectors().get(kind.name, ())]
    others = evidence.witnesses().get(kind.name, ())
    missing = [
        *_misses_bronze(kind, bool(followed)),
        *_misses_silver(kind, judged),
        *([] if others or recorded else [("gold", "nobody else's driver has read its chip, and nothing was recorded")]),
    ]
    return Proven(kind.name, _grade([step for step, _ in missing]), kind.title, bus_of(kind),
                  tuple(quantity.value for quantity in kind.measures), len(followed), len(recorded), sum(judged),
                  others, kind.datasheet, missing[0][1] if missing else "")  # fmt: skip


def _grade(missing: list[str]) -> Grade:
    if "bronze" in missing:
        return "none"
    if "silver" in missing:
        return "bronze"
    return "silver" if "gold" in missing else "gold"


def _misses_bronze(kind: type[Driver], followed: bool) -> Iterator[tuple[str, str]]:
    if not followed:
        yield "bronze", "no transcript that it follows"
    if not kind.datasheet:
        yield "bronze", "it does not name its datasheet"


def _misses_silver(kind: type[Driver], judged: list[bool]) -> Iterator[tuple[str, str]]:
    try:
        felt = chip(kind.name)
    except KeyError:
        yield "silver", "no simulated chip"
        return
    if not _swept(kind, felt):
        yield "silver", "its chip can not feel all that it measures"
    if not all(judged):
        yield "silver", f"{judged.count(False)} byte vectors fail"


def _swept(kind: type[Driver], felt: type[Chip]) -> bool:
    return set(kind.measures) <= set(felt.resolves) | felt.untold or hasattr(felt, "passes") or hasattr(felt, "live")


def _follows(text: str) -> bool:
    try:
        play_transcript(text)
    except (Unreadable, Deviation):
        return False
    return True


def bus_of(kind: type[Driver]) -> str:
    """Where such a device is wired."""
    if issubclass(kind, I2CDriver):
        return "i2c"
    if issubclass(kind, LinesDriver):
        return "lines"
    return "file" if issubclass(kind, FileDriver) else "serial"
