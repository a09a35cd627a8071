"""A serial device that talks unasked: everything is heard, and one frame an interval is a reading.

What is kept is the newest of each quantity at each due instant, stamped with its own time of arrival: a device may say
one thing in one frame and another in the next. The first frame after start, silence or an unplug is passed on at once,
so that a technician sees at once that it works. With a window nothing of
the frames is passed on: they stay in the driver, and the window is told, also one in which a device that may be silent
for so long was silent, if its driver has something to say: an empty road is a count of zero.

A device that is silent for longer than it may, or says that it forgot, is told its setup again, because it may have
lost its power and its mind. After that it is given the time that it may be silent before it is told once more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from drivers.errors import BusFault, NoAnswer, NotMeasured
from drivers.reading import Reading
from drivers.stream import StreamDriver
from drivers.window import Windowed
from edge.buses.port import SerialPort
from edge.events import Event
from edge.runners.blame import blame
from edge.runners.breaker import Breaker, State
from edge.runners.conversation import BUG, Broken
from edge.runners.door import Door
from edge.runners.keeper import Keeper
from edge.runners.nap import Nap
from edge.runners.recital import Recital
from edge.runners.runner import Counters
from edge.runners.timetable import Attendance, next_multiple
from edge.runners.voice import Terms, Voice, believed
from edge.runners.window import LookWindow

LOOK_MS = 50  # how often a port without a file descriptor is looked at
GULP = 4_096  # bytes taken at once; more is left for the next step, which is then due at once
QUIET_MS = 3_000  # a device that may be quiet for ever is listened to at least so often
STALE_WINDOW_MS = 3_600_000  # what nobody wants to know is thrown away so often


class StreamRunner:
    """One streaming device on the serial port that it owns."""

    gather_ms = 40

    def __init__(
        self,
        name: str,
        driver: StreamDriver,
        interval_ms: int,
        open_port: Callable[[], SerialPort],
        terms: Terms | None = None,
    ) -> None:
        self.name, self.driver, self.interval_ms = name, driver, interval_ms
        terms = terms or Terms()
        self.voice = Voice(name, driver, terms.window_ms or interval_ms, terms)
        self.tally = self.voice.tally
        self.breaker = Breaker()
        self._silence_ms = _milliseconds(driver.silence_s)
        self._window = self._windowed(terms)
        self._keeper = Keeper(name, self._window, terms.commit_ms) if self._window is not None else None
        self._nap = Nap(terms.rest and driver.can_rest and self._window is None, self.voice.warmth, interval_ms)
        self._door = Door(open_port, rests=True)
        self._recital: Recital | None = None  # the setup, or the words before sleep
        self._setup_due_ms: int | None = 0
        self._heard_ms: int | None = None  # a whole frame, or the end of the first setup since the port opened
        self._told_ms = 0  # the end of the last setup
        self._due_ms = 0
        self._looked_ms = 0
        self._newest: dict[str, tuple[int, Reading]] = {}  # by the name of the reading: when it came, and what
        self._eager = True  # pass the next frame on at once
        self._hungry = False  # there was more than a gulp
        self._flush_ms: int | None = None  # when what lies half in the driver is no frame any more
        self._damage = 0  # the driver's errors that are known
        self._discard_ms = STALE_WINDOW_MS
        self._attendance = Attendance(interval_ms)
        self._events: list[Event] = []

    def _windowed(self, terms: Terms) -> LookWindow | None:
        if not isinstance(self.driver, Windowed):
            return None
        length_ms = terms.window_ms or (self.interval_ms if self.driver.must_window else 0)
        return LookWindow(self.driver, length_ms, self._silence_ms or QUIET_MS) if length_ms else None

    @property
    def sensors(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def fd(self) -> int | None:
        return getattr(self._door.port, "fd", None) if self._door.port is not None else None

    def ask(self, sensor: str) -> None:
        if sensor == self.name:
            self._eager = True
            self.voice.heed()
            self._nap.rouse()

    def leave(self, sensor: str, state: Mapping[str, object]) -> None:
        if self._keeper is not None:
            self._keeper.leave(state)

    def opened(self, now_ms: int) -> list[Event]:
        return self._keeper.tell(now_ms) if self._keeper is not None else []

    def counters(self) -> dict[str, Counters]:
        counts = self.tally.copy()
        for cause, number in self.driver.errors.copy().items():
            counts[cause] = counts.get(cause, 0) + number
        if self._window is not None:  # how often nobody was seen, read twice a second, tells when somebody was
            counts.pop(NotMeasured.cause, None)
        return {self.name: counts}

    def breakers(self) -> dict[str, State]:
        return {self.name: self.breaker.state}

    def close(self) -> None:
        if self._recital is not None:
            self._recital.close()
        self._door.close()

    def step(self, now_ms: int) -> list[Event]:
        self._events, self._looked_ms = [], now_ms
        if self._door.knock(now_ms):
            self._setup_due_ms = now_ms
        if self._nap.is_over(now_ms):
            self._setup_due_ms, self._heard_ms = now_ms, None
        self._guarded(self._close_windows, now_ms)
        self._guarded(self._listen, now_ms)
        self._guarded(self._keep, now_ms)
        self._guarded(self._recite, now_ms)
        self._deliver(now_ms)
        return self._events

    def next_due_ms(self) -> int | None:
        due = [self._due_ms]
        if self._hungry:
            due.append(self._looked_ms)
        if self._window is not None and self._window.boundary_ms is not None:
            due += [self._window.boundary_ms, self._looked_ms + QUIET_MS // 2]
        if self._keeper is not None and (tells_ms := self._keeper.due_ms(None)) is not None:
            due.append(tells_ms)
        if self._door.shut:
            return min(*due, self._door.retry_ms)
        due += [] if self.fd is not None else [self._looked_ms + LOOK_MS]
        due += [] if self._flush_ms is None else [self._flush_ms]
        due += [] if self._nap.wake_ms is None else [self._nap.wake_ms]
        if self._recital is not None:
            due.append(self._recital.due_ms(self._looked_ms))
        elif self._setup_due_ms is not None:
            due.append(self._setup_due_ms)
        elif self._heard_ms is not None and self._silence_ms is not None and self._nap.wake_ms is None:
            due.append(max(self._heard_ms, self._told_ms) + self._silence_ms + 1)
        return min(due)

    def _guarded(self, act: Callable[[int], object], now_ms: int) -> None:
        try:
            act(now_ms)
        except BusFault as fault:
            self._cut_off(now_ms, str(fault))
        except OSError as error:
            self._cut_off(now_ms, blame(error))
        except Broken as broken:
            self._fail(now_ms, broken.cause, broken.text)
        except Exception as error:
            self._fail(now_ms, BUG, f"the driver raised {blame(error)}")

    # What is told to the device.

    def _recite(self, now_ms: int) -> None:
        """Begin, or go on with, telling the device to talk, or to sleep."""
        if self._door.shut:
            return
        if self._recital is None:
            if self._setup_due_ms is None or now_ms < self._setup_due_ms:
                return
            self._begin_setup(now_ms)
        if self._recital is not None and self._recital.go_on(self._door.enter(now_ms), now_ms):
            self._recited(now_ms)

    def _begin_setup(self, now_ms: int) -> None:
        self._door.enter(now_ms).drain()
        self._setup_due_ms, self.driver.lost_setup = None, False
        self.breaker.trying()
        self.voice.prime(now_ms)
        self._recital = Recital(self.driver.setup(), "setup", now_ms)
        self.voice.warmth.begin(now_ms)

    def _recited(self, now_ms: int) -> None:
        """It warms up from its first command on, and not before its last one has reached it."""
        recital, self._recital = self._recital, None
        if recital is None or recital.what == "rest":
            return
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        self._told_ms = now_ms
        self._nap.setup_ms = now_ms - recital.began_ms
        self.voice.warmth.begin(now_ms)

    # What it says.

    def _listen(self, now_ms: int) -> None:
        self._hungry = False
        if self._door.port is None:
            return
        self.voice.prime(now_ms)
        data = self._door.port.read(GULP, 0.0)
        if self._silence_ms is None and self._window is not None:
            self._window.looked(now_ms)
        self._hungry = len(data) >= GULP
        if data:
            self._take(self.driver.feed(data), now_ms)
            self._flush_ms = now_ms + round(self.driver.gap_s * 1_000) if self.driver.midway else None
        elif self._flush_ms is not None and now_ms >= self._flush_ms:
            self._take(self.driver.flush(), now_ms)
            self._flush_ms = None
        self._mind_damage()
        if self.driver.lost_setup and self._setup_due_ms is None and self._recital is None:
            self._setup_due_ms = now_ms

    def _take(self, frames: list[list[Reading]], now_ms: int) -> None:
        for readings in frames:
            if self._window is None:
                self._newest |= {reading.name: (now_ms, reading) for reading in believed(readings, False)}
            self._heard(now_ms)
        self._events += self.voice.clock(now_ms)

    def _heard(self, now_ms: int) -> None:
        """A whole frame."""
        self._heard_ms = now_ms
        self._door.proven()
        self.breaker.proven()
        if self._window is not None:
            self._window.looked(now_ms)

    def _mind_damage(self) -> None:
        damage = sum(count for cause, count in self.driver.errors.items() if cause != NotMeasured.cause)
        if damage > self._damage and self._window is not None:
            self._window.lose(damage - self._damage)
        self._damage = damage

    def _close_windows(self, now_ms: int) -> None:
        if self._window is None:
            return
        self._window.begin(now_ms)
        self.tally.add("missed", self._window.catch_up(now_ms))
        for closed in self._window.close_all(now_ms):
            since_ms = closed.at_ms - self._window.length_ms
            if closed.readings is not None and (closed.seen or (closed.readings and closed.whole)):
                opened = self._keeper.closed(closed.at_ms) if self._keeper is not None else None
                self._events.append(self.voice.say(closed.at_ms, closed.readings, closed.doubted, since_ms, opened))
        self._window.listens(now_ms, self._door.port is not None)

    def _keep(self, now_ms: int) -> None:
        if self._keeper is not None:
            self._events += self._keeper.step(now_ms)

    # What is told of it.

    def _deliver(self, now_ms: int) -> None:
        due = now_ms >= self._due_ms
        if due:
            self._due_ms = next_multiple(now_ms, self.interval_ms)
            self.tally.add("missed", self._attendance.began(now_ms) if self._window is None else 0)
        if self._nap.sleeps:
            self._newest.clear()
        elif self._newest and (due or self._eager):
            self._pass_on(now_ms)
        elif due and self._door.shut:
            self._complain(now_ms, BusFault.cause, self._door.why)
        else:
            self._mind_silence(now_ms)

    def _pass_on(self, now_ms: int) -> None:
        newest, self._newest, self._eager = self._newest, {}, False
        for at_ms in sorted({at_ms for at_ms, _ in newest.values()}):
            if now_ms - at_ms <= self.interval_ms:
                self._events.append(self.voice.say(at_ms, [one for at, one in newest.values() if at == at_ms]))
        self._discard(now_ms)
        self._rest(now_ms)

    def _discard(self, now_ms: int) -> None:
        """A window that nobody asked for must not grow for ever."""
        if isinstance(self.driver, Windowed) and now_ms >= self._discard_ms:
            self._discard_ms = now_ms + STALE_WINDOW_MS
            driver = self.driver
            self._guarded(lambda at_ms: driver.close(at_ms * 1_000), now_ms)

    def _rest(self, now_ms: int) -> None:
        if self._recital is None and self._setup_due_ms is None and self._nap.begin(now_ms):
            self._recital = Recital(self.driver.rest(), "rest", now_ms)
            self.driver.forget()
            self._guarded(self._recite, now_ms)

    def _mind_silence(self, now_ms: int) -> None:
        if self._heard_ms is None or self._silence_ms is None or self._setup_due_ms is not None:
            return
        if self._recital is None and now_ms - max(self._heard_ms, self._told_ms) > self._silence_ms:
            silent_s = (now_ms - self._heard_ms) / 1_000
            self._fail(now_ms, NoAnswer.cause, f"no whole frame for {silent_s:.0f} s")

    def _fail(self, now_ms: int, cause: str, text: str) -> None:
        """Complain, and set the device up again after a while."""
        self.driver.forget()
        self._flush_ms = None
        if self._recital is not None:
            self._recital.close()
            rested = self._recital.what == "rest"
            self._recital = None
            if rested and cause != BusFault.cause:
                return self.tally.add("rest_failed")
        wait_ms = self.breaker.failed()
        if cause == NoAnswer.cause:
            wait_ms = 0 if self.breaker.failures == 1 else max(0, wait_ms - (self._silence_ms or 0))
        self._setup_due_ms = now_ms + wait_ms
        self._complain(now_ms, cause, text)

    def _cut_off(self, now_ms: int, why: str) -> None:
        """The port is gone; the door says when it is tried again."""
        if not self._door.shut:
            self._door.slam(now_ms, why)
        if self._window is not None:
            self._window.lose(0)
        self._newest.clear()
        self._heard_ms = None
        self._nap.rouse()
        self._fail(now_ms, BusFault.cause, why)

    def _complain(self, now_ms: int, cause: str, text: str) -> None:
        self._eager = True
        self._events += self.voice.complain(now_ms, cause, text)


def _milliseconds(silence_s: float) -> int | None:
    """None for a device that may be quiet for ever."""
    return round(silence_s * 1_000) if 0 < silence_s < math.inf else None
