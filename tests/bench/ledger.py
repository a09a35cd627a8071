"""What the journal of a virtual day holds, read back from its bytes, and judged against what was due and what was so.

Of each sensor: at which instants of its timetable there is a reading, how late each was taken, which values lack a flag
although the world was never so. Nothing is asked of the agent but the disk that it leaves behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from drivers.reading import Flag, Quantity
from drivers.stream import StreamDriver
from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.wire.chunks import decode
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Schema
from simulators.matrix.trial import LAG_MS
from tests.bench.day import BEGIN_MS, Day
from tests.bench.rig import Part
from tests.bench.troubles import Trouble

PIECE = 1 << 20
SETTLE_S = 200.0  # for setting up, and for devices that say themselves that they warm up
LIKELY = Flag.WARMING | Flag.SPIKE  # a device that is not settled, a jump of the world: no sign of a fault
OF_SOME = "vehicle_speed"  # the mean of a few does not leave the pole
BY_NAME = {quantity.value: quantity for quantity in Quantity}
Value = tuple[float, Flag]


@dataclass(slots=True)
class Ledger:
    """The rows of a journal: sensor -> instant (ms) -> name of the reading -> value and flags."""

    rows: dict[str, dict[int, dict[str, Value]]] = field(default_factory=dict)
    readings: int = 0
    claimed: int = 0  # by the records themselves
    kinds: Counter[int] = field(default_factory=Counter)
    seqs: list[int] = field(default_factory=list)
    hash: str = ""


def read(disk: Disk, cap_bytes: int) -> Ledger:
    """Opens the journal on this disk as the next run of the agent would. Raises whatever its decoders raise."""
    journal, ledger, digest = Journal.open(disk, lambda: 1, cap_bytes), Ledger(), sha256()
    schemas: dict[bytes, Schema] = {}
    for record in _records(journal):
        digest.update(repr((record.seq, record.kind, record.count)).encode() + record.body)
        ledger.seqs.append(record.seq)
        ledger.kinds[record.kind] += 1
        ledger.claimed += record.count
        if record.kind == RecordKind.SCHEMA:
            schema = Schema.decode(record.body)
            schemas[schema.key] = schema
        elif record.kind == RecordKind.CHUNK:
            _enter(ledger, schemas, record)
    journal.close()
    ledger.hash = digest.hexdigest()
    return ledger


def _records(journal: Journal) -> Iterator[Record]:
    seq = journal.lowest
    while seq < journal.next:
        found = journal.read(seq, PIECE)
        yield from found
        seq = found[-1].seq + 1


def _enter(ledger: Ledger, schemas: Mapping[bytes, Schema], record: Record) -> None:
    chunk = decode(schemas.get, record.body)
    columns = schemas[chunk.schema_key].columns
    for cell in chunk.cells:
        column = columns[cell.column]
        name = f"{column.quantity}.{column.channel}" if column.channel else column.quantity
        row = ledger.rows.setdefault(column.sensor, {}).setdefault(cell.at_ms, {})
        assert name not in row, f"{column.sensor}.{name} twice at {cell.at_ms} ms"
        row[name] = (cell.steps / 10**column.decimals, Flag(cell.flags))
        ledger.readings += 1


@dataclass(frozen=True, slots=True)
class Judge:
    """Holds the ledger of a day against the day."""

    day: Day
    ledger: Ledger
    end_ms: int

    def part(self, name: str) -> Part:
        return self.day.rig.parts[name]

    def pace_ms(self, name: str) -> int:
        """How often it is reported."""
        return self.part(name).plan.window_ms or self.part(name).plan.interval_ms

    def streams(self, name: str) -> bool:
        """It talks unasked: what is kept at an instant came before it."""
        return isinstance(self.part(name).made, StreamDriver)

    def instant(self, name: str, at_ms: int) -> int:
        """Which instant of its timetable a reading of this moment belongs to."""
        pace_ms = self.pace_ms(name)
        return -(-at_ms // pace_ms) * pace_ms if self.streams(name) else at_ms // pace_ms * pace_ms

    def absent(self, name: str) -> list[int]:
        """The instants between its first reading and the end that have none."""
        there = {self.instant(name, at_ms) for at_ms in self.ledger.rows.get(name, {})}
        first, pace_ms = min(there, default=BEGIN_MS), self.pace_ms(name)
        return [at_ms for at_ms in range(first, self.end_ms - pace_ms, pace_ms) if at_ms not in there]

    def first_ms(self, name: str) -> int:
        """How long after the beginning its first reading came."""
        return min(self.ledger.rows.get(name, {}), default=self.end_ms) - BEGIN_MS

    def crowded(self, name: str) -> list[int]:
        """Instants with more than one reading after the first, which is passed on at once."""
        counts = Counter(self.instant(name, at_ms) for at_ms in self.ledger.rows.get(name, {}))
        return [at_ms for at_ms, count in counts.items() if count > 1 and at_ms > min(counts) + self.pace_ms(name)]

    def warm_ms(self, name: str) -> int:
        """From when on it should be settled."""
        made = self.part(name).made
        return BEGIN_MS + round(1_000 * (SETTLE_S + max(made.warm_up_s, *made.warm_ups_s.values(), 0.0)))

    def incomplete(self, name: str) -> list[int]:
        """Readings that lack something which others have, once it should be settled."""
        rows = self.ledger.rows.get(name, {})
        every = {what for what in set[str]().union(*rows.values()) if not what.startswith(OF_SOME)}
        return [at_ms for at_ms, row in rows.items() if at_ms > self.warm_ms(name) and not every <= set(row)]

    def doubted(self, name: str) -> list[int]:
        """Readings with a flag that they should not have if all were well: only what warms up may say so."""
        return [
            at_ms
            for at_ms, row in self.ledger.rows.get(name, {}).items()
            if any(flags & ~(Flag.WARMING if at_ms < self.warm_ms(name) else Flag.NONE) for _, flags in row.values())
        ]

    def windowed(self, name: str) -> bool:
        """Whether it is reported by the window; a window of which a part is missing is flagged as warming."""
        return bool(self.part(name).plan.window_ms) or self.part(name).plan.bus_kind == "gpio"

    # Whether it is true.

    def untrue(self, name: str) -> list[str]:
        """Values without a doubt that the world never was."""
        return [
            f"{name}.{what} = {value:g} at {at_ms} ms, where {allowed} is true"
            for at_ms, row in self.ledger.rows.get(name, {}).items()
            for what, (value, flags) in row.items()
            if not flags and (allowed := self._contradicts(name, what, value, at_ms))
        ]

    def _contradicts(self, name: str, what: str, value: float, at_ms: int) -> str:
        """What would be true; empty when this is, or when nobody can say."""
        if name in self.day.twins:
            true = self.day.twins[name].truth.get(at_ms, {}).get(what)
            slack = 0.51 * 10.0 ** -BY_NAME[what.partition(".")[0]].decimals
            total = what.startswith("count_total")  # of the driver's life, which has had its troubles
            return "" if total or (true is not None and abs(true - value) <= slack) else str(true)
        if self.day.counts(name):
            return self._miscounted(name, what, value, at_ms)
        part, quantity = self.part(name), BY_NAME[what.partition(".")[0]]
        if quantity.value != what or quantity not in part.chip.resolves or quantity not in part.chip.spans:
            return ""
        return self._never(part, quantity, value, at_ms)

    def _miscounted(self, name: str, what: str, value: float, at_ms: int) -> str:
        way = what.removeprefix("count.")
        if way not in ("in", "out"):
            return ""
        passed = self.day.climates[name].passages(at_ms - self.pace_ms(name), at_ms)
        true = sum(1 for _, each in passed if each == way)
        return "" if value == true else str(true)

    def _never(self, part: Part, quantity: Quantity, value: float, at_ms: int) -> str:
        from_ms = max(BEGIN_MS, at_ms - LAG_MS - part.plan.interval_ms - part.plan.window_ms)
        low, high = self.day.climates[part.plan.name].between(part.chip, quantity, from_ms, at_ms + LAG_MS)
        step = 10.0 ** -part.made.decimals.get(quantity, quantity.decimals)
        slack = part.chip.resolves[quantity] * 1.01 + 0.51 * step
        return "" if low - slack <= value <= high + slack else f"{low:g} to {high:g}"

    # How it went on.

    def back_ms(self, trouble: Trouble) -> int | None:
        """How long after a trouble a sound reading came that has nothing of it; None: never."""
        windowed = self.windowed(trouble.sensor)
        since_ms = trouble.to_ms + (self.pace_ms(trouble.sensor) if windowed else 0)
        likely = Flag.SPIKE if windowed else LIKELY
        for at_ms, row in sorted(self.ledger.rows.get(trouble.sensor, {}).items()):
            if at_ms >= since_ms and not any(flags & ~likely for _, flags in row.values()):
                return at_ms - trouble.to_ms
        return None

    def lateness(self, name: str) -> list[int]:
        """Of those that are asked, how late each reading was taken; of others, how late it was told; in ms."""
        if self.windowed(name):
            return [told_ms - at_ms for sensor, at_ms, told_ms in self.day.told if sensor == name]
        if self.streams(name):
            told = [told_ms for sensor, _, told_ms in self.day.told if sensor == name][1:]
            return [told_ms % self.pace_ms(name) for told_ms in told]
        return [at_ms % self.pace_ms(name) for at_ms in sorted(self.ledger.rows.get(name, {}))[1:]]


def share(values: list[int], part: float) -> int:
    """The value below or at which this part of them lies; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else 0


def gaps(seqs: list[int]) -> list[tuple[int, int]]:
    """Where numbers are missing."""
    return [(a, b) for a, b in pairwise(seqs) if b != a + 1]
