"""What a pulled card still holds: every whole record of a journal, read without touching anything.

`python -m edge.rescue FOLDER` is for the office: a short-lived process that opens files for reading only, so it works
on a card that is mounted read-only, and does not mind what is damaged, half-written or set aside. It looks at every
sector of every segment, the ones in quarantine too, of every epoch, and prints frames: one letter, four bytes of length
(big-endian), content.

    R  the payload of an `up/record` message: records as the node would have sent them
    S  the body of a schema that the node once declared
    J  JSON, of each epoch at the end: how the journal stood (epoch, lowest, acked, next, readings_total), and what of
       it was found: `records`, `readings`, and `held` and `damaged`, readings that the office had not acked
    E  JSON, the last frame: `files`, `newer` (files of a format that is not known here), `forbidden` (files that we may
       not open), `unreadable` (bytes)

A segment also holds what no longer counts: a commit that failed was written again elsewhere, with other records under
the same numbers. Who came later has the higher ordinal, so a number that a later ordinal gave out again is left out.
An open counting window is the pole's own business: its record goes out blank.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.journal.disk import ASIDE
from edge.journal.layout import (
    LARGEST_COMMIT,
    SECTOR,
    LayoutError,
    NewerFormat,
    RecordHeader,
    body_of,
    footprint,
    unpack_record,
    unpack_segment,
)
from edge.schemas import FILE as SCHEMAS
from edge.wire.record import MOST_READINGS, Record, RecordKind, pack

PAYLOAD_BYTES = 16 * 1024
AHEAD = 1 << 20
PATIENT = 4096  # bytes read at once where a larger piece cannot be read
FRAME = struct.Struct(">cI")
Epoch = int
Ordinal = int
Found = tuple[RecordHeader, bytes | None]  # a body that is None is damaged


@dataclass(slots=True)
class Tally:
    """One epoch: its newest record, and what of it was found."""

    newest: RecordHeader
    records: int = 0
    readings: int = 0

    def facts(self, found: int) -> dict[str, int]:
        """For a J frame; `found`: readings of those that the office had not acked."""
        top, held = self.newest, self.newest.total - self.newest.released
        return {"epoch": top.epoch, "lowest": top.lowest, "acked": top.acked, "next": top.seq + 1,
                "readings_total": top.total, "records": self.records, "readings": self.readings, "held": held,
                "damaged": max(0, held - found)}  # fmt: skip


class Card:
    """The files of one journal folder, for reading."""

    def __init__(self, folder: Path) -> None:
        self.files = [*_segments(folder), *_segments(folder / ASIDE)]
        self.schemas = _schemas(folder / SCHEMAS)
        self.newer = 0
        self.forbidden = 0
        self.unreadable = 0
        self._given_out: dict[Epoch, dict[Ordinal, int]] = {}
        self._top: dict[Epoch, RecordHeader] = {}

    def look(self) -> None:
        """The first of two passes: which ordinal gave out which seqs, and the newest record of each epoch."""
        sound = []
        for path in self.files:
            if self._newer(path):
                self.newer += 1
                continue
            sound.append(path)
            for header, body in self._scan(path):
                self._note(header.epoch, header.ordinal, header.seq)
                top = self._top.get(header.epoch)
                if body is not None and (top is None or (header.ordinal, header.seq) > (top.ordinal, top.seq)):
                    self._top[header.epoch] = header
        self.files, self.unreadable, self.forbidden = sound, 0, 0

    def _newer(self, path: Path) -> bool:
        """Whether a file is of a format to come; a header that can be read tells where its ordinal begins."""
        try:
            with path.open("rb", buffering=0) as file:
                known = unpack_segment(file.read(SECTOR))
        except NewerFormat:
            return True
        except (LayoutError, OSError):
            return False
        if known is not None:
            self._note(known[0].epoch, known[0].ordinal, known[0].first)
        return False

    def _note(self, epoch: Epoch, ordinal: Ordinal, seq: int) -> None:
        ordinals = self._given_out.setdefault(epoch, {})
        ordinals[ordinal] = min(seq, ordinals.get(ordinal, seq))

    def records(self) -> Iterator[tuple[RecordHeader, bytes]]:
        """The second pass: every whole record that counts, once."""
        limits = {epoch: _limits(ordinals) for epoch, ordinals in self._given_out.items()}
        for path in self.files:
            for header, body in self._scan(path):
                if body is not None and header.seq < limits[header.epoch][header.ordinal]:
                    yield header, body

    def tallies(self) -> dict[Epoch, Tally]:
        """One for each epoch of which anything was found."""
        return {epoch: Tally(top) for epoch, top in sorted(self._top.items())}

    def _scan(self, path: Path) -> Iterator[Found]:
        """Every record whose header is whole, wherever a sector begins."""
        try:
            number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.forbidden += isinstance(error, PermissionError)
            self.unreadable += 1
            return
        try:
            yield from self._walk(number, os.fstat(number).st_size)
        finally:
            os.close(number)

    def _walk(self, number: int, size: int) -> Iterator[Found]:
        at, data, begin = SECTOR, b"", 0
        while at < size:
            if not begin <= at <= at + SECTOR <= begin + len(data):
                data, begin = self._read(number, AHEAD, at), at
            header = unpack_record(data[at - begin : at - begin + SECTOR])
            if header is None or header.length > LARGEST_COMMIT:
                at += SECTOR
                continue
            if at - begin + footprint(header.length) > len(data):
                data, begin = self._read(number, max(AHEAD, footprint(header.length)), at), at
            body = body_of(header, data, at - begin)
            yield header, body
            at += SECTOR if body is None else footprint(header.length)

    def _read(self, number: int, count: int, at: int) -> bytes:
        """So many bytes, zeros for those that the card does not give any more; fewer only at the end."""
        try:
            return os.pread(number, count, at)
        except OSError:
            if count <= PATIENT:
                self.unreadable += count
                return bytes(count)
        return b"".join(self._read(number, PATIENT, place) for place in range(at, at + count, PATIENT))


def _segments(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith("segment-") and path.is_file())
    except OSError:
        return []


def _schemas(path: Path) -> list[bytes]:
    try:
        return [bytes.fromhex(text) for text in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _limits(ordinals: dict[Ordinal, int]) -> dict[Ordinal, int]:
    """Of each ordinal, the lowest seq that a later one gave out: from there on its own do not count."""
    limits, lowest = {}, 1 << 63
    for ordinal in sorted(ordinals, reverse=True):
        limits[ordinal] = lowest
        lowest = min(lowest, ordinals[ordinal])
    return limits


def rescue(folder: Path, write: Callable[[bytes], object]) -> None:
    """Writes the frames of what is in `folder`."""
    card = Card(folder)
    card.look()
    tallies, held = card.tallies(), dict.fromkeys(card.tallies(), 0)
    for body in card.schemas:
        _frame(write, b"S", body)
    for row in _rows(_counted(card.records(), tallies, held)):
        _frame(write, b"R", pack(*row))
    for epoch, tally in tallies.items():
        _frame(write, b"J", json.dumps(tally.facts(held[epoch])).encode())
    facts = {"files": len(card.files), "newer": card.newer, "forbidden": card.forbidden,
             "unreadable": card.unreadable}  # fmt: skip
    _frame(write, b"E", json.dumps(facts).encode())


def _counted(
    records: Iterable[tuple[RecordHeader, bytes]], tallies: dict[Epoch, Tally], held: dict[Epoch, int]
) -> Iterator[Record]:
    for header, body in records:
        try:
            kept = b"" if header.kind == RecordKind.OPEN else body
            record = Record(header.epoch, header.seq, header.kind, header.readings, kept)
        except ValueError:
            continue
        tally = tallies[header.epoch]
        tally.records += 1
        tally.readings += header.readings
        held[header.epoch] += header.readings if header.seq >= tally.newest.lowest else 0
        yield record


def _rows(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Neighbours together, as one payload takes them."""
    row: list[Record] = []
    size = readings = 0
    for record in records:
        near = row and (record.epoch, record.seq) == (row[-1].epoch, row[-1].seq + 1)
        full = size + len(record.body) > PAYLOAD_BYTES or readings + record.count > MOST_READINGS or len(row) >= 1024
        if row and (full or not near):
            yield row
            row, size, readings = [], 0, 0
        row.append(record)
        size, readings = size + len(record.body), readings + record.count
    if row:
        yield row


def _frame(write: Callable[[bytes], object], kind: bytes, content: bytes) -> None:
    write(FRAME.pack(kind, len(content)) + content)


def main(words: list[str]) -> int:
    """The frames go to stdout. 0, 1 when there is no journal in the folder, 2 for a wrong call."""
    if len(words) != 1:
        print("python -m edge.rescue FOLDER", file=sys.stderr)
        return 2
    folder = Path(words[0])
    if not _segments(folder) and not _segments(folder / ASIDE):
        print(f"There is no journal in {folder}: no file is named segment-*.journal.", file=sys.stderr)
        return 1
    rescue(folder, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
