"""From readings to journal records: flag, round once, gather, commit.

Readings gather for one commit interval and become a chunk. The schema that names its columns goes before the first
chunk that leans on it, and so does what is known of the clock; both are told again only when they change, or when
`commits` finds that the journal needs them again. Events do not wait. Columns appear as sensors deliver them and
stand in the order of the board, so that a restart arrives at the same schema, whoever spoke first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from drivers.reading import Quantity, Reading, to_steps
from edge.events import Opened, Sampled
from edge.opened import OpenWindows
from edge.quality import Watch
from edge.timekeeping import Belief
from edge.wire.chunks import LARGEST_STEPS, Cell, Column, Schema, encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import EventRecord, Scalar, to_json
from edge.wire.record import RecordKind
from edge.wire.schema import MOST_COLUMNS

Entry = tuple[int, int, bytes]  # kind, readings, body: what the journal takes
Key = tuple[int, str, str]  # place of the sensor on the board, quantity, channel

MOST_IN_CHUNK = 2_000  # cells
LONGEST_CHUNK = 4_096  # bytes
CLOCK_MOVED_MS = 50
CLOCK_GREW_MS = 1_000  # beyond four times what was said, another uncertainty is news
ROOM_FOR_EVENTS = 256


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What the sampler must know of a sensor. `still_ms` 0: may stand still for ever."""

    name: str
    interval_ms: int
    still_ms: int = 3_600_000
    decimals: Mapping[Quantity, int] = field(default_factory=dict)
    likeness: str = ""  # of a driver whose open windows are kept


class Sampler:
    """The open readings of one run of the agent; times in ms since boot number `boot` of the journal."""

    def __init__(self, boot: int, boot_id: str, sensors: Iterable[SensorFacts], commit_ms: int, now_ms: int) -> None:
        self.boot, self.boot_id, self.commit_ms = boot, boot_id, commit_ms
        self.sampled = 0  # readings taken
        self.refused = 0  # readings that no column can hold
        self.events_lost = 0  # there were too many at once
        self._facts = {facts.name: (place, facts) for place, facts in enumerate(sensors)}
        self._watches: dict[Key, Watch] = {}
        self._last_ms: dict[str, int] = {}
        self._columns: dict[Key, Column] = {}
        self._schema = Schema(())
        self._declared = b""  # the key of the newest schema that this run put into the journal
        self._open: list[tuple[int, Key, int, int]] = []
        self.opened = OpenWindows(boot, {name: facts.likeness for name, (_, facts) in self._facts.items()})
        self.segment = 0  # of the journal, to which the next commit goes as far as we know
        self._urgent: list[Entry] = []
        self._unnoted = 0
        self._clock: ClockRecord | None = None
        self._due_ms = self._next_commit(now_ms)

    @property
    def due_ms(self) -> int:
        """When `commit` has something to do."""
        return 0 if self._urgent else self._due_ms

    @property
    def schema(self) -> Schema:
        """All columns that have appeared."""
        return self._schema

    def _next_commit(self, now_ms: int) -> int:
        late = self.commit_ms // 20  # what is sampled at the full interval has then arrived
        return ((now_ms - late) // self.commit_ms + 1) * self.commit_ms + late

    def take(self, event: Sampled, now_ms: int) -> tuple[Reading, ...]:
        """Judge these readings and keep them for the next commit; gives them back with their flags."""
        place, facts = self._facts[event.sensor]
        if event.opened is not None:
            self.take_opened(Opened(event.sensor, event.at_ms, event.opened), told=bool(event.readings))
        at_ms = max(event.at_ms, self._last_ms.get(event.sensor, -1) + 1)
        self._last_ms[event.sensor] = at_ms
        seen: set[Key] = set()
        return tuple(self._keep((place, r.quantity.value, r.channel), facts, r, at_ms, now_ms, seen)
                     for r in event.readings)  # fmt: skip

    def take_opened(self, event: Opened, told: bool = False) -> None:
        """Keep what an open window holds, with the readings of the next commit; `told`: it begins with readings."""
        told_ms = max(event.at_ms, self._last_ms.get(event.sensor, -1) + 1) if told else None
        if why := self.opened.take(event.sensor, event.state, told_ms):
            self.note("open window not kept", event.at_ms, sensor=event.sensor, why=why)

    def _keep(
        self, key: Key, facts: SensorFacts, reading: Reading, at_ms: int, now_ms: int, seen: set[Key]
    ) -> Reading:
        self.sampled += 1
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch(facts.interval_ms, facts.still_ms)
        flags = watch.judge(reading, at_ms, now_ms)
        steps = self._steps(key, facts, reading)
        if steps is None or key in seen:
            self.refused += 1
        else:
            seen.add(key)
            self._open.append((at_ms, key, steps, int(flags)))
        return reading if flags == reading.flags else replace(reading, flags=flags)

    def _steps(self, key: Key, facts: SensorFacts, reading: Reading) -> int | None:
        try:
            column = self._columns.get(key) or self._new_column(key, facts, reading.quantity)
            steps = to_steps(reading.value, column.decimals)
        except ValueError:
            return None
        return steps if abs(steps) <= LARGEST_STEPS else None

    def _new_column(self, key: Key, facts: SensorFacts, quantity: Quantity) -> Column:
        if len(self._columns) >= MOST_COLUMNS:
            raise ValueError("no room for another column")
        column = Column(facts.name, key[1], key[2], facts.decimals.get(quantity, quantity.decimals))
        self._columns[key] = column
        self._schema = Schema(tuple(self._columns[known] for known in sorted(self._columns)))
        return column

    def note(self, what: str, at_ms: int, /, **details: Scalar) -> None:
        """Something happened; it is committed at once."""
        if len(self._urgent) < ROOM_FOR_EVENTS:
            self._urgent.append(_event(at_ms, what, details))
        else:
            self._unnoted += 1
            self.events_lost += 1

    def put(self, entry: Entry) -> None:
        """A record of another kind, committed at once."""
        self._urgent.append(entry)

    def tell_clock(self, belief: Belief, now_ms: int) -> None:
        """What is taken to be the time; what is new in it goes into the next commit."""
        record = ClockRecord(
            self.boot, self.boot_id, belief.offset_ms, belief.quality, belief.uncertainty_ms, now_ms
        )
        if self._clock is None or self._moved(self._clock, record):
            self._clock = record
            self._urgent.insert(0, (RecordKind.CLOCK, 0, to_json(record)))

    @staticmethod
    def _moved(before: ClockRecord, after: ClockRecord) -> bool:
        if before.quality != after.quality or before.offset_ms is None or after.offset_ms is None:
            return (before.quality, before.offset_ms) != (after.quality, after.offset_ms)
        few, many = sorted((before.uncertainty_ms or 0, after.uncertainty_ms or 0))
        least_ms = CLOCK_MOVED_MS if after.quality is not ClockQuality.HOLDOVER else max(CLOCK_MOVED_MS, many)
        return abs(after.offset_ms - before.offset_ms) > least_ms or many > 4 * few + CLOCK_GREW_MS

    def commit(self, now_ms: int, everything: bool = False) -> list[Entry]:
        """The records to append now, in this order, in one commit. `everything`: do not wait for the interval."""
        entries, self._urgent = self._urgent, []
        if self._unnoted:
            why = f"more than {ROOM_FOR_EVENTS} records at once"
            entries.append(_event(now_ms, "events lost", {"events": self._unnoted, "why": why}))
            self._unnoted = 0
        if everything or now_ms >= self._due_ms:
            self._due_ms = self._next_commit(now_ms)
            entries += self._gathered()
        return entries

    def _gathered(self) -> list[Entry]:
        opened = self.opened.entry(self.segment, company=bool(self._open))
        return ([opened] if opened else []) + self._read()

    def _read(self) -> list[Entry]:
        """All readings; with them goes the record of the open windows, before them: both or neither are kept."""
        if not self._open:
            return []
        index = {key: number for number, key in enumerate(sorted(self._columns))}
        cells = sorted(Cell(at_ms, index[key], steps, flags) for at_ms, key, steps, flags in self._open)
        self._open.clear()
        return self._declare() + self._chunks(cells)

    def _declare(self) -> list[Entry]:
        if self._declared == self._schema.key:
            return []
        self._declared = self._schema.key
        return [(RecordKind.SCHEMA, 0, self._schema.encode())]

    def _chunks(self, cells: list[Cell]) -> list[Entry]:
        """One chunk, or two halves where one would be too long."""
        if len(cells) <= MOST_IN_CHUNK:
            quality = self._clock.quality if self._clock else ClockQuality.UNKNOWN
            body = encode(self._schema, self.boot, quality, cells)
            if len(body) <= LONGEST_CHUNK or len(cells) == 1:
                return [(RecordKind.CHUNK, len(cells), body)]
        half = len(cells) // 2
        return self._chunks(cells[:half]) + self._chunks(cells[half:])


def _event(at_ms: int, what: str, details: dict[str, Scalar]) -> Entry:
    return RecordKind.EVENT, 0, to_json(EventRecord(at_ms, what, details))
