"""A simulated SCD41: it measures on its own every 5 s or 30 s, and hears little else while it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import MICRO, Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler
from simulators.chips.sht31 import humidity_ticks, temperature_ticks

START_UP_MS = 30.0
DEFAULTS = {"offset": 1498, "altitude": 0, "self_calibration": 1, "target": 400, "initial": 44, "standard": 156}
REGISTERS = {  # name -> set, get
    "offset": (0x241D, 0x2318), "altitude": (0x2427, 0x2322), "self_calibration": (0x2416, 0x2313),
    "target": (0x243A, 0x233F), "initial": (0x2445, 0x2340), "standard": (0x244E, 0x234B),
}  # fmt: skip
WAKE = bytes.fromhex("36f6")


class SCD4x(CommandChip):
    """Carbon dioxide, temperature and humidity at 0x62."""

    name = "scd4x"
    address = 0x62
    addresses = (0x62,)
    spans: ClassVar[Spans] = {
        Quantity.CO2: (400.0, 5000.0),
        Quantity.TEMPERATURE: (-10.0, 60.0),
        Quantity.HUMIDITY: (0.0, 100.0),
    }
    resolves: ClassVar[Values] = {
        Quantity.CO2: 1.0,
        Quantity.TEMPERATURE: 175 / 65535,
        Quantity.HUMIDITY: 100 / 65535,
    }
    rests: ClassVar[Values] = {Quantity.CO2: 430.0, Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}
    serial = (0xF896, 0x9F07, 0x3BBE)
    burnt: dict[str, int] | None = None  # settings kept over power-off, once persisted

    def power_on(self) -> None:
        super().power_on()
        self.settings = dict(self.burnt or DEFAULTS)
        self.pressure = 1013
        self._asleep = False
        self._period_us = 0
        self._next_us = 0
        self._words: list[int] | None = None
        self._ready_us = self.now_us() + int(START_UP_MS * 1_000)

    def written(self, data: bytes) -> None:
        if self._asleep:
            if data == WAKE:
                self._asleep, self._ready_us = False, self.now_us() + 30_000
            raise Nack("the scd4x sleeps")
        super().written(data)

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        self._measure_if_due()
        running: dict[int, tuple[float, Handler]] = {
            0xEC05: (1, self._take), 0xE4B8: (1, lambda: [0x8006 if self._words else 0x8000]),
            0x3F86: (500, self._stop), 0xE000: (1, self._press),
        }  # fmt: skip
        return running if self._period_us else {**running, **self._idle()}

    def _idle(self) -> Mapping[int, tuple[float, Handler]]:
        once: dict[int, tuple[float, Handler]] = {
            0x21B1: (0, lambda: self._start(5)), 0x21AC: (0, lambda: self._start(30)), 0x219D: (5000, self._shoot),
            0x2196: (50, lambda: self._shoot(co2=False)), 0x3682: (1, lambda: self.serial),
            0x202F: (1, lambda: [0x1440]), 0x3639: (10_000, lambda: [0]), 0x3615: (800, self._persist),
            0x3632: (1200, self._forget), 0x3646: (30, self._reinit), 0x36E0: (1, self._sleep),
            0x36F6: (30, lambda: None), 0x362F: (400, lambda ppm: [0x8000 + ppm - round(self.feels[Quantity.CO2])]),
        }  # fmt: skip
        getters = {get: (1.0, self._getter(name)) for name, (_, get) in REGISTERS.items()}
        setters = {put: (1.0, self._setter(name)) for name, (put, _) in REGISTERS.items()}
        return {**once, **getters, **setters}

    def _getter(self, name: str) -> Handler:
        return lambda: [self.settings[name]]

    def _setter(self, name: str) -> Handler:
        return lambda value: self.settings.update({name: value})

    def _measured(self) -> list[int]:
        air = temperature_ticks(self.sense(Quantity.TEMPERATURE)), humidity_ticks(self.sense(Quantity.HUMIDITY))
        return [round(self.sense(Quantity.CO2)), *air]

    def _measure_if_due(self) -> None:
        if not self._period_us or self.now_us() < self._next_us or self.faults.stuck_busy:
            return
        missed = (self.now_us() - self._next_us) // self._period_us
        self._next_us += (missed + 1) * self._period_us
        self._words = self._measured()

    def busy(self) -> bool:
        return self.now_us() < self._ready_us

    def _start(self, seconds: int) -> Answer:
        self._period_us = seconds * MICRO
        self._next_us, self._words = self.now_us() + self._period_us, None
        return None

    def _stop(self) -> Answer:
        self._period_us, self._words = 0, None
        return None

    def _shoot(self, co2: bool = True) -> Answer:
        ppm, *air = self._measured()
        self._words = [ppm if co2 else 0, *air]
        return None

    def _take(self) -> Answer:
        words, self._words = self._words, None
        return words

    def _press(self, *hectopascal: int) -> Answer:
        if not hectopascal:
            return [self.pressure]
        (self.pressure,) = hectopascal
        return None

    def _persist(self) -> Answer:
        self.burnt = dict(self.settings)
        return None

    def _forget(self) -> Answer:
        self.burnt, self.settings = None, dict(DEFAULTS)
        return None

    def _reinit(self) -> Answer:
        self.settings = dict(self.burnt or DEFAULTS)
        return None

    def _sleep(self) -> Answer:
        self._asleep = True
        return None
