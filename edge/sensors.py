"""The sensors of one node: their buses and threads, how each of them does, and the questions people ask about them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drivers.ongoing import State
from drivers.window import Windowed
from edge.buses.port import PortOpener
from edge.buses.thread import BusThread
from edge.clock import Clock
from edge.events import Asked, Event
from edge.opened import likeness
from edge.patient import Patient
from edge.questions import Questions, told
from edge.runners.roster import driver_for, runners_for
from edge.runners.runner import Counting, Runner
from edge.sampler import SensorFacts
from edge.shared import shared
from edge.wire.messages import SensorLine
from edge.wiring import SensorPlan

Put = Callable[[Event], None]
Answer = Callable[[dict[str, object]], None]


class Sensors:
    """All sensors of a board; times in ms since boot. Opens nothing before `begin`."""

    def __init__(
        self,
        plans: Sequence[SensorPlan],
        ports: PortOpener,
        clock: Clock,
        put: Put,
        host_root: Path = Path("/"),
        commit_ms: int = 0,
    ) -> None:
        """What open windows hold is told every `commit_ms`, for keeping; 0: never."""
        self.plans, self._clock, self._put = plans, clock, put
        self.patients = {plan.name: Patient(plan, clock.boot_ms()) for plan in plans}
        self.questions = Questions(self.patients)
        self._ports = shared(ports, clock)
        runners = runners_for(plans, self._ports, host_root, commit_ms)
        self.buses = [BusThread(runner, clock, put) for runner in runners]

    def add(self, runner: Runner) -> None:
        """Something else that wants a thread of its own; before `begin`."""
        self.buses.append(BusThread(runner, self._clock, self._put))

    def leave(self, left: Mapping[str, State]) -> None:
        """Hand each counting sensor what an earlier life had counted."""
        for bus in self.buses:
            if isinstance(bus.runner, Counting):
                for sensor in set(bus.runner.sensors) & set(left):
                    bus.runner.leave(sensor, left[sensor])

    def begin(self) -> None:
        """Start every bus."""
        for bus in self.buses:
            bus.start()

    def wake(self, runner: Runner) -> None:
        """Have this runner look at once."""
        for bus in self.buses:
            if bus.runner is runner:
                bus.wake()

    def counters(self) -> dict[str, int]:
        """What each sensor counted, as `sensor.<name>.<counter>`."""
        counts = {}
        for bus in self.buses:
            for sensor, tally in bus.runner.counters().items():
                counts.update({f"sensor.{sensor}.{key}": count for key, count in tally.items()})
        return counts

    def told(self, now_ms: int) -> list[dict[str, object]]:
        """How each sensor does, for `edge status`."""
        breakers: dict[str, str] = {}
        counts: dict[str, dict[str, int]] = {}
        for bus in self.buses:
            breakers |= bus.runner.breakers()
            counts |= bus.runner.counters()
        return [
            told(patient, now_ms) | {"breaker": breakers.get(name, "closed"), "counters": counts.get(name, {})}
            for name, patient in self.patients.items()
        ]

    def asked(self, event: Asked, now_ms: int) -> None:
        """Somebody wants a reading, or to know what answers on the buses."""
        match event.question.get("ask"):
            case "read":
                self.questions.ask(event.question.get("sensor"), self._ask, event.answer, now_ms)
            case "scan":
                self._scan(event.answer)
            case other:
                event.answer({"error": f"The agent does not know the question {other!r}."})

    def _ask(self, name: str) -> bool:
        if windowed(self.patients[name].plan):
            return False
        for bus in self.buses:
            if name in bus.runner.sensors:
                bus.ask(name)
        return True

    def _scan(self, answer: Answer) -> None:
        """In a thread of its own: a stuck bus may take minutes to scan."""
        from edge.survey import survey  # loads every driver

        def wait(seconds: float) -> None:
            threading.Event().wait(self._clock.real_s(round(seconds * 1_000)))

        threading.Thread(target=lambda: answer(survey(self._ports, wait, self.plans, True)), daemon=True).start()

    def stop(self, drain: Callable[[], None]) -> None:
        """End the bus threads; `drain` takes what they still say."""
        for bus in self.buses:
            for _ in range(5):
                stopped = bus.stop(0.2)
                drain()
                if stopped:
                    break


def sensor_facts(plan: SensorPlan) -> SensorFacts:
    """What the sampler must know of a sensor. Raises KeyError for a driver that there is not."""
    driver = driver_for(plan)
    interval_ms = plan.window_ms or plan.interval_ms
    alike = likeness(driver) if isinstance(driver, Windowed) else ""
    return SensorFacts(plan.name, interval_ms, round(driver.still_s * 1_000), driver.decimals, alike)


def sensor_line(plan: SensorPlan) -> SensorLine:
    """How a sensor introduces itself in the hello."""
    return SensorLine(plan.name, plan.driver, [quantity.value for quantity in driver_for(plan).measures])


def windowed(plan: SensorPlan) -> bool:
    """Whether it says nothing out of turn, because a window ends when it ends."""
    driver = driver_for(plan)
    return isinstance(driver, Windowed) and bool(plan.window_ms or driver.must_window)
