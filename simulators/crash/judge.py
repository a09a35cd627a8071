"""Opens what a crash left, with the code that opens it on a pole, and compares it with the book.

Three verdicts. *Unopenable*: recovery raised, or the journal does not go on (one more commit, opened again). *Lost*:
readings of which somebody was told that they are committed are neither there nor named. *Wrong*: something is read
back that was never written so, a seq could mean two things, the office's word was forgotten or invented, a small file
is torn.

A card that lies is judged more mildly, for nobody can keep what was never written: what lied may be gone, but it is
named, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edge.journal.journal import Journal
from edge.journal.naming import UNREADABLE
from edge.wire.record import Record, RecordKind
from simulators.crash.book import Book, Telling, unnamed
from simulators.crash.plan import Makings, Plan
from simulators.crash.states import Fault, State
from simulators.recording import RecordingDisk

GAPS = 8  # that a commit names at least; more are named by the next
ANEW = 0  # the epoch of a journal that found nothing
MAXIMUM = 1 << 30
ONE_MORE = (RecordKind.EVENT, 0, b'{"at_ms":1,"what":"one more"}')


class Judge:
    """Judges the states of one life."""

    def __init__(self, plan: Plan, made: Makings, book: Book) -> None:
        self._plan, self._made, self._book = plan, made, book
        self._seqs = sorted(book.records)
        self._turn = False  # whether the running journal reads its new commit, or the one that is opened after it

    def judged(self, state: State) -> list[Fault]:
        """What is wrong with a state."""
        if state.lied:
            return self.lying(state)
        return self.honest(state.files, state.told)

    def honest(self, files: Mapping[str, bytes], told: Telling) -> list[Fault]:
        """After a crash of a disk that keeps what it synced."""
        return self._opened(files, lambda opened: self._whole(opened, told, told) + torn(files, told))

    def lying(self, state: State) -> list[Fault]:
        """After a crash of one that does not: what was told until `sure` is certain all the same (None: nothing is,
        for what was written later may have been kept), the rest is named.

        When all that was written since seqs last leapt is gone, and be it that what lied was written over it, nothing
        on the card can know that it ever was: then it has to open, to hold what is certain, and to go on.
        """

        def look(opened: Opened) -> list[Fault]:
            start = max((seq for seq in self._book.starts if seq < state.told.next), default=0)
            if any(record.seq >= start for record in opened.found):
                return self._named(opened, state.told, state.sure)
            if state.sure is None:
                return []
            return self._whole(opened, state.sure, replace(state.sure, forgot=state.told.forgot))

        return self._opened(state.files, look)

    def _opened(self, files: Mapping[str, bytes], look: Callable[[Opened], list[Fault]]) -> list[Fault]:
        disk = RecordingDisk(files)
        try:
            opened = Opened(self._plan.open_journal(self._made, ANEW, disk))
            faults = look(opened)
            return faults + self._goes_on(opened, disk)
        except Exception as error:  # whatever it is, the node would not run
            return [Fault("unopenable", 1, f"{type(error).__name__}: {error}")]

    def _readings(self, seqs: list[int]) -> int:
        return sum(max(1, self._book.records[seq].count) for seq in seqs)

    def _told(self, after: int, before: int) -> list[int]:
        return [seq for seq in self._seqs if after < seq < before]

    # What is asked of an honest disk.

    def _whole(self, opened: Opened, sure: Telling, now: Telling) -> list[Fault]:
        journal, faults = opened.journal, self._strange(opened, now)
        gaps = [(gap.first, gap.last) for gap in journal.gaps_to_write if gap.why != UNREADABLE]
        if gone := unnamed(self._told(journal.acked, sure.next), opened.found, gaps):
            faults.append(Fault("lost", self._readings(gone), f"seqs {gone} were committed and are gone"))
        if journal.epoch != sure.epoch and sure.next > 1:
            faults.append(Fault("wrong", 1, f"epoch {journal.epoch} instead of {sure.epoch}"))
        if journal.total_readings < sure.total:
            faults.append(Fault("wrong", 1, f"{journal.total_readings} readings ever taken, {sure.total} were told"))
        if journal.acked < sure.acked:
            faults.append(Fault("wrong", 1, f"acked up to {journal.acked}, {sure.acked} was durable"))
        return faults

    def _strange(self, opened: Opened, now: Telling) -> list[Fault]:
        """What is wrong on any disk."""
        journal, faults = opened.journal, []
        if strange := self._book.strange(opened.found):
            faults.append(Fault("wrong", len(strange), f"seqs {strange} do not hold what was written"))
        if journal.next < now.next and journal.epoch == now.epoch:
            faults.append(Fault("wrong", 1, f"seq {journal.next} is given out once more, {now.next} was the next"))
        if journal.acked > now.forgot:
            faults.append(Fault("wrong", 1, f"acked up to {journal.acked}, the office said {now.forgot}"))
        last = opened.found[-1].seq if opened.found else 0
        if opened.contiguous and self._book.totals.get(last, journal.total_readings) != journal.total_readings:
            faults.append(Fault("wrong", 1, f"{journal.total_readings} readings, not {self._book.totals[last]}"))
        return faults

    # What is asked of one that lies.

    def _named(self, opened: Opened, now: Telling, sure: Telling | None) -> list[Fault]:
        journal = opened.journal
        if sure is not None:
            faults = [*self._whole(opened, sure, now)]
        else:
            faults = self._strange(opened, now)
        gaps = [(gap.first, gap.last) for gap in journal.gaps_to_write]
        wanted = self._told(max(journal.acked, now.forgot), now.next)
        if (gone := unnamed(wanted, opened.found, gaps)) and journal.epoch == now.epoch:
            faults.append(Fault("lost_unnamed", self._readings(gone), f"seqs {gone} are gone and not named"))
        return faults

    # Whether it goes on.

    def _goes_on(self, opened: Opened, disk: RecordingDisk) -> list[Fault]:
        journal = opened.journal
        first, many = journal.next, len(journal.gaps_to_write)
        (seq,) = journal.append([ONE_MORE])
        again = self._made.journal.open(disk, lambda: ANEW, self._plan.cap_bytes, self._plan.segment_bytes)
        faults = []
        self._turn = not self._turn
        new = (journal if self._turn else again).read(first, MAXIMUM)
        if not new or (new[-1].seq, new[-1].body) != (seq, ONE_MORE[2]):
            faults.append(Fault("unopenable", 1, f"the commit after it, seq {seq}, cannot be read"))
        if journal.gaps_to_write and many < GAPS:
            faults.append(Fault("wrong", 1, f"gaps not written: {journal.gaps_to_write}"))
        if again.next < journal.next or _standing(again) != _standing(journal):
            stands = f"{again.next, *_standing(again)}, not {journal.next, *_standing(journal)}"
            faults.append(Fault("wrong", 1, f"opened again it stands otherwise: {stands}"))
        return faults


class Opened:
    """A journal just opened, and everything that it holds."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.found: list[Record] = journal.read(journal.lowest, MAXIMUM)
        self.contiguous = not journal.gaps_to_write


def _standing(journal: Journal) -> tuple[int, int, int]:
    return journal.acked, journal.total_readings, journal.backlog_readings


def torn(files: Mapping[str, bytes], told: Telling) -> list[Fault]:
    """Small files that are neither as they were nor as they were to be."""
    return [
        Fault("wrong", 1, f"{name} is neither as it was nor as it was to be")
        for name, allowed in told.small.items()
        if files.get(name) not in allowed
    ]
