"""When a node asks for a certificate, and with which one it connects: decisions only, the registrar carries them out.

It asks while it has none; when two thirds of the life of the newest are over, each node at a moment of its own; and
when no broker takes what it has. It asks until it is answered, ever less often, always at a random moment of the wait,
so that ten thousand nodes whose desk was away do not come at once; who was refused waits for an operator, and asks as
seldom as that allows. Nothing here depends on a clock that is right: without one the floor tells the least that is
over, and a certificate that has ended unnoticed is refused by the broker, which is a reason too.

A new certificate is tried at once; it takes the place of the old one when a broker took us with it. Where one is not
taken, the other is tried, in turns, so neither a bad new one nor a bad old one can keep a node out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from edge.events import Cause, Claimed
from edge.identity import Held, Which
from edge.validity import Moment, Validity

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SHARE, SPREAD = 2 / 3, 1 / 12  # of its life, when it is renewed
LEAST_MS = 1_000
WAITS_MS = {  # from the first to the longest, by what came of asking
    "granted": (MINUTE_MS, 6 * HOUR_MS),  # and no broker takes what was granted
    "refused": (MINUTE_MS, HOUR_MS),
    "unreachable": (5_000, 15 * MINUTE_MS),
}
STEEPEST = 20
LOOK_MS = MINUTE_MS
PROVE_AGAIN_MS = 6 * HOUR_MS
NOTE_AGAIN_MS = DAY_MS
MOST_NOTES = 32  # in a day
Reason = Literal["", "first", "old", "not taken"]
Details = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the desk; `again` although there is a certificate that is not old."""

    again: bool


@dataclass(frozen=True, slots=True)
class Reconnect:
    """There is something new to connect with: do it now."""


@dataclass(frozen=True, slots=True)
class Promote:
    """A broker took us with this one: keep it, and wipe the token."""

    which: Which


@dataclass(frozen=True, slots=True)
class Note:
    """An event for the journal."""

    what: str
    details: Details


Step = Ask | Reconnect | Promote | Note


class Renewal:
    """`random` gives numbers from 0 up to but without 1; times in ms since boot, which never fall."""

    def __init__(self, held: Held, random: Callable[[], float], now_ms: int) -> None:
        self.held, self._random = held, random
        self.not_taken: set[Which] = set()  # by any broker, the last time
        self.last: Claimed | None = None  # what came of the last claim
        self.asking = False
        self.connected = False
        self._using: Which | None = None
        self._failed: Which | None = None  # with what the last attempt to connect failed
        self._attempts = 0
        self._try_ms = self._look_ms = self._prove_ms = now_ms
        self._share = self._draw_share()
        self._noted: dict[tuple[str, str], int] = {}

    def _draw_share(self) -> float:
        return SHARE + self._random() * SPREAD

    def _there(self) -> list[tuple[Which, Validity]]:
        """The certificates that there are, newest first."""
        both: tuple[tuple[Which, Validity | None], ...] = (("next", self.held.next), ("own", self.held.own))
        return [(which, validity) for which, validity in both if validity is not None]

    def wanted(self, now: Moment) -> Reason:
        """Why a certificate is to be asked for; "" when none is."""
        there = self._there()
        taken = [validity for which, validity in there if which not in self.not_taken]
        if not there:
            return "first"
        if not taken:
            return "not taken"
        return "old" if taken[0].at(self._share) <= now.least_ms else ""

    @property
    def due_ms(self) -> int | None:
        """When `tick` has something to do; None while an answer is awaited."""
        return None if self.asking else self._look_ms

    def tick(self, now: Moment, now_ms: int) -> list[Step]:
        """What is to be done now."""
        steps: list[Step] = []
        reason = self.wanted(now)
        self._look_ms = now_ms + LOOK_MS
        if reason and not self.asking:
            if now_ms >= self._try_ms:
                self.asking = True
                steps.append(Ask(again=reason != "first"))
            else:
                self._look_ms = min(self._look_ms, self._try_ms)
        if self.connected and self._using == "own" and self.held.next is not None and now_ms >= self._prove_ms:
            self._prove_ms, self._failed = now_ms + PROVE_AGAIN_MS, None
            steps.append(Reconnect())
        return steps

    def hold(self, held: Held) -> None:
        """What lies in the folder now; what is new has been refused by nobody yet."""
        if held.next != self.held.next:
            self.not_taken.discard("next")
        if held.own != self.held.own:
            self.not_taken.discard("own")
            self._share = self._draw_share()
        self.held = held

    def carded(self, now_ms: int) -> list[Step]:
        """There is a new card: what failed or was refused before may be granted now."""
        self._attempts, self._try_ms = 0, now_ms
        return [] if self.connected or not self._there() else [Reconnect()]

    # What the desk says.

    def claimed(self, event: Claimed, held: Held, now_ms: int) -> list[Step]:
        """The answer, and what lies in the folder after it."""
        self.asking, self.last = False, event
        self.hold(held)
        self._try_ms = now_ms + self._delay_ms(event.outcome)
        self._look_ms = now_ms
        if event.outcome in ("granted", "nothing"):
            if not self._there():
                return []
            self._prove_ms, self._failed = now_ms, None
            self.not_taken.discard("next")
            return [] if self.connected else [Reconnect()]  # when connected, `tick` sees to it
        if event.outcome == "refused":
            return list(self._note("certificate refused", event.why, now_ms, {"why": event.why, "what": event.what}))
        if event.why == "trust":
            return list(self._note("desk not trusted", "", now_ms, {"what": event.what}))
        return []

    def _delay_ms(self, outcome: str) -> int:
        first, cap = WAITS_MS.get(outcome, WAITS_MS["unreachable"])
        most = min(cap, first << self._attempts)
        self._attempts = min(self._attempts + 1, STEEPEST)
        return LEAST_MS + int(self._random() * most)

    # How brokers take it.

    def choose(self) -> Which | None:
        """The certificate to connect with now; None when there is none."""
        there = [which for which, _ in self._there()]
        if self._failed in there and len(there) > 1:
            there.remove(self._failed)
        self.connected, self._using = False, there[0] if there else None
        return self._using

    def took(self, now_ms: int) -> list[Step]:
        """A broker took us."""
        self.connected, self._failed = True, None
        self._look_ms = now_ms  # by now the time is known, if it ever will be
        if self._using is None:
            return []
        if self._using == "next" or self.held.next is None:
            self._attempts = 0
        self.not_taken.discard(self._using)
        which, self._using = self._using, "own"
        steps: list[Step] = [Promote(which)]
        if which == "next":
            self._prove_ms = now_ms + PROVE_AGAIN_MS
            what = "certificate renewed" if self.held.own is not None else "enrolled"
            steps += self._note(what, "", now_ms, {})
        return steps

    def lost(self, cause: Cause, reason: str, now_ms: int) -> list[Step]:
        """A session ended, or none came to be."""
        self._failed = None if self.connected else self._using
        self.connected = False
        if self._using is None:
            return []
        if cause == "certificate":
            self.not_taken.add(self._using)
            self._look_ms = now_ms
            return list(self._note("certificate not taken", self._using, now_ms, {"what": reason}))
        if cause == "trust":
            if self._using == "next":  # with the roots that came with it nobody is known
                self.not_taken.add("next")
            return list(self._note("broker not trusted", "", now_ms, {"what": reason}))
        return []

    # What is told.

    def _note(self, what: str, about: str, now_ms: int, details: Details) -> Iterator[Note]:
        """Once a day of each kind: whoever knocks at a node for years shall not fill its card with words."""
        self._noted = {key: at for key, at in self._noted.items() if now_ms - at < NOTE_AGAIN_MS}
        if (what, about) not in self._noted and len(self._noted) < MOST_NOTES:
            self._noted[what, about] = now_ms
            yield Note(what, details)
