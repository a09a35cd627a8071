"""Whether the promises held: the store, as anybody can read it, against what the story wrote down itself.

Each invariant is a name and a list of what broke it. The store's rows are compared with what the sensors said and the
journals took, record by record and reading by reading; none of it is a sum that may come right by chance.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Iterator

from drivers.reading import Flag, to_steps
from edge.wire.chunks import decode_columns
from edge.wire.record import RecordKind
from edge.wire.schema import Schema
from edge.wire.version import BUILT_MS
from simulators.story.plan import START_MS
from simulators.story.pole import Pole
from simulators.story.stacks import Epoch, Filed, Row, StoreView

NAMES = (
    "stored once or named", "rows are right", "values are true", "no row twice", "no number twice", "counts agree",
    "acks follow commits", "older copies are named",
    "nothing before the floor", "sure dates are right", "buffers within caps", "knocks within the cap",
    "only a commit is at stake", "one is not two", "poison set aside", "nobody spins", "all is quiet at last",
)  # fmt: skip
MOST_TOLD = 5  # of one kind
SURE_MS = {0: 1_000, 1: 6_000}  # what is said to be synced, or told by the office, may be so wrong
STORED = 0
NEEDED = (RecordKind.EVENT, RecordKind.CHUNK)  # schemas and clocks are told again when something leans on them
Gaps = dict[int, list[tuple[int, int]]]
Rows = dict[int, list[Row]]


def judge(pole: Pole, view: StoreView) -> Iterator[tuple[str, str]]:
    """(invariant, what broke it) of one node."""
    yield from pole.found
    yield from (("no number twice", twice) for twice in pole.page.twice)
    filed = {key: receipt for key, receipt in view.filed(pole.name).items() if key[0] in pole.page.epochs}
    rows = view.rows(pole.name)
    if view.cloned(pole.name):
        yield "one is not two", f"{pole.name}: two are said to speak in its name"
    yield from _missing(pole, filed, view.gaps(pole.name))
    yield from _copies(pole, filed, view.gaps(pole.name), view.copied(pole.name))
    yield from _contents(pole, filed, rows, view)
    yield from _dates(pole, filed, rows, view)
    yield from _totals(pole, filed, view)


def _missing(pole: Pole, filed: dict[Epoch, Filed], gaps: Gaps) -> Iterator[tuple[str, str]]:
    """I1: whatever a journal took is stored, or named, or went with a copy that was replaced by an older one."""
    for (epoch, seq), entry in pole.page.kept.items():
        if (epoch, seq) in filed or (epoch, seq) in pole.page.newer or (entry[1] == 0 and entry[0] not in NEEDED):
            continue
        if not any(first <= seq <= last for first, last in gaps.get(epoch, ())):
            yield "stored once or named", f"{pole.name} epoch {epoch} seq {seq}: {entry[1]} readings are gone unnamed"


def _copies(pole: Pole, filed: dict[Epoch, Filed], gaps: Gaps, told: set[int]) -> Iterator[tuple[str, str]]:
    """Where the office can know that a copy was replaced by an older one, it says so, and nowhere else."""
    known = {epoch for copy in pole.page.replaced for epoch in _known(copy, filed, gaps)}
    for epoch in sorted(known - told):
        yield "older copies are named", f"{pole.name} epoch {epoch}: nobody says that a newer copy held more"
    for epoch in sorted(told - {epoch for epoch, _ in pole.page.newer}):
        yield "older copies are named", f"{pole.name} epoch {epoch}: there never was another copy"


def _known(copy: frozenset[Epoch], filed: dict[Epoch, Filed], gaps: Gaps) -> set[int]:
    """The epochs of this copy in which something came from behind the first record that is nowhere and unnamed: it and
    all behind it was this copy's alone."""
    gone: dict[int, int] = {}
    for epoch, seq in copy - filed.keys():
        if not any(first <= seq <= last for first, last in gaps.get(epoch, ())):
            gone[epoch] = min(seq, gone.get(epoch, seq))
    return {epoch for epoch, seq in copy & filed.keys() if seq > gone.get(epoch, seq)}


def _contents(pole: Pole, filed: dict[Epoch, Filed], rows: Rows, view: StoreView) -> Iterator[tuple[str, str]]:
    """The rows are what was journalled, and what was journalled is what the sensors said."""
    schemas = pole.page.schemas
    if strays := rows.keys() - {receipt.id for receipt in filed.values()}:
        yield "no row twice", f"{pole.name}: {len(strays)} times there are rows without a receipt"
    seen: Count[tuple[str, str, str, int]] = Count()
    for key, receipt in filed.items():
        if receipt.state != STORED:
            yield "rows are right", f"{pole.name} {key}: kind {receipt.kind} lies in state {receipt.state}"
            continue
        entry = pole.page.kept.get(key)
        if entry is not None and entry[0] != receipt.kind:
            yield "rows are right", f"{pole.name} {key}: journalled as kind {entry[0]}, filed as kind {receipt.kind}"
            continue
        if receipt.kind != RecordKind.CHUNK:
            continue
        got = sorted(rows.get(receipt.id, ()))
        if len(got) != receipt.readings:
            yield "rows are right", f"{pole.name} {key}: {len(got)} rows for {receipt.readings} readings"
        if entry is not None and got != _cells(entry[2], schemas, receipt.offset_ms or 0):
            yield "rows are right", f"{pole.name} {key}: the rows are not what was journalled"
        if len({row[:4] for row in got}) < len(got):
            yield "no row twice", f"{pole.name} {key}: two rows for one column and time"
        for row in got:
            if not row.flags & Flag.THINNED:
                yield from _true(pole, key, receipt, row, view, seen)
    for said, times in seen.items():
        if times > 1:
            yield "no row twice", f"{pole.name}: {said} is stored {times} times"


def _true(pole: Pole, key: Epoch, receipt: Filed, row: Row, view: StoreView,
          seen: Count[tuple[str, str, str, int]]) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Against the sensors."""
    at_ms = row.t_ms - (receipt.offset_ms or 0)
    ids = view.boot_ids(pole.name, key[0], receipt.boot)  # more than one when a card lied about the boot before
    said, asked = pole.page.said, [(boot_id, row.sensor, row.quantity, at_ms) for boot_id in ids]
    could = [one for one in asked if one in said and to_steps(said[one], row.decimals) == row.steps]
    if could:
        seen[min(could, key=seen.__getitem__)] += 1
        return
    yield "values are true", f"{pole.name} {key}: no sensor said {row.quantity} {row.steps} at {at_ms} ms of {ids}"


def _cells(body: bytes, schemas: dict[bytes, Schema], offset_ms: int) -> list[Row]:
    columns = decode_columns(schemas.__getitem__, body)
    found = []
    for strip in columns.strips:
        column = columns.schema.columns[strip.column]
        for at_ms, steps, flags in zip(strip.times, strip.steps, strip.flags, strict=True):
            found.append(Row(column.sensor, column.quantity, column.channel, at_ms + offset_ms, steps, flags,
                             column.decimals))  # fmt: skip
    return sorted(found)


def _dates(pole: Pole, filed: dict[Epoch, Filed], rows: Rows, view: StoreView) -> Iterator[tuple[str, str]]:
    """Nothing is dated before its time, and what is said to be sure of its time is right."""
    for key, receipt in filed.items():
        if receipt.kind != RecordKind.CHUNK or receipt.offset_ms is None:
            continue
        ids = view.boot_ids(pole.name, key[0], receipt.boot)
        floor_ms = min((pole.floors.get(boot_id, BUILT_MS) for boot_id in ids), default=BUILT_MS)
        first_ms = min((row.t_ms for row in rows.get(receipt.id, ())), default=floor_ms)
        if first_ms < floor_ms:
            yield "nothing before the floor", f"{pole.name} {key}: dated {first_ms}, {floor_ms - first_ms} ms before"
        true = [START_MS + pole.boot_times[boot_id] for boot_id in ids if boot_id in pole.boot_times]
        sure_ms = SURE_MS.get(receipt.quality)
        if sure_ms is not None and not any(abs(receipt.offset_ms - offset) <= sure_ms for offset in true):
            off = min((abs(receipt.offset_ms - offset) for offset in true), default=None)
            yield "sure dates are right", f"{pole.name} {key}: wrong by {off} ms, quality {receipt.quality}"


def _totals(pole: Pole, filed: dict[Epoch, Filed], view: StoreView) -> Iterator[tuple[str, str]]:
    """What arrived and what is named as lost is all that the journal ever took."""
    journal = pole.agent.node.commits.journal if pole.agent else None
    if journal is None or pole.card.lied or pole.copies:
        return
    stored = sum(receipt.readings for (epoch, _), receipt in filed.items() if epoch == journal.epoch)
    named = view.lost(pole.name, journal.epoch)
    if stored + named != journal.total_readings:
        yield "counts agree", f"{pole.name}: {stored} stored and {named} named of {journal.total_readings}"


def told(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The verdict on each invariant."""
    broken: dict[str, list[str]] = {name: [] for name in NAMES}
    for name, what in found:
        broken[name].append(what)
    return {name: _verdict(whats) for name, whats in broken.items()}


def _verdict(whats: list[str]) -> str:
    more = f" (and {len(whats) - MOST_TOLD} more)" if len(whats) > MOST_TOLD else ""
    return f"broken: {'; '.join(whats[:MOST_TOLD])}{more}" if whats else "holds"
