"""Planted bugs, each a mistake that somebody could make: the enumerator finds every one, within its fast form."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from edge.commits import Commits
from edge.journal import layout, naming, recovery, walk
from edge.journal.journal import Journal
from edge.journal.layout import Entry, RecordHeader
from edge.journal.ring import Gap, Head, Ring, Segment
from edge.sampler import Entry as Handed
from edge.wire.record import RecordKind
from simulators.crash.enumerator import TARGETS
from simulators.crash.plan import Makings
from simulators.crash.states import LIES, Fault
from simulators.recording import RecordingDisk, RecordingFile, Told

pytestmark = pytest.mark.once
FAST = 4_000


def found(target: str, made: Makings, life: int = 0) -> tuple[bool, Fault]:
    """The first fault that is found from this life on, and whether on a card that lied."""
    opened = 0
    for number in range(life, life + FAST):
        for _, state, judge in TARGETS[target](7, number, LIES, made):
            if faults := judge.judged(state):
                return bool(state.lied), faults[0]
            opened += 1
            if opened == FAST:
                raise AssertionError(f"not seen in {FAST} states")
    raise AssertionError


# The disk.


class Unsynced(RecordingDisk):
    """A commit is written and not synced."""

    def open(self, name: str) -> RecordingFile:
        class Hasty(RecordingFile):
            def datasync(self) -> None:
                pass

        return Hasty(self, self._there(name))


class Nameless(RecordingDisk):
    """Names are never synced."""

    def _sync_folder(self, name: str) -> None:
        pass


class RenamedFirst(RecordingDisk):
    """A new file gets its name before its content is on the disk."""

    def _replace(self, name: str, parts: Iterator[bytes]) -> None:
        inode, at = self._made(name + ".new"), 0
        for part in parts:
            self._write(inode, part, at)
            at += len(part)
        self._rename(name + ".new", name)
        self._sync(inode)
        self._sync_folder("")


class NeverSynced(RenamedFirst):
    """And its content is never synced at all, as it lies in a folder that is."""

    def _sync(self, inode: int) -> None:
        if inode not in self._names.values():
            super()._sync(inode)


class InPlace(RecordingDisk):
    """A small file is written over where it lies."""

    def _replace(self, name: str, parts: Iterator[bytes]) -> None:
        inode = self._made(name)
        for part in parts:
            self._write(inode, part, 0)
        self._sync(inode)
        self._sync_folder("")


DISKS = [
    (Unsynced, "journal", {"lost", "wrong"}),
    (Nameless, "journal", {"lost", "wrong"}),
    (RenamedFirst, "files", {"wrong"}),
    (NeverSynced, "files", {"wrong"}),
    (InPlace, "files", {"wrong"}),
    (Nameless, "files", {"wrong"}),
]


@pytest.mark.parametrize(("disk", "target", "verdicts"), DISKS)
def test_a_disk_that_forgets_a_step(disk: type[RecordingDisk], target: str, verdicts: set[str]) -> None:
    lied, fault = found(target, Makings(disk=disk))
    assert not lied and fault.verdict in verdicts


# Who tells and who forgets.


class Early(Commits):
    """Tells that a commit is safe, and then writes it."""

    def _append(self, batch: list[Handed]) -> list[int]:
        journal, disk = self.journal, self._disk
        assert journal is not None and isinstance(disk, RecordingDisk)
        total = journal.total_readings + sum(entry[1] for entry in batch)
        disk.note(Told(journal.epoch, journal.next + len(batch), total, journal.acked))
        return super()._append(batch)


class Greedy(Journal):
    """Writes over what the office has before the disk itself says that it is not needed."""

    def forget(self, upto: int) -> None:
        super().forget(upto)
        self._durable = self._mark


class Boastful(Journal):
    """Forgets one record more than the office said."""

    def forget(self, upto: int) -> None:
        super().forget(min(upto + 1, self.next - 1))


class Rooted(Journal):
    """Goes on right behind what it sees after a power cut, whatever a card may have forgotten."""

    def leap(self, seqs: int = 0) -> None:
        super().leap(1)


def test_an_ack_before_the_commit() -> None:
    lied, fault = found("journal", Makings(commits=Early))
    assert not lied and fault.verdict in ("lost", "wrong")


def test_a_segment_written_over_before_the_mark_that_frees_it_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    def newest_first(
        ring: Ring, lowest: int, head: Head, target: Segment | None = None, least: int = 0
    ) -> list[Segment]:
        found = oldest_first(ring, lowest, head, target, least)
        return sorted(found, key=lambda segment: (segment in ring.used[-1:], -segment.ordinal))

    oldest_first = Ring.free
    monkeypatch.setattr(Ring, "free", newest_first)
    lied, fault = found("journal", Makings(journal=Greedy), 24)
    assert not lied and fault.verdict in ("lost", "wrong")


def test_more_forgotten_than_was_acked() -> None:
    lied, fault = found("journal", Makings(journal=Boastful), 20)
    assert not lied and fault.verdict == "wrong" and "the office said" in fault.what


def test_seqs_given_out_again_after_a_card_lied() -> None:
    lied, fault = found("journal", Makings(journal=Rooted))
    assert lied and fault.verdict in ("wrong", "lost_unnamed")


# What is read back, and what is named.


def unchecked_body(header: RecordHeader, data: bytes | memoryview, at: int = 0) -> bytes | None:
    start = at + layout._HEADER_END
    return bytes(data[start : start + header.length])


def unchecked_header(data: bytes | memoryview, at: int = 0) -> RecordHeader | None:
    if data[at : at + 4] != layout._RECORD_MAGIC or len(data) < at + layout._HEADER_END:
        return None
    return RecordHeader._make(layout._RECORD.unpack_from(data, at)[2:])


@pytest.mark.parametrize(("name", "instead"), [("body_of", unchecked_body), ("unpack_record", unchecked_header)])
def test_a_checksum_that_is_not_looked_at(
    name: str, instead: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (walk, recovery):
        monkeypatch.setattr(module, name, instead, raising=False)
    _, fault = found("journal", Makings(), 38)
    assert fault.verdict in ("wrong", "unopenable")


def test_a_loss_that_is_named_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(gap: Gap) -> Entry:
        return Entry(RecordKind.EVENT, 0, b"{}")

    monkeypatch.setattr(naming, "entry", silent)
    _, fault = found("journal", Makings(), 24)
    assert fault.verdict in ("lost", "wrong")
