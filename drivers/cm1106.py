"""Cubic CM1106: carbon dioxide by infrared light, asked over a serial port.

Wiring: 5 V, GND, TX to RXD of the Pi, RX to TXD; its pin "output mode exchange" open, which means UART. It says itself
while it preheats: such values are flagged. Its automatic baseline (ABC) takes the lowest value of so many days for
400 ppm. How it is set cannot be asked, so with `abc` on the board it is told once per start of the agent, after it was
heard, and must confirm. Its version ("CM V0.0.20") tells it from other sensors of the maker.

Source: Cubic CM1106 specification, UART protocol; the baseline command as ESPHome sends it.
"""

from __future__ import annotations

from drivers.cubic import ask, command
from drivers.driver import SerialDriver
from drivers.errors import DriverError, FramingError, NoAnswer, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

READ, ABC, VERSION = 0x01, 0x10, 0x1E
ON, OFF = 0, 2
PREHEATING = 0x01
VERSION_BYTES = 11


class CM1106(SerialDriver):
    """CO2 in ppm."""

    name = "cm1106"
    title = "Cubic CM1106: carbon dioxide"
    datasheet = "https://en.gassensor.com.cn/CO2Sensor/list.html"
    measures = (Quantity.CO2,)
    settings = (
        Setting("abc", "leave", "automatic baseline: on, off, or as the device has it", ("leave", "on", "off")),
        Setting("abc_days", 15, "period of the automatic baseline", (), 1, 30),
    )
    interval_min_s = 4.0
    warm_up_s = 120.0
    bus_bytes = 12

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._told = self.chosen["abc"] == "leave"

    def setup(self) -> Talk[None]:
        """Raises WrongChip when another sensor of this maker answers."""
        try:
            version = yield from ask(command(VERSION), VERSION_BYTES)
        except (NoAnswer, FramingError):  # unknown to early ones, or of another length; `read` tells who is there
            version = b"CM"
        if not version.startswith(b"CM"):
            raise WrongChip(f"expected a CM1106, found {version.decode('ascii', 'replace').strip()!r}")
        if not self._told:
            flag = ON if self.chosen["abc"] == "on" else OFF
            yield from ask(command(ABC, 0x64, flag, int(self.chosen["abc_days"]), 0x01, 0x90, 0x64), 0)
            self._told = True

    def read(self) -> Talk[list[Reading]]:
        """One value, flagged WARMING while it preheats. Raises NotReady."""
        high, low, status, _ = yield from ask(command(READ), 4)
        if not high | low:
            raise NotReady("no measurement yet")
        flags = Flag.WARMING if status & PREHEATING else Flag.NONE
        return [Reading(Quantity.CO2, float(high << 8 | low), flags=flags)]

    def probe(self) -> Talk[bool]:
        """Whether something here answers like a CM1106."""
        try:
            yield from ask(command(READ), 4)
        except DriverError:
            return False
        return True
