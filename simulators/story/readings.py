"""What the sensors of a story measure: a number for each question, whoever asks and in whatever order.

A pole of a story has no buses and no drivers at work: these are proven elsewhere. Its sensors speak when their time
has come, as the bus threads would let them, and everything that they say is written down in the ledger, against which
the store's rows are held at the end.
"""

from __future__ import annotations

from drivers.reading import Quantity, Reading
from edge.clock import Clock
from edge.patient import Patient
from edge.questions import Questions
from edge.sensors import Sensors
from edge.wiring import SensorPlan
from simulators.chance import unit


class Mute(Sensors):
    """The sensors of a node without buses: the story lets them speak."""

    def __init__(self, plans: tuple[SensorPlan, ...], clock: Clock) -> None:
        self.plans, self._clock = plans, clock
        self.patients = {plan.name: Patient(plan, clock.boot_ms()) for plan in plans}
        self.questions = Questions(self.patients)
        self.buses = []


def measured(seed: int, node: str, plan: SensorPlan, at_ms: int) -> tuple[Reading, ...]:
    """What this sensor measures at that moment of the story."""
    here = unit(seed, node, plan.name, at_ms)
    if plan.driver == "sht31":
        other = here * 65_536 % 1
        return Reading(Quantity.TEMPERATURE, 12 + 10 * here), Reading(Quantity.HUMIDITY, 40 + 50 * other)
    if plan.driver == "bh1750":
        return (Reading(Quantity.ILLUMINANCE, 40_000 * here),)
    return (Reading(Quantity.COUNT, float(int(120 * here))),)
