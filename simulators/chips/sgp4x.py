"""The half that simulated SGP40 and SGP41 share: raw ticks for whoever tells the air's humidity, and a self-test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.command_chip import Answer, CommandChip, Handler


class SGP4xChip(CommandChip):
    """Subclasses add their measurements. What is felt is what comes out when it is told the true air."""

    address = 0x59
    addresses = (0x59,)
    measure_code: ClassVar[int]
    untold = frozenset({Quantity.VOC_INDEX, Quantity.NOX_INDEX})
    features: ClassVar[int]
    serial = (0x0000, 0x0789, 0xABCD)
    sound = 0xD400
    told: tuple[int, int] = (0, 0)  # humidity and temperature, as ticks
    heating = False

    def power_on(self) -> None:
        super().power_on()
        self.heating = False

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        return {
            0x3682: (1, lambda: self.serial), 0x280E: (320, lambda: [self.sound]), 0x3615: (1, self._cool),
            0x202F: (1, lambda: [self.features]),
        }  # fmt: skip

    def ticks(self, humidity: int, temperature: int, *quantities: Quantity) -> list[int]:
        """What the films say."""
        self.told, self.heating = (humidity, temperature), True
        return [round(self.sense(quantity)) for quantity in quantities]

    def _cool(self) -> Answer:
        self.heating = False
        return None

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "response" and "command" not in door:
            self.replies[self.measure_code] = bytes.fromhex(value)
        else:
            super().take(name, value, door)
