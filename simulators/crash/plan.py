"""What life a node leads before its power goes, by seed; and of what it is made, so that a bug can be planted.

Lives are short and their journals small: what matters is how many different things happen between two syncs, and how
often a segment is entered, filled, given up and written over, not how long it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from edge.commits import Commits
from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.schemas import Schemas
from simulators.recording import RecordingDisk

SECTOR = 512
SEGMENTS = (14, 16, 16, 20, 24, 40)  # sectors


@dataclass(frozen=True)
class Makings:
    """Of what a life is made. Tests plant a bug by handing in a class of their own."""

    disk: type[RecordingDisk] = RecordingDisk
    journal: type[Journal] = Journal
    commits: type[Commits] = Commits


REAL = Makings()


@dataclass(frozen=True)
class Plan:
    """One life: the size of its journal, what is committed, and how often the office answers."""

    seed: int
    segment_bytes: int
    cap_bytes: int
    powers: int  # how often the power comes on
    commits: int  # each time
    largest: int  # bytes of an event's text
    office: float  # how often the office answers after a commit
    away: range  # commits during which it does not
    thins: bool  # whether old readings are thinned when it is full, or given up by the segment

    def open_journal(self, made: Makings, epoch: int, disk: Disk) -> Journal:
        """This life's journal as a node opens it."""
        lookup = Schemas(disk).body if self.thins else None
        journal = made.journal.open(disk, lambda: epoch, self.cap_bytes, self.segment_bytes, schemas=lookup)
        journal.leap()
        return journal


def plan(seed: int, number: int) -> Plan:
    """Life `number` of a seed."""
    chance = Random(f"crash {seed} {number}")
    segment = chance.choice(SEGMENTS) * SECTOR
    commits = chance.randint(20, 60)
    begin = chance.randrange(commits)
    return Plan(
        seed=chance.getrandbits(48),
        segment_bytes=segment,
        cap_bytes=segment * chance.choice((3, 4, 5, 8)),
        powers=chance.randint(1, 3),
        commits=commits,
        largest=min(chance.choice((100, 700, 1_600)), segment // 8),
        office=chance.choice((0.08, 0.3, 0.9)),
        away=range(begin, begin + chance.choice((0, 10, 30, 60))),
        thins=chance.random() < 0.7,
    )
