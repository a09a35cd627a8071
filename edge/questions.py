"""Questions of somebody at the node that take a moment: they wait here for what their sensors say next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.reading import Flag, Reading
from edge.patient import Patient

Answer = Callable[[dict[str, object]], None]
PATIENCE_MS = 10_000


@dataclass(slots=True)
class Waiting:
    """One question: the sensors that have not answered yet."""

    sensors: dict[str, bool]  # name -> has it answered
    deadline_ms: int
    answer: Answer


class Questions:
    """What is being asked of which sensors; times in ms since boot."""

    def __init__(self, patients: Mapping[str, Patient]) -> None:
        self._patients = patients
        self._waiting: list[Waiting] = []

    @property
    def due_ms(self) -> int | None:
        """When the next question runs out of patience."""
        return min((waiting.deadline_ms for waiting in self._waiting), default=None)

    def ask(self, name: object, ask_sensor: Callable[[str], bool], answer: Answer, now_ms: int) -> None:
        """Have one sensor read, or all (name None). `ask_sensor` tells whether the sensor can be read out of turn."""
        names = list(self._patients) if name is None else [str(name)]
        if unknown := [one for one in names if one not in self._patients]:
            answer({"error": f"There is no sensor {unknown[0]}; there are {', '.join(self._patients) or 'none'}."})
            return
        sensors = {one: not ask_sensor(one) for one in names}
        self._waiting.append(Waiting(sensors, now_ms + PATIENCE_MS, answer))
        self.check(now_ms)

    def heard(self, sensor: str, now_ms: int) -> None:
        """This sensor has answered, well or not."""
        for waiting in self._waiting:
            if sensor in waiting.sensors:
                waiting.sensors[sensor] = True
        self.check(now_ms)

    def check(self, now_ms: int) -> None:
        """Answer what is answered, or has waited long enough."""
        if not self._waiting:
            return
        done = [w for w in self._waiting if all(w.sensors.values()) or now_ms >= w.deadline_ms]
        self._waiting = [waiting for waiting in self._waiting if waiting not in done]
        for waiting in done:
            waiting.answer({"sensors": [told(self._patients[name], now_ms) for name in waiting.sensors]})


def told(patient: Patient, now_ms: int) -> dict[str, object]:
    """A sensor's last words, as JSON; the age in ms."""
    age = None if patient.good_ms is None else now_ms - patient.good_ms
    return {
        "name": patient.plan.name,
        "driver": patient.plan.driver,
        "age_ms": age,
        "last_good_ms": patient.good_ms,
        "readings": [spelled(reading) for reading in patient.readings],
        "error": patient.error if patient.failures else "",
    }


def spelled(reading: Reading) -> dict[str, object]:
    """A reading for people and programs: its value rounded to the quantity's resolution."""
    flags = [flag.name.lower() for flag in Flag if flag in reading.flags and flag.name]
    value = round(reading.value, reading.quantity.decimals)
    return {"name": reading.name, "value": value, "unit": reading.quantity.unit, "flags": flags}
