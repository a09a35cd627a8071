"""A day of an agent in virtual time: the very Agent, Node, Sampler, runners and journal, stepped by one thread.

Bus threads are not started. What they do, wait for the next due time or a readable descriptor, let bytes gather, step
the runner, put its events on the queue, is done here in the order of the events, so that the same seed gives the same
journal, byte for byte. Left out are the threads themselves (what they cost to wake, who waits for the interpreter), the
link to the office, and the kernel.
"""

from __future__ import annotations

from drivers.lines import LinesDriver
from drivers.reading import Quantity
from edge.agent import Agent
from edge.board import check
from edge.events import Event, Failed, Sampled
from edge.runners.runner import Runner
from edge.wiring import Wiring
from simulators.chance import unit
from simulators.chips.lines_chip import LinesChip
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from simulators.shelf import chip
from tests.bench.climate import OFFSET_MS, STEP_MS, Climate
from tests.bench.rig import Part, Rig, Wire
from tests.bench.stepped import SteppedBus
from tests.bench.troubles import Bedside, Trouble, ill, script
from tests.bench.twin import Twin

BEGIN_MS = 1_200_000  # since boot; a whole number of every window
SECOND_US, MINUTE_MS = 1_000_000, 60_000


class Day:
    """An agent and its pole. `told` is when each event reached the queue: sensor, stamp, moment (ms)."""

    def __init__(self, text: str, seed: int = 7, troubled: bool = True, measured: bool = False) -> None:
        checked = check(text, "node.toml")
        if checked.wiring is None:
            raise ValueError("\n".join(map(str, checked.mistakes)))
        self.wiring: Wiring = checked.wiring
        self.seed = seed
        self.clock = VirtualClock(now_us=BEGIN_MS * 1_000)
        self.ill = ill(self.wiring.sensors) if troubled else frozenset[str]()
        self.rig = Rig(self.wiring.sensors, self.clock, self.ill)
        self.meter = self.rig.meter
        self.meter.on = measured
        self.disk = MemoryDisk()
        self._draws = 0
        self.agent = Agent(self.wiring, self.clock, self.disk, self.rig.ports, None, self._random)
        self.buses = [self._stepped(bus.runner) for bus in self.agent.node.sensors.buses]
        for bus in self.agent.node.sensors.buses:
            bus.stop()  # was not started; lets go of its pipe
        self.agent.node.sensors.buses = list(self.buses)
        self.climates = {name: Climate(seed, name) for name in self.rig.parts}
        self.twins = {name: self._twin(part) for name, part in self.rig.parts.items()
                      if isinstance(part.chip, LinesChip)}  # fmt: skip
        self.beds = {name: Bedside(self.rig.parts[name]) for name in self.ill}
        self.troubles: list[Trouble] = []
        self.told: list[tuple[str, int, int]] = []
        self.failures: dict[str, list[int]] = {}
        self._agent_due_us = 0

    def _random(self) -> float:
        self._draws += 1
        return unit(self.seed, self._draws)

    def _stepped(self, runner: Runner) -> SteppedBus:
        parts = [self.rig.parts[name] for name in runner.sensors if name in self.rig.parts]
        wire = self.rig.wires[parts[0].root] if parts else Wire(self.clock)
        return SteppedBus(runner, self.clock, self.agent.inbox.put, wire, parts, self.meter)

    def _twin(self, part: Part) -> Twin:
        found, made = chip(part.plan.driver)(self.clock.boot_us), type(part.made)(**part.plan.settings)
        assert isinstance(found, LinesChip) and isinstance(made, LinesDriver)
        return Twin(found, made)

    @property
    def now_ms(self) -> int:
        return self.clock.boot_ms()

    def live(self, seconds: int) -> None:
        """The whole of it: begin, so many seconds, the end."""
        end_ms = BEGIN_MS + seconds * 1_000
        self.troubles = script(self.rig, self.ill, self.seed, BEGIN_MS, end_ms)
        self._chores(self.now_ms)
        for twin in self.twins.values():
            twin.begin(self.clock.now_us)
        self.agent.start()
        self._replan()
        next_second_us = self.clock.now_us + SECOND_US
        while self.now_ms < end_ms:
            now_us = min(self._agent_due_us, next_second_us, min(bus.wake_us for bus in self.buses))
            self.clock.now_us = max(now_us, self.clock.now_us)
            if self.clock.now_us >= next_second_us:
                next_second_us += SECOND_US
                self._chores(self.now_ms)
                self._replan()
            self._turn()
        self.agent.node.last_commit(self.now_ms)
        self.agent.node.end()
        for bus in self.buses:
            bus.stop()

    def _turn(self) -> None:
        """Whoever's time has come."""
        now_us = self.clock.now_us
        for bus in self.buses:
            if bus.wake_us > now_us:
                continue
            if bus.said:
                self._put(bus)
            elif not any(self.beds[part.plan.name].lagging for part in bus.parts if part.plan.name in self.beds):
                bus.go(now_us)
            else:
                bus.free_us = now_us + SECOND_US
            if bus.said:
                bus.wake_us = bus.free_us
            else:
                bus.plan()
        if now_us >= self._agent_due_us:
            self._attend()

    def _put(self, bus: SteppedBus) -> None:
        said, bus.said = bus.said, []
        for event in said:
            if isinstance(event, Sampled):
                self.told.append((event.sensor, event.at_ms, self.now_ms))
            elif isinstance(event, Failed):
                self.failures.setdefault(event.sensor, []).append(event.at_ms)
            self._attend(event)

    def _attend(self, event: Event | None = None) -> None:
        """One turn of the agent's loop."""

        def turn() -> None:
            if event is not None:
                self.agent.inbox.put(event)
            self.agent.step(0)

        self.meter.agent(turn)
        self._agent_due_us = self.agent.due_ms() * 1_000

    def _replan(self) -> None:
        for bus in self.buses:
            if not bus.said:
                bus.plan()

    # The world goes on.

    def _chores(self, now_ms: int) -> None:
        """Once a second: troubles; what is felt; who passes in the next minute; the truth of windows that end."""
        for name, twin in self.twins.items():
            if now_ms > BEGIN_MS and now_ms % self.rig.parts[name].plan.interval_ms == 0:
                twin.close(now_ms * 1_000)
        if now_ms == BEGIN_MS or now_ms % STEP_MS == OFFSET_MS:
            self._feel(now_ms)
        if now_ms % MINUTE_MS == 0:
            self._plan_minute(now_ms)
        for trouble in self.troubles:
            if trouble.from_ms == now_ms:
                self.beds[trouble.sensor].fall_ill(trouble.fault)
            if trouble.to_ms == now_ms:
                self.beds[trouble.sensor].recover()
        for bed in self.beds.values():
            bed.worsen()

    def counts(self, name: str) -> bool:
        """Whether it counts who passes by looking; the ground that it looks at stays where it is."""
        part = self.rig.parts[name]
        return hasattr(part.chip, "passes") and part.plan.window_ms > 0

    def _feel(self, now_ms: int) -> None:
        for name, part in self.rig.parts.items():
            felt = self.climates[name].felt(part.chip, now_ms)
            if self.counts(name):
                felt.pop(Quantity.DISTANCE, None)
            part.chip.feels.update(felt)
            if name in self.twins:
                self.twins[name].chip.feels.update(felt)

    def _plan_minute(self, now_ms: int) -> None:
        from_us, to_us = now_ms * 1_000, (now_ms + MINUTE_MS) * 1_000
        for name, part in self.rig.parts.items():
            chips = [part.chip, self.twins[name].chip] if name in self.twins else [part.chip]
            for each in chips:
                if isinstance(each, LinesChip):
                    each.live(from_us, to_us)
                if self.counts(name) or (isinstance(each, LinesChip) and each.passers):
                    for at_ms, way in self.climates[name].passages(now_ms, now_ms + MINUTE_MS):
                        each.passes(at_ms * 1_000, way)  # type: ignore[attr-defined]
