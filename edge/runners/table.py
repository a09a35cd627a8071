"""Many talks on one bus, as one conversation table where a pause blocks nobody.

Whoever is due speaks until he pauses; meanwhile the others go on. Only one speaks to the same device at a time: per
address on I2C, one at all on a serial port. A pause counts from the next step on, because the transfers before it took
time that `now_ms` of this step does not know of, and a chip that is asked too early answers nothing.

For the same reason a failure ends the step: the next one begins at once and sees what the failure cost the others,
and who fails pays for it (`breaker`). Where the whole bus was dead, the first who is read again rouses the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from drivers.errors import BusFault, DriverError
from drivers.talk import Pause, Step
from edge.events import Event
from edge.runners.blame import blame
from edge.runners.breaker import State
from edge.runners.conversation import BUG, Broken
from edge.runners.door import Closable, Door
from edge.runners.runner import Counters
from edge.runners.seat import Seat
from edge.runners.timetable import next_multiple, whole_ms

MOST_FAULTS = 2  # of the bus in one talk: each may have taken a second
DEAD_AFTER = 3  # faults of the bus in a row
COSTLY_MS = 100

P = TypeVar("P", bound=Closable)


class WrongStep(Exception):
    """A step that this kind of bus does not have: a mistake of the driver."""


class TalkRunner(Generic[P]):
    """The table; I2C, serial ports and files say how a step is performed."""

    gather_ms = 5

    def __init__(self, open_port: Callable[[], P], seats: Sequence[Seat], rests: bool) -> None:
        self.seats = tuple(seats)
        self._windowed = tuple(seat for seat in seats if seat.window is not None)
        self._door: Door[P] = Door(open_port, rests)
        self._asked: deque[str] = deque()
        self._events: list[Event] = []
        self._stepped_ms = 0
        self._paying: Seat | None = None  # whose failure ended the last step
        self._faults = 0  # of the bus, in a row
        self._dead = False

    @property
    def sensors(self) -> tuple[str, ...]:
        return tuple(seat.name for seat in self.seats)

    @property
    def fd(self) -> int | None:
        return None

    def ask(self, sensor: str) -> None:
        self._asked.append(sensor)

    def leave(self, sensor: str, state: Mapping[str, object]) -> None:
        for seat in self.seats:
            if seat.name == sensor and seat.keeper is not None:
                seat.keeper.leave(state)

    def opened(self, now_ms: int) -> list[Event]:
        return [event for seat in self.seats if seat.keeper is not None for event in seat.keeper.tell(now_ms)]

    def counters(self) -> dict[str, Counters]:
        return {seat.name: seat.tally.copy() for seat in self.seats}

    def breakers(self) -> dict[str, State]:
        return {seat.name: seat.breaker.state for seat in self.seats}

    def close(self) -> None:
        for seat in self.seats:
            if seat.talk is not None:
                seat.talk.close()
        self._door.close()

    def step(self, now_ms: int) -> list[Event]:
        self._events = []
        self._charge(now_ms)
        self._stepped_ms = now_ms
        if self._door.knock(now_ms):
            self._rouse(self.sensors, now_ms)
        if self._asked:
            self._heed([self._asked.popleft() for _ in range(len(self._asked))], now_ms)
        self._prepare(now_ms)
        for seat in self._in_turn(now_ms):
            if self._paying is None and self._may_speak(seat, now_ms):
                self._serve(seat, now_ms)
        return self._events

    def _in_turn(self, now_ms: int) -> list[Seat]:
        """Who is due, the longest first; where the bus was dead all of them, for one may rouse the others."""
        due = [seat for seat in self.seats if self._dead or seat.wants_ms(now_ms) <= now_ms]
        return sorted(due, key=lambda seat: seat.wants_ms(now_ms)) if len(due) > 1 else due

    def next_due_ms(self) -> int | None:
        if self._paying is not None:
            return self._stepped_ms
        talking = {seat.place for seat in self.seats if seat.talk is not None}
        due = [seat.wants_ms(self._stepped_ms) for seat in self.seats
               if seat.talk is not None or seat.place not in talking]  # fmt: skip
        due += [ends for seat in self._windowed if (ends := seat.closes_ms()) is not None]
        if self._door.shut:
            due.append(self._door.retry_ms)
        return min(due, default=None)

    def _prepare(self, now_ms: int) -> None:
        for seat in self._windowed:
            self._events += seat.close_windows(now_ms)
        for seat in self.seats:
            if seat.talk is not None:
                self._start_pause(seat, now_ms)

    def _charge(self, now_ms: int) -> None:
        """What the failure that ended the last step took of the bus, nobody else who fails may take on top."""
        seat, self._paying = self._paying, None
        if seat is None:
            return
        cost_ms = now_ms - self._stepped_ms
        seat.spent(now_ms, cost_ms)
        for other in self.seats:
            if cost_ms >= COSTLY_MS and other.talk is None and other.breaker.is_open:
                other.due_ms = max(other.due_ms, now_ms + cost_ms)

    def _rouse(self, names: Sequence[str], now_ms: int) -> None:
        for seat in self.seats:
            if seat.name in names:
                seat.rouse(now_ms)

    def _heed(self, names: Sequence[str], now_ms: int) -> None:
        """Somebody asks for these."""
        self._rouse(names, now_ms)
        for seat in self.seats:
            if seat.name in names:
                seat.voice.heed()

    def _start_pause(self, seat: Seat, now_ms: int) -> None:
        """It is in the midst of a talk."""
        if seat.resume_ms is None and isinstance(seat.step, Pause):
            seat.resume_ms = now_ms + whole_ms(seat.step.seconds)

    def _must_wait(self, seat: Seat) -> bool:
        """Whether somebody else is in the midst of a talk with the same device."""
        if seat.talk is not None:
            return False
        return any(other.talk is not None and other.place == seat.place for other in self.seats)

    def _may_speak(self, seat: Seat, now_ms: int) -> bool:
        return seat.wants_ms(now_ms) <= now_ms and not self._must_wait(seat)

    def _serve(self, seat: Seat, now_ms: int) -> None:
        try:
            self._converse(seat, now_ms)
        except Broken as broken:
            self._fail(seat, now_ms, broken.cause, broken.text)
        except DriverError as error:
            self._fail(seat, now_ms, error.cause, str(error))
        except Exception as error:
            self._fail(seat, now_ms, BUG, blame(error))

    def _converse(self, seat: Seat, now_ms: int) -> None:
        answer = None
        if seat.talk is None:
            self._begin(seat, now_ms)
        else:
            answer = self._resumed(seat, now_ms)
        while seat.talk is not None and not (seat.step is not None and answer is None):
            seat.step = seat.talk.advance(answer)
            if seat.step is None:
                answer = None
                self._ended(seat, now_ms)
            else:
                answer = self._performed(seat, seat.step, now_ms)

    def _begin(self, seat: Seat, now_ms: int) -> None:
        self._greet(self._door.enter(now_ms), now_ms)
        seat.begin(now_ms)

    def _ended(self, seat: Seat, now_ms: int) -> None:
        was_read = seat.phase == "read"
        self._events += seat.ended(now_ms)
        if was_read:
            self._door.proven()
            self._revive(now_ms)

    def _revive(self, now_ms: int) -> None:
        """The bus works: whoever failed because it did not may try at once."""
        dead, self._dead, self._faults = self._dead, False, 0
        if dead:
            self._rouse([seat.name for seat in self.seats if seat.cause == BusFault.cause], now_ms)

    def _resumed(self, seat: Seat, now_ms: int) -> bytes | DriverError | None:
        assert seat.step is not None
        return b"" if isinstance(seat.step, Pause) else self._performed(seat, seat.step, now_ms)

    def _performed(self, seat: Seat, step: Step, now_ms: int) -> bytes | DriverError | None:
        """The answer to a step, a failure to be thrown into the talk, or None: nothing yet."""
        if isinstance(step, Pause):
            seat.resume_ms = None
            return None
        try:
            return self._perform(self._door.enter(now_ms), seat, step, now_ms)
        except BusFault as fault:
            return self._faulted(seat, now_ms, fault)
        except DriverError as error:
            return error
        except OSError as error:
            return self._faulted(seat, now_ms, BusFault(blame(error)))
        except WrongStep as error:
            raise Broken(BUG, str(error)) from error

    def _faulted(self, seat: Seat, now_ms: int, fault: BusFault) -> BusFault:
        """Raises Broken when this talk has cost enough."""
        if not self._door.shut:
            self._door.slam(now_ms, str(fault))
        self._paying, seat.faults, self._faults = seat, seat.faults + 1, self._faults + 1
        self._dead = self._dead or self._faults >= DEAD_AFTER
        if seat.faults > MOST_FAULTS:
            raise Broken(fault.cause, str(fault))
        return fault

    def _fail(self, seat: Seat, now_ms: int, cause: str, text: str) -> None:
        self._paying = seat
        self._events += seat.failed(now_ms, cause, text, told=not self._door.shut)
        if self._door.shut:
            seat.due_ms = next_multiple(now_ms, seat.interval_ms)

    def _greet(self, port: P, now_ms: int) -> None:
        """A talk is about to begin."""

    def _perform(self, port: P, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        raise NotImplementedError
