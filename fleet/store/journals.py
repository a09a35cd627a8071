"""What is known of each journal: how far it is settled, how far it got, and which one its node writes now.

A node that loses its card, or finds its journal unreadable, goes on with a new one. What the old one still held then
never comes, and nobody at the node is left to confess it, so the store must see it for itself: of all journals of a
node the one that gave out something new last is the one it writes, and what the others gave out and nobody received
is missing (`losses`). "Last" is by arrival, for epochs are random and clocks are not to be trusted. A word of the old
journal that comes late and is new can turn it round for a moment; the living one goes on growing and turns it back.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge.wire.messages import Hello
from fleet.store import copies
from fleet.store.coverage import Coverage
from fleet.store.memory import Journal, Memory
from fleet.store.store import Card, Greeting, Parcel, Records

GREET = """INSERT INTO journals(node, epoch, upto, beyond, lowest, next, readings_total, grown, said)
  VALUES (?,?,-1,0,?,0,?,0,?) ON CONFLICT DO UPDATE SET lowest=max(lowest, excluded.lowest),
  readings_total=CASE WHEN excluded.said>=said THEN excluded.readings_total ELSE readings_total END,
  said=max(said, excluded.said)"""
SETTLE = """INSERT INTO journals(node, epoch, upto, beyond, lowest, next, readings_total, grown)
  VALUES (?1,?2,?3,?4,0,?5,0,?6*(SELECT 1+coalesce(max(grown), 0) FROM journals WHERE node=?1))
  ON CONFLICT DO UPDATE SET upto=max(upto, excluded.upto), beyond=excluded.beyond, next=max(next, excluded.next),
  grown=CASE WHEN excluded.next>next AND ?6 THEN excluded.grown ELSE grown END"""


def epochs_in(parcel: Parcel) -> Iterable[int]:
    """The journals that a parcel speaks of."""
    if isinstance(parcel, (Greeting, Card)):
        return (parcel.hello.epoch,)
    return {record.epoch for record in parcel.records} if isinstance(parcel, Records) else ()


def greet(memory: Memory, journal: Journal, hello: Hello, alive: bool = True) -> None:
    """Notes what a hello, or a card (not `alive`), says of its journal; what the node has let go of and never came is a
    hole.

    What it gave up without an ack is none: the gap record for it is under way, and were it acknowledged before that
    came, the node could not say any more how many readings it was.
    """
    copies.met(memory, journal, hello, alive)
    covered = memory.coverage(journal)  # before `lowest` is written, which settles what is below it
    lowest = hello.lowest if hello.acked is None else min(hello.lowest, hello.acked + 1)
    memory.db.execute(GREET, (*journal, lowest, hello.readings_total, hello.next))
    holes = [(*journal, first, last) for first, last in covered.missing(lowest)]
    memory.db.executemany("INSERT OR IGNORE INTO holes VALUES (?,?,?,?)", holes)
    covered.add(0, lowest - 1)
    memory.announced[journal] = max(hello.next, memory.announced.get(journal, 0))


def settle(memory: Memory, journal: Journal, alive: bool = True) -> Coverage:
    """Writes down how far a journal got, after all that a batch says of it; what of it is settled.

    `alive`: its node spoke of it; what was read from a card does not make it the one that the node writes now.
    """
    covered = memory.coverage(journal)
    given_out = max(covered.top + 1, memory.announced.pop(journal, 0))
    memory.db.execute(SETTLE, (*journal, covered.upto, covered.beyond, given_out, alive))
    return covered
