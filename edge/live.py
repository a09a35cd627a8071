"""`edge read` where no agent runs: open what the sensor needs, ask it once, and let go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.buses.port import PortOpener
from edge.buses.thread import BusThread
from edge.clock import Clock
from edge.events import Failed, Sampled
from edge.inbox import Inbox
from edge.patient import Patient
from edge.runners.roster import runners_for
from edge.wiring import SensorPlan

PATIENCE_MS = 15_000
NOT_READY = "not_ready"


def read_once(
    plans: Sequence[SensorPlan], ports: PortOpener, clock: Clock, patience_ms: int = PATIENCE_MS,
    host_root: Path = Path("/"),
) -> list[Patient]:  # fmt: skip
    """Each sensor after it has answered, well or not, or after the patience is at its end."""
    began_ms = clock.boot_ms()
    patients = {plan.name: Patient(plan, began_ms) for plan in plans}
    inbox = Inbox()
    buses = [BusThread(runner, clock, inbox.put) for runner in runners_for(plans, ports, host_root)]
    for bus in buses:
        bus.start()
    silent = set(patients)
    while silent and (left_ms := began_ms + patience_ms - clock.boot_ms()) > 0:
        event = inbox.take(clock.real_s(left_ms))
        if isinstance(event, Sampled):
            patients[event.sensor].took(event.readings, event.at_ms)
            silent.discard(event.sensor)
        elif isinstance(event, Failed):
            patients[event.sensor].failed(event, event.at_ms)
            silent -= {event.sensor} if event.cause != NOT_READY else set()
    for bus in buses:
        bus.stop(0.5)
    for name in silent - {name for name, patient in patients.items() if patient.failures}:
        patients[name].failed(Failed(name, clock.boot_ms(), "timeout", _silence(patients[name].plan)), clock.boot_ms())
    return list(patients.values())


def _silence(plan: SensorPlan) -> str:
    if plan.bus_kind == "gpio" or plan.window_ms:
        window_s = (plan.window_ms or plan.interval_ms) / 1_000
        return f"it counts over windows of {window_s:g} s; run the agent and ask again"
    return f"it said nothing within {PATIENCE_MS // 1_000} s"
