"""A simulated Plantower sensor and its siblings: active, passive, asleep. After power-on it is active.

`model` makes it another sibling: `pms3003` (which hears no commands), `pms5003`, `pms5003s`, `pms5003t`, `pms5003st`.
"""

from __future__ import annotations

from typing import ClassVar

from drivers.pms5003 import MASS, NUMBER
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip

HEAD = b"\x42\x4d"
FRAME_US = 800_000
MODE, ASK, SLEEP = 0xE1, 0xE2, 0xE4
COMMAND_LENGTH = 7
EXTRA = {
    "pms5003s": (Quantity.FORMALDEHYDE,),
    "pms5003t": (Quantity.TEMPERATURE, Quantity.HUMIDITY),
    "pms5003st": (Quantity.FORMALDEHYDE, Quantity.TEMPERATURE, Quantity.HUMIDITY),
}
STEPS = dict.fromkeys(MASS, 1) | dict.fromkeys(NUMBER, 100) | {
    Quantity.FORMALDEHYDE: 1, Quantity.TEMPERATURE: 10, Quantity.HUMIDITY: 10,
}  # fmt: skip


class PMS5003(SerialChip):
    """Mass and number of particles."""

    name = "pms5003"
    spans: ClassVar[Spans] = dict.fromkeys(MASS, (0.0, 1000.0)) | dict.fromkeys(NUMBER, (0.0, 655.35)) | {
        Quantity.FORMALDEHYDE: (0.0, 2000.0), Quantity.TEMPERATURE: (-20.0, 99.0), Quantity.HUMIDITY: (0.0, 99.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {quantity: 1 / steps for quantity, steps in STEPS.items()}
    rests: ClassVar[Values] = dict.fromkeys(MASS, 9.0) | dict.fromkeys(NUMBER, 1.0) | {
        Quantity.FORMALDEHYDE: 12.0, Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0,
    }  # fmt: skip
    model = "pms5003"
    version, error = 0x97, 0

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()
        self.asleep = self.passive = False
        self._due_us = self.now_us() + FRAME_US

    def frame_due(self) -> tuple[bytes, int | None]:
        return (b"" if self.asleep or self.passive else self.measurement()), FRAME_US

    def spoken(self) -> bytes:
        """A frame as it would say it now."""
        return self.measurement()

    def measurement(self) -> bytes:
        """The data frame of this sibling; all zero before anything is measured."""
        words = [0 if self.faults.stuck_busy else round(self.sense(q) * STEPS[q]) & 0xFFFF for q in self._told()]
        if self.model == "pms3003":
            words += [0, 0, 0]
        elif self.model != "pms5003s":
            words += [0] * ((16 if self.model == "pms5003st" else 12) - len(words))
            words.append(0 if self.faults.stuck_busy else self.version << 8 | self.error)
        return framed(b"".join(word.to_bytes(2, "big") for word in words))

    def _told(self) -> tuple[Quantity, ...]:
        if self.model == "pms3003":
            return MASS
        return MASS + NUMBER[: 4 if self.model == "pms5003t" else 6] + EXTRA.get(self.model, ())

    def hear(self, data: bytes) -> None:
        self._heard += data if self.model != "pms3003" else b""
        while (at := self._heard.find(HEAD)) >= 0 and len(self._heard) >= at + COMMAND_LENGTH:
            command = bytes(self._heard[at : at + COMMAND_LENGTH])
            sound = sum(command[:5]) == int.from_bytes(command[5:], "big")
            del self._heard[: at + (COMMAND_LENGTH if sound else 1)]
            if sound:
                self._obey(command[2], command[4])
        del self._heard[:-COMMAND_LENGTH]

    def _obey(self, function: int, value: int) -> None:
        if function == SLEEP:
            self.asleep, self.passive = not value, False
        elif function == MODE and not self.asleep:
            self.passive = not value
        if function in (SLEEP, MODE) and not value:
            self.utter(framed(bytes([function, value])))
        elif not self.asleep and function in (SLEEP, MODE, ASK):
            self.utter(self.measurement())
            self._due_us = self.now_us() + FRAME_US


def framed(data: bytes) -> bytes:
    """Head, length, data, 16-bit sum."""
    body = HEAD + (len(data) + 2).to_bytes(2, "big") + data
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")
