"""A story, told from its beginning to its end: the street, the office, what befalls them, and the quiet after it."""

from __future__ import annotations

from pathlib import Path

from simulators.story.broker import Broker
from simulators.story.office import Office
from simulators.story.plan import MINUTE, START_MS, Plan
from simulators.story.pole import Pole
from simulators.story.timeline import Timeline

QUIET_MS = 15 * MINUTE  # all is well again and the street goes on, before it is asked to end
PATIENCE_MS = 120 * MINUTE
LOOK_MS = 5_000


class Story:
    """One telling. `folder` is for the store."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.timeline = Timeline()
        self.broker = Broker(self.timeline, plan.chance("network"))
        self.office = Office(self.timeline, self.broker, folder / "readings.db", START_MS)
        self.poles = [Pole(plan, number, self.timeline, self.broker) for number in range(plan.nodes)]

    def tell(self) -> None:
        """From the first boot to the last ack."""
        dice = self.plan.chance("boots")
        for pole in self.poles:
            self.timeline.at(dice.randint(0, MINUTE), pole.boot)
        self.timeline.run(self.plan.lasts_ms)
        self.timeline.run(self.plan.lasts_ms + QUIET_MS)
        self._end()

    def _end(self) -> None:
        for pole in self.poles:
            pole.sampling = False
        patience_ms = self.timeline.now_ms + PATIENCE_MS
        while self.timeline.now_ms < patience_ms and not all(pole.settled() for pole in self.poles):
            self.timeline.run(self.timeline.now_ms + LOOK_MS)
        self.office.end()
