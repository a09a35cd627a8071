"""The small files beside the journal: whole as they were or whole as they were to be, after any crash.

Each is written by the code that writes it on a pole (boots, schemas, the floor of time, what is spent of a day) and
read by the code that reads it there. What is in them decides a lot: a boot's number that were given out twice would
date readings by another boot's clock, and a floor that sank would let a node believe in 1970 again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from edge import boots, floor, ration
from edge.allowance import Day
from edge.journal.disk import Disk
from edge.schemas import Schemas
from edge.wire.chunks import Column, Schema
from edge.wire.version import BUILT_MS
from simulators.crash.book import Book, Telling
from simulators.crash.judge import torn
from simulators.crash.plan import REAL, Makings
from simulators.crash.states import Fault, Part, State, crashes
from simulators.recording import RecordingDisk

WRITES = 30
BEFORE = "0" * 32  # the id of a boot before the first, and of one after the last
AFTER = "f" * 32


def live(disk: Disk, chance: Random) -> None:
    """A life of small files alone."""
    schemas, boot = Schemas(disk), boots.begin(disk, BEFORE, chance.random)
    for number in range(WRITES):
        what = chance.randrange(5)
        if what == 0:
            boots.end(disk, boot)
        elif what == 1:
            boot = boots.begin(disk, f"{chance.getrandbits(128):032x}", chance.random)
        elif what == 2:
            kept = floor.Kept(BUILT_MS + number * 3_600_000, boot.id, number, chance.choice((None, BUILT_MS)), 50)
            floor.write(disk, kept)
        elif what == 3:
            ration.write(disk, Day(chance.choice((None, 20_000)), boot.id, -number, number, 1_000 * number, number))
        else:
            schemas.remember(Schema((Column(f"sensor {number}", "pm10", "x" * chance.randrange(60), 2),)).encode())
            schemas.save()


def part_of(seed: int, number: int, made: Makings = REAL) -> Part:
    """A life on a disk in memory."""
    disk = made.disk()
    live(disk, chance_of(seed, number))
    return Part({}, Telling(), disk.log, Book())


def chance_of(seed: int, number: int) -> Random:
    """What a life leaves to chance."""
    return Random(f"files {seed} {number}")


def states_of(part: Part, seed: int, number: int, lying: int) -> Iterator[tuple[str, State, FilesJudge]]:
    """Every state of a life with its name, `life.state`, and who judges it."""
    for place, state in enumerate(crashes(part, lying, Random(f"states {seed} {number}"))):
        yield f"{number}.{place}", state, FilesJudge()


class FilesJudge:
    """Reads them as the node does when it starts."""

    def judged(self, state: State) -> list[Fault]:
        """What is wrong with a state."""
        try:
            found = self._read(state.files, {} if state.lied else state.told.small)
        except Exception as error:  # whatever it is, the node would not start
            return [Fault("unopenable", 1, f"{type(error).__name__}: {error}")]
        return found if state.lied else found + torn(state.files, state.told)

    def _read(self, files: Mapping[str, bytes], told: Mapping[str, tuple[bytes | None, ...]]) -> list[Fault]:
        disk, faults = RecordingDisk(files), []
        schemas, boot = Schemas(disk), boots.begin(disk, AFTER, lambda: 0.0)
        if (before := _tree(told, boots.FILE)) and boot.ordinal <= before["ordinal"]:
            faults.append(Fault("wrong", 1, f"boot {boot.ordinal} is numbered so once more"))
        now, then = floor.read(disk), _tree(told, floor.FILE)
        if then and (now is None or now.unix_ms < then["unix_ms"]):
            faults.append(Fault("wrong", 1, f"the floor of time sank: {now}"))
        if then := _tree(told, ration.FILE):
            spent = ration.read(disk).spent
            if spent < then["spent"]:
                faults.append(Fault("wrong", 1, f"of the day {spent} bytes are spent, and {then['spent']} were"))
        kept = [bytes.fromhex(text) for text in _tree(told, "schemas.json") or []]
        if gone := [body for body in kept if schemas.body(Schema.decode(body).key.hex()) != body]:
            faults.append(Fault("lost", len(gone), f"{len(gone)} schemas were written down and are gone"))
        return faults


def _tree(told: Mapping[str, tuple[bytes | None, ...]], name: str) -> Any:
    """What is certainly written down in a file; None when nothing is."""
    certain = told.get(name, (None,))[0]
    return None if certain is None else json.loads(certain)
