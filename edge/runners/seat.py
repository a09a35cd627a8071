"""One sensor's place at a bus: where its talk stands, when it speaks again, and how it fared.

Most are set up once and then read at each instant of their timetable. Some look more often than they are reported
(`look_s`), or fold their looks into windows; some sleep between two readings and are woken in time to be warm at the
next. Whoever fails is set up again, soon: `breaker` says when. A device that is merely not ready yet is given a few
seconds first; each time that setting it up did not help it is given twice as long, so that one that needs long for
its first measurement gets there.
"""

from __future__ import annotations

from typing import Literal

from drivers.driver import TalkDriver
from drivers.talk import Step
from drivers.window import Windowed
from edge.events import Event
from edge.runners.blame import blame
from edge.runners.breaker import Breaker
from edge.runners.conversation import BUG, Broken, Conversation
from edge.runners.keeper import Keeper
from edge.runners.nap import Nap
from edge.runners.timetable import Attendance, next_multiple
from edge.runners.voice import Terms, Voice
from edge.runners.window import Closed, LookWindow

NOT_READY = "not_ready"
LOOKS_LOST = "looks_lost"
REST_FAILED = "rest_failed"
PATIENCE, PATIENCE_MS, MOST_RESETS = 3, 3_000, 5  # "not ready" so often or so long before the device is set up again
NOT_READY_MS = 1_000  # how long to wait then
LEAST_LOOK_MS = 20
STALE_WINDOW_MS = 3_600_000  # what nobody wants to know is thrown away so often

Phase = Literal["setup", "read", "rest"]


class Seat:
    """A sensor that is asked: over I2C at `address`, by its file, or the device of a serial port (address None)."""

    def __init__(
        self,
        name: str,
        driver: TalkDriver,
        interval_ms: int,
        address: int | str | None = None,
        terms: Terms | None = None,
        segment: str = "",
    ) -> None:
        self.name, self.driver, self.interval_ms, self.address = name, driver, interval_ms, address
        self.segment = segment  # behind which mux; "" on the bus itself
        self.place = f"{segment}@{address}" if segment else address  # only one talk at a time may be held with it
        self.terms = terms or Terms()
        self.voice = Voice(name, driver, self.terms.window_ms or interval_ms, self.terms)
        self.tally = self.voice.tally
        self.breaker = Breaker()
        self.window = self._window()
        self.keeper = Keeper(name, self.window, self.terms.commit_ms) if self.window is not None else None
        self.look_ms = self._look_ms()
        self.due_ms = 0
        self.settled = False  # set up, so that `read` works
        self.talk: Conversation[object] | None = None
        self.phase: Phase = "setup"
        self.step: Step | None = None  # what the talk waits for: a Pause or a Read
        self.resume_ms: int | None = 0  # when; None: a pause that begins at the next step of the runner
        self.stamp_ms = 0
        self.spent_ms = 0  # of the bus, in transfers that failed
        self.faults = 0  # of the bus, in this talk
        self.cause = ""  # of the last failure, while it fails
        self._why = ""
        self.began_ms = 0
        self._target_ms = 0  # when it is to be read; it may be woken before
        self._report_ms = 0  # the next instant at which a look is told
        self._unready_ms: int | None = None  # since when it is not ready
        self._refusals = 0  # how often since then
        self._resets = 0  # setups since it last was
        self._discard_ms = STALE_WINDOW_MS
        self.nap = Nap(self.terms.rest and driver.can_rest and self.window is None, self.voice.warmth, self.look_ms)
        self._attendance = Attendance(interval_ms)
        self._looks = Attendance(self.look_ms)

    def _window(self) -> LookWindow | None:
        if not isinstance(self.driver, Windowed):
            return None
        length_ms = self.terms.window_ms or (self.interval_ms if self.driver.must_window else 0)
        look_ms = max(LEAST_LOOK_MS, round(self.driver.window_look_s * 1_000))
        return LookWindow(self.driver, length_ms, max(3 * look_ms, 1_000)) if length_ms else None

    def _look_ms(self) -> int:
        """How often it is asked."""
        if isinstance(self.driver, Windowed) and self.window is not None:
            return max(LEAST_LOOK_MS, round(self.driver.window_look_s * 1_000))
        return min(round(self.driver.look_s * 1_000), self.interval_ms) or self.interval_ms

    def begin(self, now_ms: int) -> None:
        """Its turn has come: set the device up if that must be, else read it."""
        self._attend(now_ms)
        self.nap.wake_ms = None
        self.step, self.spent_ms, self.faults, self.began_ms = None, 0, 0, now_ms
        self.breaker.trying()
        if self.settled:
            self._begin_reading(now_ms)
        else:
            self.phase = "setup"
            self.voice.prime(now_ms)
            self.talk = Conversation(self.driver.setup())

    def _attend(self, now_ms: int) -> None:
        missed = self._attendance.began(now_ms)
        skipped = self._looks.began(now_ms)
        if self.window is None:
            self.tally.add("missed", missed)
        elif skipped and self.cause:
            self.tally.add(LOOKS_LOST, skipped)
            self.window.lose(skipped)

    def _begin_reading(self, now_ms: int) -> None:
        self.phase, self.stamp_ms = "read", now_ms
        self.voice.prime(now_ms)
        self.talk = Conversation(self.driver.read())

    def ended(self, now_ms: int) -> list[Event]:
        """The talk came to its end. After a setup reading begins, if it is time; after reading, here is what it gave.

        Raises Broken when that is no list of readings.
        """
        assert self.talk is not None
        match self.phase:
            case "setup":
                self._was_set_up(now_ms, self.talk.result is True)
                return []
            case "rest":
                self.talk = None
                return []
        events = self._was_read(self.talk.result)
        self.talk = None
        self.breaker.proven()
        self.cause, self._unready_ms, self._resets = "", None, 0
        self._plan(now_ms)
        return events

    def _was_set_up(self, now_ms: int, went_on: bool) -> None:
        self.settled, self.nap.setup_ms, self.talk = True, now_ms - self.began_ms, None
        self.voice.warmth.begin(now_ms, went_on)
        if now_ms < self._target_ms:
            self.due_ms = self._target_ms
        else:
            self._begin_reading(now_ms)

    def _was_read(self, result: object) -> list[Event]:
        told = self.voice.clock(self.stamp_ms)
        if self.window is not None:
            self.window.looked(self.stamp_ms)
            return told
        if self.stamp_ms < self._report_ms:
            return told
        self._report_ms = next_multiple(self.stamp_ms, self.interval_ms)
        sampled = self.voice.say(self.stamp_ms, result)
        if isinstance(self.driver, Windowed) and self.stamp_ms >= self._discard_ms:
            self._discard_ms = self.stamp_ms + STALE_WINDOW_MS
            self.driver.close(self.stamp_ms * 1_000)
        return [sampled, *told]

    def _plan(self, now_ms: int) -> None:
        """When to be read next; until then it may rest."""
        self._target_ms = self.due_ms = next_multiple(now_ms, self.look_ms)
        if self.nap.begin(now_ms):
            assert self.nap.wake_ms is not None
            self.settled, self.due_ms, self.phase, self.step = False, self.nap.wake_ms, "rest", None
            self.talk = Conversation(self.driver.rest())

    def failed(self, now_ms: int, cause: str, text: str, told: bool = True) -> list[Event]:
        """The talk broke: count it, and try again after a while, from the setup on."""
        if self.talk is not None:
            self.talk.close()
        self.talk = None
        if self.phase == "rest" and self.due_ms > now_ms:
            self.tally.add(REST_FAILED)  # it is woken in time all the same
            return []
        self.cause, self._why = cause, text
        self.due_ms, self._target_ms = now_ms + self.breaker.failed(self.spent_ms), 0
        self._mind_readiness(now_ms, cause)
        if self.window is not None:
            self.window.lose(1)
            self.tally.add(LOOKS_LOST)
        often = self.look_ms < self.interval_ms or self.window is not None
        return self.voice.complain(now_ms, cause, text, told and not often and not self.breaker.is_open)

    def _mind_readiness(self, now_ms: int, cause: str) -> None:
        """Whether it must be set up again. One look that fails among many is none of its business."""
        looks = self.look_ms < NOT_READY_MS
        if cause != NOT_READY or not self.settled:
            self.settled, self._unready_ms = self.settled and looks and self.breaker.failures == 1, None
        else:
            if self._unready_ms is None:
                self._unready_ms, self._refusals = self.began_ms, 0
            self._refusals += 1
            tired = self._refusals >= PATIENCE << self._resets and not looks
            if tired or now_ms - self._unready_ms >= PATIENCE_MS << self._resets:
                self.settled, self._unready_ms = False, None
                self._resets = min(self._resets + 1, MOST_RESETS)
            self.due_ms = now_ms + NOT_READY_MS
        if self.settled and looks:
            self.due_ms = next_multiple(now_ms, self.look_ms)

    def close_windows(self, now_ms: int) -> list[Event]:
        """Tell of the windows that have ended, and of the open one; not in the midst of a look."""
        if self.window is None or self.keeper is None or self.talk is not None:
            return []
        if self.window.goes_on(now_ms) and self.keeper.waits(now_ms):
            return []
        self.window.begin(now_ms)
        self.tally.add("missed", self.window.catch_up(now_ms))
        events: list[Event] = []
        try:
            for closed in self.window.close_all(now_ms):
                events += self._tell(closed)
            events += self.keeper.step(now_ms)
        except Broken as broken:
            events += self.voice.complain(now_ms, broken.cause, broken.text)
        except Exception as error:
            events += self.voice.complain(now_ms, BUG, f"the driver raised {blame(error)}")
        return events

    def _tell(self, closed: Closed) -> list[Event]:
        if not closed.seen:
            return self.voice.mention(closed.at_ms, self.cause, self._why) if self.cause else []
        if closed.readings is None:
            return []
        assert self.window is not None and self.keeper is not None
        since_ms, opened = closed.at_ms - self.window.length_ms, self.keeper.closed(closed.at_ms)
        return [self.voice.say(closed.at_ms, closed.readings, closed.doubted, since_ms, opened)]

    def spent(self, now_ms: int, cost_ms: int) -> None:
        """Its last step kept others waiting for so long; if it failed by that, it pays."""
        self.spent_ms += cost_ms
        if self.talk is None and self.breaker.is_open:
            self.due_ms = max(self.due_ms, now_ms + self.breaker.wait_ms(self.spent_ms))

    def rouse(self, now_ms: int) -> None:
        """Speak at once; a talk in progress goes on."""
        self.due_ms = min(self.due_ms, now_ms)
        self._target_ms = self._report_ms = 0

    def wants_ms(self, stepped_ms: int) -> int:
        """When it must be served again, the runner having been stepped at `stepped_ms`."""
        if self.talk is None:
            return self.due_ms
        return stepped_ms if self.resume_ms is None else self.resume_ms

    def closes_ms(self) -> int | None:
        """When a window of its ends, or is to be kept as it is; in the midst of a look it does so after it."""
        if self.window is None or self.keeper is None or self.talk is not None:
            return None
        return self.keeper.due_ms(self.window.boundary_ms)
