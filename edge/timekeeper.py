"""What this node makes of time: it looks at its clocks, listens to whoever tells it, and says what it believes.

The decisions are in timekeeping. Here stand the words that were heard, the floor on the disk, and how the office is
asked: each hello carries the time since boot, and the ack that answers says it again beside the office's own time. So
a node knows how old the answer is, whatever the network did to it, and what it must have been between.
"""

from __future__ import annotations

from edge import floor as floors
from edge.clock import Clock, Look, look
from edge.events import Arrived, Claimed, ClockTold, FromLink
from edge.floor import MARGIN_MS, Floor, Kept, lowered
from edge.journal.disk import Disk
from edge.sampler import Sampler
from edge.timecheck import ClockView
from edge.timekeeping import (
    HOUR_MS,
    NOBODY,
    SURE,
    Belief,
    Doubts,
    Offset,
    believe,
    doubted,
    earliest,
    fresh,
    kernels,
    quarrel,
    refusal,
)
from edge.validity import Moment, moment
from edge.wire.clocks import ClockQuality, credible
from edge.wire.messages import Ack, MessageError, from_json
from edge.wire.version import BUILT_MS

ROUND_TRIP_MS = 10_000  # an answer that took longer says too little
OFFICE_MS = 50  # what the office itself may be off, beside the way
STEADY_MS = HOUR_MS  # the floor rises after so long of the same belief
STEADY_AT_END_MS = HOUR_MS // 6
ASKED_MS = 600_000  # what was said longer ago was not said to us
STEPPED_MS = 1_000  # beside its uncertainty: a belief that moves more has been stepped
OFFICE = ("fleet", "office")
MEMORY = ("kernel", "kernel")


class Timekeeper:
    """The clocks of one run of the agent; times in ms since boot."""

    def __init__(self, clock: Clock, disk: Disk) -> None:
        self.belief = NOBODY
        self.said = clock.said()
        self.refused = 0  # words of the office that cannot be
        self._clock, self._disk = clock, disk
        self._kept = floors.read(disk)
        self.floor = floors.begin(self._kept, clock.boot_id, clock.boot_ms())
        self._told: dict[tuple[str, str], ClockTold] = {}  # the newest word of each, by kind and name
        self._remember(self._kept)
        self._sure: list[ClockTold] = []
        self._doubts = Doubts()
        self._steady: tuple[int, Belief] | None = None  # since when which belief
        self._asked_ms: int | None = None
        self._ask_ms = self._write_ms = 0
        self._vouched: int | None = None  # what the last card said
        self._heed_ms = 0  # what the desk said before is void

    def _remember(self, kept: Kept | None) -> None:
        """What a run before this one, in the same boot, was sure of."""
        if kept is not None and kept.boot_id == self._clock.boot_id and kept.offset_ms is not None:
            unix_ms = kept.at_ms + kept.offset_ms
            memory = ClockTold("kernel", kept.at_ms, unix_ms, kept.uncertainty_ms, "kernel")
            self._told.setdefault(MEMORY, memory)

    def recall(self, now_ms: int) -> None:
        """The disk can be read again: what it kept, if it could not be read when we began."""
        if self._kept is None and (kept := floors.read(self._disk)) is not None:
            self._kept, found = kept, floors.begin(kept, self._clock.boot_id, now_ms)
            if self._vouched is None:
                self._remember(kept)
            found = lowered(found, self._vouched, now_ms)
            if found.at(now_ms) > self.floor.at(now_ms):
                self.floor = found

    # Who tells the time.

    def told(self, event: ClockTold) -> bool:
        """A sensor told the time; whether it is the first time that it did."""
        key = (event.kind, event.sensor)
        first = key not in self._told
        self._told[key] = event
        return first

    def asking(self, now_ms: int) -> int:
        """A hello goes out now: what it says as `sent_ms`."""
        self._asked_ms, self._ask_ms = now_ms, now_ms + HOUR_MS
        return now_ms

    def would_ask(self, now_ms: int) -> bool:
        """Whether another hello is wanted, for nobody here knows the time well."""
        known = self.belief.quality is ClockQuality.SYNCED and quarrel(self._sure, now_ms) is None
        return now_ms >= self._ask_ms and not known

    def hears(self, event: FromLink | Claimed, now_ms: int) -> bool:
        """Whatever came from the office; whether it told us something about the time that is news."""
        if isinstance(event, Claimed):
            return self.raised(event, now_ms)
        return isinstance(event, Arrived) and event.kind == "ack" and self.heard(event.payload, now_ms)

    def heard(self, payload: bytes, now_ms: int) -> bool:
        """An ack came down; whether it told us the time for the first time."""
        if self._asked_ms is None or b'"echo_ms"' not in payload:
            return False
        try:
            ack = from_json(Ack, payload)
        except MessageError:
            return False
        if ack.echo_ms != self._asked_ms or ack.now_ms is None:
            return False
        way_ms, self._asked_ms = now_ms - self._asked_ms, None
        word = ClockTold("office", now_ms, ack.now_ms + way_ms // 2, way_ms // 2 + OFFICE_MS, "fleet")
        if way_ms > ROUND_TRIP_MS or not credible(word.unix_ms):
            self.refused += 1
            return False
        return self.told(word)

    # What we make of it.

    def look(self) -> Look:
        """Both clocks at this instant, and what we believe now."""
        seen = look(self._clock)
        now_ms, self.said = seen.boot_ms, seen.said
        kernel = kernels(seen.said, now_ms, seen.apart_ms)
        self._sure = [one for key, one in self._told.items() if key[0] in SURE and key != MEMORY]
        if seen.said.quality is ClockQuality.SYNCED:
            self._sure.append(kernel)
        words = doubted(self._sure, now_ms, self.floor.at(now_ms))
        if (right := self._doubts.weigh(words, now_ms)) is not None:
            self._give_way(right, now_ms)
        self.belief = believe(kernel, seen.said.quality, self._told.values(), self.floor)
        if self.belief.quality is ClockQuality.SYNCED:
            self._told[MEMORY] = kernel
        self._settle(now_ms)
        return seen

    def _give_way(self, right: Offset, now_ms: int) -> None:
        """The floor was wrong: it was learnt from somebody who was sure and mistaken."""
        unix_ms = right.offset_ms + now_ms - right.uncertainty_ms - MARGIN_MS
        self.floor = Floor(max(unix_ms, BUILT_MS), now_ms, True)
        self._told.pop(MEMORY, None)
        self._write_ms = now_ms

    def _settle(self, now_ms: int) -> None:
        """Since when we believe what we believe."""
        before = self._steady
        if before is None or before[1].sure != self.belief.sure or self.belief.stepped(before[1]):
            self._steady = (now_ms, self.belief)

    def tell(self, sampler: Sampler) -> None:
        """Look, and let the records know; a step of a clock that was trusted is an event."""
        before, seen = self.belief, self.look()
        after, now_ms = self.belief, seen.boot_ms
        if before.trusted and after.trusted and after.stepped(before):
            by_ms = (after.offset_ms or 0) - (before.offset_ms or 0)
            sampler.note("clock stepped", now_ms, by_ms=by_ms, before=before.who, now=after.who)
        sampler.tell_clock(after, now_ms)

    def wall_ms(self) -> int:
        """Unix ms as far as we know; 0 when we do not."""
        known = self.look().boot_ms, self.belief.offset_ms
        return 0 if known[1] is None else known[0] + known[1]

    def moment(self) -> Moment:
        """What we make of now, without another look; any thread may ask."""
        return moment(self.belief, self.floor, self._clock.boot_ms())

    # The floor on the disk.

    def raised(self, event: Claimed, now_ms: int) -> bool:
        """The office may have said over another line what time it was, a while ago; whether the floor moved by it."""
        since_ms = max(now_ms - ASKED_MS, self._heed_ms)
        if event.unix_ms is None or not since_ms <= event.at_ms <= now_ms or not credible(event.unix_ms):
            return False
        floor = Floor(event.unix_ms - MARGIN_MS, event.at_ms, True)
        if floor.at(now_ms) <= lowered(self.floor, event.vouched_ms, now_ms).at(now_ms):
            return False
        self.floor, kept = floor, Kept(floor.unix_ms, self._clock.boot_id, event.at_ms)
        if floors.write(self._disk, kept):
            self._kept = kept
        return True

    def vouched(self, unix_ms: int) -> bool:
        """An operator's card says what time it was not long ago: all that was learnt before is void, and who is right
        says so again; whether the floor sank."""
        now_ms, before = self._clock.boot_ms(), self.floor
        self._vouched, self._heed_ms, self._asked_ms, self._ask_ms = unix_ms, now_ms, None, now_ms
        self._told.clear()
        self.floor = floor = lowered(before, unix_ms, now_ms)
        if floor is not before:
            kept, self._write_ms = Kept(floor.unix_ms, self._clock.boot_id, now_ms), now_ms
            if floors.write(self._disk, kept):
                self._kept = kept
        self.look()
        return floor is not before

    def keep(self, now_ms: int) -> None:
        """Let the floor rise, at most once an hour; or sink, when it was wrong."""
        if now_ms >= self._write_ms:
            self._keep(now_ms, STEADY_MS, HOUR_MS)

    def end(self, now_ms: int) -> None:
        """The last word of this run."""
        self._keep(now_ms, STEADY_AT_END_MS, MARGIN_MS)

    def _keep(self, now_ms: int, steady_ms: int, worth_ms: int) -> None:
        unix_ms, before = self._risen(now_ms, steady_ms), self._kept
        if unix_ms is None or (before is not None and before.unix_ms <= unix_ms < before.unix_ms + worth_ms):
            return
        self._write_ms = now_ms + HOUR_MS
        offset_ms = self.belief.offset_ms if self.belief.sure else None
        kept = Kept(unix_ms, self._clock.boot_id, now_ms, offset_ms, self.belief.uncertainty_ms or 0)
        if floors.write(self._disk, kept):
            self._kept = kept
            if unix_ms > self.floor.at(now_ms):
                self.floor = Floor(unix_ms, now_ms, True)

    def _risen(self, now_ms: int, steady_ms: int) -> int | None:
        """The floor that may be written now, None while this node was never sure of the time."""
        risen = [self.floor.at(now_ms)] if self.floor.known else []
        least_ms = earliest(self.belief, self._sure, now_ms)
        if self._steady is not None and least_ms is not None and now_ms - self._steady[0] >= steady_ms:
            risen.append(least_ms - MARGIN_MS)
        return max(risen, default=None)

    # For people.

    def view(self) -> ClockView:
        """What the check looks at."""
        now_ms = self.look().boot_ms
        doubts = fresh(doubted(self._sure, now_ms, self.floor.at(now_ms)), now_ms)
        return ClockView(self.belief, quarrel(self._sure, now_ms), doubts[0].sensor if doubts else "", self.said.leap)

    def rows(self, now_ms: int) -> list[dict[str, object]]:
        """What each who tells the time last said, and why it cannot be believed if so."""
        floor_ms = self.floor.at(now_ms)
        return [{"sensor": one.sensor, "kind": one.kind, "unix_ms": one.unix_ms, "age_ms": now_ms - one.at_ms,
                 "uncertainty_ms": one.uncertainty_ms, "refused": refusal(one.unix_ms - one.at_ms + now_ms, floor_ms)}
                for one in self._told.values()]  # fmt: skip

    def line(self, now_ms: int) -> dict[str, object]:
        """What we believe, and the floor."""
        belief = self.belief
        unix_ms = None if belief.offset_ms is None else now_ms + belief.offset_ms
        return {"quality": belief.quality.word, "unix_ms": unix_ms, "uncertainty_ms": belief.uncertainty_ms,
                "who": belief.who, "floor_ms": self.floor.at(now_ms), "leap": self.said.leap,
                "refused": self.refused}  # fmt: skip
