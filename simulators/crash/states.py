"""Every beginning of a recorded life as a crash, in every way that one may end.

A state that equals the one before it and of which no more is expected is not opened twice; all others are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from simulators.crash.book import Book, Telling
from simulators.crash.card import Card
from simulators.recording import NOTES, FolderSynced, Step, Synced, Told

DRAWS = 3  # of each kind, at most
LIES = 8  # syncs at most, unless somebody says otherwise


@dataclass(frozen=True)
class Part:
    """From one power-on to the cut: what was on the disk, what was told before, every step, and the book of it all."""

    files: dict[str, bytes]
    told: Telling
    log: list[Step]
    book: Book


@dataclass(frozen=True)
class State:
    """What one crash left. `lied`: how many syncs did; `sure` is what was told before the first that did, None when
    something written later may be there."""

    part: Part
    at: int  # steps of that part that had been taken
    mode: str
    files: dict[str, bytes]
    told: Telling
    lied: int = 0
    sure: Telling | None = None


@dataclass(frozen=True)
class Fault:
    """`verdict` is lost, wrong, unopenable or lost_unnamed; `count` readings, records or states."""

    verdict: str
    count: int
    what: str


def crashes(part: Part, lying: int, chance: Random) -> Iterator[State]:
    """The states of one part of a life."""
    card, told, version, news = Card(part.files), part.told, -1, True
    liar = Liar(part, lying)
    for at, step in enumerate(part.log):
        card.take(step)
        if isinstance(step, NOTES):
            told, news = told.with_note(step), True
        if at + 1 < len(part.log) and isinstance(part.log[at + 1], NOTES):
            continue  # the same state, of which more is expected
        if card.version != version or news:
            yield State(part, at + 1, "lost", card.lost(), told)
            yield from liar.states(at + 1, told, chance)
            version, news = card.version, False
        yield from (State(part, at + 1, mode, files, told) for mode, files in _drawn(card, chance))


def _drawn(card: Card, chance: Random) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What else may be left when something is on its way."""
    if card.certain:
        return
    yield "kept", card.kept()
    for _ in range(min(DRAWS, 2**card.choices - 2) if card.choices < 9 else DRAWS):
        yield "mixed", card.drawn(chance)
    for _ in range(min(DRAWS, card.choices)):
        yield "torn", card.drawn(chance, torn=True)


class Liar:
    """The same part of a life on a card that lied when it was last asked to sync, `most` times or fewer."""

    def __init__(self, part: Part, most: int) -> None:
        self._part, self._log = part, part.log
        self._card, self._told, self._at = Card(part.files), part.told, 0  # as it stood before it may have lied
        self._syncs: deque[int] = deque(maxlen=most)  # places in the log of those that may have lied
        self._seen = next((at for at, step in enumerate(part.log) if isinstance(step, Told)), 0)

    def states(self, upto: int, told: Telling, chance: Random) -> Iterator[State]:
        """A state with `upto` steps taken, of which the last few syncs lied: but not the first of this power-on, for
        on a card that forgets all of it nothing can know that it ever was."""
        self._syncs.extend(at for at in range(self._seen, upto) if isinstance(self._log[at], Synced | FolderSynced))
        self._seen = max(self._seen, upto)
        if not self._syncs:
            return
        self._card, self._told = self._ahead(self._card, self._syncs[0])
        self._at = self._syncs[0]
        lied = chance.randint(1, len(self._syncs))
        at = self._syncs[-lied]
        card, sure = self._ahead(self._card.copy(), at)
        if chance.random() < 0.5:
            yield State(self._part, upto, "lied", card.lost(), told, lied, sure)
            return
        for step in self._log[at:upto]:
            if not isinstance(step, Synced | FolderSynced):
                card.take(step)
        yield State(self._part, upto, "lied and mixed", card.drawn(chance, torn=True), told, lied)

    def _ahead(self, card: Card, upto: int) -> tuple[Card, Telling]:
        """This card, and what was told, with honest steps up to there."""
        told = self._told
        for step in self._log[self._at : upto]:
            card.take(step)
            told = told.with_note(step) if isinstance(step, NOTES) else told
        return card, told
