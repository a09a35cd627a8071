"""A full journal keeps what is worth most: events whole, readings as means and sums, and says what went."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity
from edge.journal.journal import Journal
from edge.journal.layout import SECTOR
from edge.journal.naming import FULL, THINNED
from edge.journal.thinning import Thinning, together
from edge.wire.chunks import Cell, Chunk, Column, Schema, decode, encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.kept import first_copy
from edge.wire.messages import EventRecord, to_json
from edge.wire.record import Record, RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import gaps_in, read_all

SIZE = 256 * SECTOR
CAP = 6 * SIZE
DOOR = Column("door", "count", "", 0), Column("door", "count_total", "", 0)
AIR = Schema((Column("air", "temperature", "", 2), *DOOR))


def clock(boot: int, at_ms: int = 0) -> tuple[int, int, bytes]:
    return RecordKind.CLOCK, 0, to_json(ClockRecord(boot, f"{boot:032x}", 10**12, ClockQuality.SYNCED, None, at_ms))


def event(at_ms: int) -> tuple[int, int, bytes]:
    return RecordKind.EVENT, 0, to_json(EventRecord(at_ms, "knock"))


@dataclass
class Full:
    """A journal that is written to until it thins; what went in is kept beside it."""

    disk: MemoryDisk = field(default_factory=MemoryDisk)
    known: dict[str, bytes] = field(default_factory=dict)
    boot: int = 1
    at_ms: int = 0
    passed: int = 0
    events: list[int] = field(default_factory=list)
    acked: int = 0  # readings
    size: int = SIZE

    def __post_init__(self) -> None:
        self.open()

    def open(self, leap: int = 0) -> None:
        self.journal = Journal.open(self.disk, lambda: 7, 6 * self.size, self.size, leap, self.known.get)
        self.journal.append([clock(self.boot), (RecordKind.SCHEMA, 0, AIR.encode())])

    def chunk(self, steps: int, flags: int = 0) -> tuple[int, int, bytes]:
        self.at_ms += 10
        self.passed += 2
        cells = [Cell(self.at_ms, 0, steps, flags), Cell(self.at_ms, 1, 2), Cell(self.at_ms, 2, self.passed)]
        return RecordKind.CHUNK, 3, encode(AIR, self.boot, ClockQuality.SYNCED, cells)

    def live(self, commits: int, every: int = 0, flags: int = 0) -> None:
        """An event with every so manieth commit."""
        preamble = [clock(self.boot), (RecordKind.SCHEMA, 0, AIR.encode())]
        for number in range(commits):
            batch = [self.chunk(2_000 + number % 3, flags)]
            if every and number % every == 0:
                self.events.append(self.at_ms)
                batch.append(event(self.at_ms))
            self.journal.append(batch, preamble)

    def found(self) -> list[Record]:
        return read_all(self.journal)

    def forget(self, upto: int) -> None:
        """The office has all up to here, and the word of what went before."""
        records, gone = self.found(), self.journal.lowest - 1 > self.journal.acked
        self.acked += int(gaps_in(records)[-1]["readings"]) if gone else 0
        self.acked += sum(record.count for record in records if record.seq <= upto)
        self.journal.forget(upto)


def chunks(records: list[Record]) -> list[Chunk]:
    return [decode({AIR.key: AIR}.__getitem__, r.body) for r in records if r.kind == RecordKind.CHUNK]


def thinned(records: list[Record]) -> list[Chunk]:
    return [chunk for chunk in chunks(records) if all(cell.flags & Flag.THINNED for cell in chunk.cells)]


def settled(full: Full) -> list[Record]:
    """Every reading ever taken is here, acked, or counted in the newest gap; the seqs of all that went are named."""
    records, journal = full.found(), full.journal
    gaps = [gap for gap in gaps_in(records) if int(gap["last"]) > journal.acked]
    lost = int(gaps[-1]["readings"]) if gaps else 0
    assert sum(record.count for record in records) == journal.backlog_readings
    assert journal.backlog_readings + lost + full.acked == journal.total_readings
    assert (gaps[-1]["first"] if gaps else journal.lowest) == journal.acked + 1
    assert (gaps[-1]["last"] if gaps else journal.acked) == journal.lowest - 1
    assert [record.seq for record in records] == list(range(journal.lowest, journal.next))
    assert journal.disk_bytes <= journal.cap_bytes
    return records


def test_the_oldest_readings_become_means_sums_and_last_values() -> None:
    full = Full()
    full.live(1_400)
    (first, *_) = thinned(settled(full))
    temperature, count, total = sorted(first.cells, key=lambda cell: cell.column)
    assert (first.boot, first.quality) == (1, ClockQuality.SYNCED)
    assert temperature.steps == 2001 and temperature.flags == Flag.THINNED
    assert count.steps == 2 * (total.steps // 2) and total.steps == 2 * (temperature.at_ms // 10)
    assert {cell.at_ms for cell in first.cells} == {temperature.at_ms}
    assert {gap["why"] for gap in gaps_in(full.found())} == {THINNED}


def test_nothing_that_was_counted_is_lost_by_thinning_once() -> None:
    full = Full()
    full.live(1_400)
    records = settled(full)
    assert sum(cell.steps for chunk in chunks(records) for cell in chunk.cells if cell.column == 1) == 2 * 1_400


def test_doubts_are_kept() -> None:
    full = Full()
    full.live(1_400, flags=Flag.SPIKE)
    cells = [cell for chunk in thinned(settled(full)) for cell in chunk.cells if cell.column == 0]
    assert {cell.flags for cell in cells} == {Flag.SPIKE | Flag.THINNED}


def test_what_was_thinned_is_dropped_when_its_turn_comes_again() -> None:
    full = Full()
    full.live(6_000)
    records = settled(full)
    assert 0 < len(thinned(records)) < 100
    total = max(cell.steps for chunk in chunks(records) for cell in chunk.cells if cell.column == 2)
    assert total == full.passed


def test_events_outlive_readings_and_say_which_seq_they_repeat() -> None:
    full = Full()
    full.live(3_000, every=20)
    records = settled(full)
    kept = [first_copy(record) for record in records if record.kind == RecordKind.KEPT]
    plain = [record for record in records if record.kind == RecordKind.EVENT]
    assert kept and len({record.seq for record in [*kept, *plain]}) == len(kept) + len(plain)
    assert sorted(r.body for r in [*kept, *plain]) == sorted(event(at_ms)[2] for at_ms in full.events)
    assert all(record.seq < full.journal.lowest for record in kept)


def test_too_many_events_go_in_the_end() -> None:
    full = Full()
    for number in range(4_000):
        full.journal.append([event(number)])
    records = settled(full)
    assert {record.kind for record in records} <= {RecordKind.EVENT, RecordKind.KEPT, RecordKind.GAP}


def test_health_and_open_windows_go_first() -> None:
    full = Full(known={AIR.key.hex(): AIR.encode()})
    for _ in range(800):
        full.journal.append([(RecordKind.HEALTH, 0, b"{}"), (RecordKind.OPEN, 0, b"{}"), full.chunk(1)])
    records = settled(full)
    assert len(thinned(records)) > 10
    assert all(r.seq >= full.journal.lowest for r in records if r.kind in (RecordKind.HEALTH, RecordKind.OPEN))


def test_one_write_and_one_sync_per_commit_whatever_it_thins() -> None:
    full = Full()
    full.live(1_200, every=7)
    before = dict(full.disk.counts)
    for number in range(1, 300):
        full.live(1, every=1)
        assert full.disk.counts["pwrite"] - before["pwrite"] == number
        assert full.disk.counts["datasync"] - before["datasync"] == number
    assert full.disk.counts["create"] == before["create"]


def test_what_an_earlier_boot_left_is_dated_and_decoded_by_what_goes_with_it() -> None:
    full = Full()
    full.live(1_000)
    full.boot = 2
    full.open(leap=1 << 20)
    preamble = [clock(2)]
    for number in range(700):
        full.journal.append([event(number)], preamble)
    records = full.found()
    segments: list[Record] = []
    told: set[bytes] = set()
    for record in records:
        if record.kind in (RecordKind.CLOCK, RecordKind.SCHEMA):
            told.add(record.body)
        if record.kind == RecordKind.CHUNK and thinned([record]):
            assert {clock(1)[2], AIR.encode()} <= told
            segments.append(record)
    assert len(segments) > 5 and {chunk.boot for chunk in thinned(records)} == {1}


def test_a_schema_that_is_nowhere_in_the_segment_is_looked_up() -> None:
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 7, CAP, SIZE, 0, {AIR.key.hex(): AIR.encode()}.get)
    body = encode(AIR, 1, ClockQuality.SYNCED, [Cell(1, 0, 5)])
    for _ in range(1_500):
        journal.append([(RecordKind.CHUNK, 1, body)])
    found = read_all(journal)
    assert AIR.encode() in {r.body for r in found if r.kind == RecordKind.SCHEMA} and thinned(found)


@pytest.mark.parametrize("kind", [RecordKind.CHUNK, RecordKind.CLOCK, RecordKind.SCHEMA, RecordKind.KEPT, 15])
def test_what_cannot_be_read_goes_and_is_named(kind: int) -> None:
    full = Full()
    for _ in range(1_500):
        full.journal.append([(kind, 1, b"\x01rubbish")])
    records = settled(full)
    assert gaps_in(records)[-1]["why"] == THINNED and not thinned([r for r in records if r.kind != kind])


def test_a_chunk_without_a_schema_goes_and_is_named() -> None:
    full = Full()
    other = Schema((Column("x", "pm10", "", 2),))
    for _ in range(1_500):
        full.journal.append([(RecordKind.CHUNK, 1, encode(other, 1, ClockQuality.SYNCED, [Cell(1, 0, 5)]))])
    assert gaps_in(settled(full))[-1]["why"] == THINNED


def test_a_restart_in_the_midst_goes_on_with_the_clock_and_schema_in_front() -> None:
    full = Full()
    full.live(1_230)
    assert gaps_in(full.found())
    full.journal.close()
    full.boot = 2
    full.open()
    for number in range(100):
        full.journal.append([event(number)])
    assert len(thinned(settled(full))) > 2 and clock(1)[2] in {record.body for record in full.found()}


def test_a_disk_that_cannot_be_read_gives_up_the_segment_in_the_end() -> None:
    full = Full()
    full.live(1_200)
    full.disk.fail("pread", errno.EIO, times=10**6)
    full.live(600)
    full.disk.heal()
    assert FULL in {gap["why"] for gap in gaps_in(full.found())}
    full.disk.heal()
    settled(full)


def test_large_commits_give_up_what_thinning_has_no_time_for() -> None:
    full = Full()
    full.live(1_200)
    body = bytes(SIZE // 2 - 3 * SECTOR)
    for _ in range(40):
        full.journal.append([(RecordKind.HEALTH, 0, body)])
    settled(full)


def test_damage_in_a_run_goes_with_it() -> None:
    full = Full()
    full.live(700)
    for sector in range(20, 200, 7):
        full.disk.rot("segment-00000.journal", sector * SECTOR + 100)
    full.live(800)
    settled(full)


def test_acked_records_are_not_thinned() -> None:
    full = Full()
    for _ in range(30):
        full.live(100)
        full.forget(full.journal.next - 50)
    records = settled(full)
    assert gaps_in(records) == [] and thinned(records) == []


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 3), st.integers(0, 100)), min_size=4, max_size=9))
def test_whatever_comes_all_is_here_or_acked_or_named(life: list[tuple[int, int, int]]) -> None:
    full = Full(size=32 * SECTOR)
    for commits, every, share in life:
        full.live(commits, every)
        held = full.journal.next - full.journal.lowest
        if share > 60:
            full.forget(full.journal.lowest - 1 + held * (share % 40) // 100)
            full.live(1)  # which makes it durable
        if share > 90:
            full.journal.close()
            full.boot += 1
            full.open()
        settled(full)


# One in place of many.


def test_one_in_place_of_many() -> None:
    assert together("temperature", 2, [100, 200, 400]) == 233
    assert together("temperature", 2, [-100, -201]) == -150
    assert together("count", 0, [3, 4]) == 7 and together("rain", 2, [20, 1]) == 21
    assert together("count", 0, [2**62, 2**62]) == 2**62 and together("count", 0, [-(2**62), -1]) == -(2**62)
    assert together("count_total", 0, [3, 9]) == 9 and together("energy_import", 3, [5, 4]) == 4
    assert together("wind_direction", 1, [3_500, 100]) == 0
    assert together("laeq", 1, [600, 700]) == 674  # 60 and 70 dB(A) are 67.4 on average, not 65
    assert together("laeq", 0, [10**6, 10**6]) == 10**6
    assert together("a quantity of tomorrow", 0, [1, 2, 3]) == 2


def test_every_cumulative_quantity_is_known_as_one() -> None:
    grows = {q.value for q in Quantity if q.value.endswith(("_total", "_volume")) or q.value.startswith("energy_")}
    assert all(together(name, 0, [1, 5]) == 5 for name in grows) and len(grows) == 5


def test_a_run_of_which_nothing_is_worth_keeping_leaves_nothing() -> None:
    assert Thinning(lambda key: None).thin([]) == []


def test_a_clock_that_was_acked_in_the_midst_of_a_segment_still_goes_with_what_is_thinned_behind_it() -> None:
    full = Full()
    full.live(100)
    for full.boot in (2, 3):
        full.journal.close()
        full.open()
        full.live(450 - 200 * (full.boot == 3))
    while full.journal.lowest == 1:
        full.live(1)
    assert full.journal.lowest < 103  # where the clock of boot 2 is
    full.forget(104)
    while not any(chunk.boot == 2 for chunk in thinned(full.found())):
        full.live(1)
    told = [record for record in settled(full) if record.seq >= full.journal.next - 10]
    assert clock(2)[2] in [record.body for record in told]


def test_what_is_being_written_is_never_thinned() -> None:
    full = Full(size=16 * SECTOR)
    full.disk.capacity = 3 * 16 * SECTOR
    for number in range(100):
        full.journal.forget(full.journal.next - 1)
        segment = full.journal.segment
        full.live(1)
        if number > 20 and full.journal.segment != segment:  # all but the commit that entered this one was acked
            break
    full.journal.forget(full.journal.next - 1)
    full.live(4)
    assert full.journal.segment > 2 and gaps_in(full.found()) == []


def numbered(*entries: tuple[int, int, bytes]) -> list[Record]:
    return [Record(7, seq, *entry) for seq, entry in enumerate(entries, 1)]


def test_a_clock_goes_along_as_long_as_nobody_told_another() -> None:
    for boot in (0, 1, 2):
        batch = [clock(boot), (RecordKind.SCHEMA, 0, AIR.encode())]
        chunk = RecordKind.CHUNK, 1, encode(AIR, boot, ClockQuality.SYNCED, [Cell(1, 0, 5)])
        left = Thinning(lambda key: None).thin(numbered(*batch, *[chunk] * 9))
        assert left[0] == clock(boot) and left[-1].kind == RecordKind.CHUNK


def test_readings_of_which_no_less_would_be_left_go() -> None:
    chunk = RecordKind.CHUNK, 1, encode(AIR, 1, ClockQuality.SYNCED, [Cell(1, 0, 5)])
    kinds = {many: [entry.kind for entry in Thinning(lambda key: AIR.encode()).thin(numbered(*[chunk] * many))]
             for many in (2, 3, 4)}  # fmt: skip
    assert kinds == {2: [], 3: [], 4: [RecordKind.SCHEMA, RecordKind.CHUNK]}  # and a sector for the gap record


def test_loudness_is_averaged_as_energy_far_below_zero_and_as_a_number_where_nothing_is_so_loud() -> None:
    assert together("sound_level", 1, [-600, -700]) == -626
    assert together("laeq", 0, [999, 900]) == 996 and together("laeq", 0, [-999, -900]) == -903
    assert together("laeq", 0, [1_000, 900]) == 950 and together("laeq", 0, [-1_000, -900]) == -950
