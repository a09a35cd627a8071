"""A simulated smart meter on one phase or three, with a gas and a water meter on its M-Bus.

It tells a telegram every second (version 5) or every ten (4, 2.2) and hears nothing. What it feels stands under tariff
1; tariff 2 is a constant. The serial numbers are as personal as real ones: the driver's tests look for them everywhere.
`wall_ms` is what the meter's own clock showed when its time began.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from drivers.checks import crc16
from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip

SECOND_US = 1_000_000
Q = Quantity
SUMMER = timedelta(hours=2)


def written(serial_number: str) -> str:
    """A serial number as meters write it: the hexadecimal digits of its characters."""
    return serial_number.encode().hex().upper()


class DSMR(SerialChip):
    """Power, energy, voltage and current, gas and water. Set `version`, `phases`, `belgian`, `watered` as needed."""

    name = "dsmr"
    spans: ClassVar[Spans] = {
        Q.ENERGY_IMPORT: (0.0, 999_999.999), Q.ENERGY_EXPORT: (0.0, 999_999.999), Q.POWER: (0.0, 99_999.0),
        Q.POWER_EXPORT: (0.0, 99_999.0), Q.VOLTAGE: (0.0, 999.9), Q.CURRENT: (0.0, 999.99),
        Q.GAS_VOLUME: (0.0, 99_999.999), Q.WATER_VOLUME: (0.0, 99_999.999),
    }  # fmt: skip
    resolves: ClassVar[Values] = {
        Q.ENERGY_IMPORT: 0.001, Q.ENERGY_EXPORT: 0.001, Q.POWER: 1.0, Q.POWER_EXPORT: 1.0, Q.VOLTAGE: 0.1,
        Q.CURRENT: 0.01, Q.GAS_VOLUME: 0.001, Q.WATER_VOLUME: 0.001,
    }  # fmt: skip
    rests: ClassVar[Values] = {
        Q.ENERGY_IMPORT: 1234.567, Q.ENERGY_EXPORT: 12.345, Q.POWER: 321.0, Q.POWER_EXPORT: 0.0, Q.VOLTAGE: 230.4,
        Q.CURRENT: 1.39, Q.GAS_VOLUME: 321.705, Q.WATER_VOLUME: 87.654,
    }  # fmt: skip
    version = "5"
    phases = 1
    belgian = False
    watered = True  # a water meter on the M-Bus
    wall_ms = 1_767_225_600_000
    serial_number, gas_number, water_number = "E0047001234567816", "G0039001122334417", "W0071556677889916"
    second_tariff = 2345.678  # kWh

    def power_on(self) -> None:
        self._line.clear()
        self._due_us = self.now_us() + SECOND_US
        self._stamped_us = self.now_us()
        self.line = SerialLine(9600, 7, "E") if self.version == "2.2" else SerialLine(115200)

    def frame_due(self) -> tuple[bytes, int | None]:
        return self.telegram(), SECOND_US * (1 if self.version == "5" else 10)

    def spoken(self) -> bytes:
        """A telegram as it would say it now."""
        return self.telegram()

    def telegram(self) -> bytes:
        """All that the meter says, from `/` to the CRC."""
        old = self.version == "2.2"
        lines = [r"/LTN5\simulated-meter", "", *(self._old() if old else self._new()), "!"]
        said = "\r\n".join(lines).encode()
        return said + (b"" if old else f"{crc16(said):04X}".encode()) + b"\r\n"

    def stamp(self, every_s: int = 1) -> str:
        """The meter's clock (a frozen one stands still), or when it last heard the meters on its M-Bus."""
        self._stamped_us = self._stamped_us if self.faults.freeze else self.now_us()
        seconds = (self.wall_ms + self._stamped_us // 1000) // 1000
        return f"{datetime.fromtimestamp(seconds - seconds % every_s, UTC) + SUMMER:%y%m%d%H%M%S}"

    def _new(self) -> list[str]:
        ours = "0-0:96.1.4(50217)" if self.belgian else f"1-3:0.2.8({self.version}0)"
        return [
            ours, f"0-0:1.0.0({self.stamp()}S)", f"0-0:96.1.1({written(self.serial_number)})",
            *self._energy("{:010.3f}"), "0-0:96.14.0(0001)",
            f"1-0:1.7.0({self.sense(Q.POWER) / 1000:06.3f}*kW)",
            f"1-0:2.7.0({self.sense(Q.POWER_EXPORT) / 1000:06.3f}*kW)",
            "0-0:96.7.21(00004)", "0-0:96.7.9(00002)", "1-0:99.97.0()", "1-0:32.32.0(00002)", "0-0:96.13.0()",
            *(line for phase in range(self.phases) for line in self._phase(phase)),
            *self._pipe(1, 3, self.gas_number, self.sense(Q.GAS_VOLUME), "24.2.3" if self.belgian else "24.2.1"),
            *(self._pipe(2, 7, self.water_number, self.sense(Q.WATER_VOLUME), "24.2.1") if self.watered else ()),
        ]  # fmt: skip

    def _energy(self, shape: str) -> list[str]:
        told = {
            "1.8.1": self.sense(Q.ENERGY_IMPORT), "1.8.2": self.second_tariff,
            "2.8.1": self.sense(Q.ENERGY_EXPORT), "2.8.2": 0.0,
        }  # fmt: skip
        return [f"1-0:{code}({shape.format(value)}*kWh)" for code, value in told.items()]

    def _phase(self, phase: int) -> list[str]:
        first, share = 20 * phase, 1000 * self.phases
        return [
            f"1-0:{first + 32}.7.0({self.sense(Q.VOLTAGE):05.1f}*V)",
            f"1-0:{first + 31}.7.0({self.sense(Q.CURRENT):06.2f}*A)",
            f"1-0:{first + 21}.7.0({self.sense(Q.POWER) / share:06.3f}*kW)",
            f"1-0:{first + 22}.7.0({self.sense(Q.POWER_EXPORT) / share:06.3f}*kW)",
        ]

    def _pipe(self, channel: int, kind: int, number: str, volume: float, code: str) -> list[str]:
        return [
            f"0-{channel}:24.1.0({kind:03d})",
            f"0-{channel}:96.1.{1 if self.belgian else 0}({written(number)})",
            f"0-{channel}:{code}({self.stamp(300)}S)({volume:09.3f}*m3)",
        ]

    def _old(self) -> list[str]:
        return [
            f"0-0:96.1.1({written(self.serial_number)})", *self._energy("{:09.3f}"), "0-0:96.14.0(0001)",
            f"1-0:1.7.0({self.sense(Q.POWER) / 1000:07.2f}*kW)",
            f"1-0:2.7.0({self.sense(Q.POWER_EXPORT) / 1000:07.2f}*kW)",
            "0-0:17.0.0(0999.00*kW)", "0-0:96.3.10(1)", "0-0:96.13.1()", "0-0:96.13.0()",
            "0-1:24.1.0(3)", f"0-1:96.1.0({written(self.gas_number)})",
            f"0-1:24.3.0({self.stamp(3600)})(00)(60)(1)(0-1:24.2.1)(m3)", f"({self.sense(Q.GAS_VOLUME):09.3f})",
            "0-1:24.4.0(1)",
        ]  # fmt: skip
