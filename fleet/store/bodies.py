"""The JSON bodies of journal records, held to what the store's columns take.

A record that cannot be read must be quarantined and acknowledged as such, or it would stand at the head of a node's
queue for ever: one kind of error says why, and no other escapes.
"""

from __future__ import annotations

from edge.wire.clocks import ClockRecord
from edge.wire.jsontext import MessageError, from_json
from edge.wire.messages import GapRecord
from fleet.store.dating import ClockMark

LIMIT = 1 << 60  # far beyond every honest time or count, and sums of a few still fit a 64-bit column
MOST_READINGS = 1 << 40


class BodyError(ValueError):
    """Why a record's body cannot be used."""


def clock_note(body: bytes) -> ClockRecord:
    """The clock record in `body`. Raises BodyError."""
    try:
        note = from_json(ClockRecord, body)
    except MessageError as error:
        raise BodyError(str(error)) from error
    if max(note.boot, abs(note.offset_ms or 0), abs(note.uncertainty_ms or 0)) > LIMIT:
        raise BodyError("a clock record with numbers that cannot be")
    return note


def mark_of(seq: int, note: ClockRecord) -> ClockMark:
    """The mark that a clock record makes in its boot."""
    return ClockMark(seq, note.offset_ms, int(note.quality), note.uncertainty_ms, note.boot_id)


def gap_note(body: bytes) -> GapRecord:
    """The gap record in `body`. Raises BodyError."""
    try:
        note = from_json(GapRecord, body)
    except MessageError as error:
        raise BodyError(str(error)) from error
    if max(note.last, abs(note.from_ms or 0), abs(note.to_ms or 0)) > LIMIT or note.readings > MOST_READINGS:
        raise BodyError("a gap record with numbers that cannot be")
    return note


def text_note(body: bytes) -> str:
    """An event's or health record's JSON as the text that the store keeps. Raises BodyError."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BodyError(f"not text: {error}") from error
