"""A simulated ZH03B: uploads once a second, answers questions, sleeps. A loss of power wakes it into upload."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip

FRAME_US = 1_000_000
LENGTH = 9
READ, MODE, SLEEP = 0x86, 0x78, 0xA7
UPLOAD, ANSWER = 0x40, 0x41
MASSES = (Quantity.PM1, Quantity.PM2_5, Quantity.PM10)


class ZH03B(SerialChip):
    """Masses in whole micrograms."""

    name = "zh03b"
    spans: ClassVar[Spans] = dict.fromkeys(MASSES, (0.0, 1000.0))
    resolves: ClassVar[Values] = dict.fromkeys(MASSES, 1.0)
    rests: ClassVar[Values] = {Quantity.PM1: 7.0, Quantity.PM2_5: 10.0, Quantity.PM10: 14.0}

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()
        self.asleep, self.uploads = False, True
        self._due_us = self.now_us() + FRAME_US

    def frame_due(self) -> tuple[bytes, int | None]:
        return (self.spoken() if self.uploads and not self.asleep else b""), FRAME_US

    def masses(self) -> list[bytes]:
        """PM1, PM2.5, PM10; zero before anything is measured."""
        return [(0 if self.faults.stuck_busy else round(self.sense(mass))).to_bytes(2, "big") for mass in MASSES]

    def spoken(self) -> bytes:
        """An upload frame as it would say it now."""
        body = b"\x42\x4d\x00\x14" + bytes(6) + b"".join(self.masses()) + bytes(6)
        return body + (sum(body) & 0xFFFF).to_bytes(2, "big")

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(b"\xff\x01")) >= 0 and len(self._heard) >= at + LENGTH:
            command = bytes(self._heard[at : at + LENGTH])
            sound = sum(command[1:]) & 0xFF == 0
            del self._heard[: at + (LENGTH if sound else 1)]
            if sound:
                self._obey(command[2], command[3])
        del self._heard[:-LENGTH]

    def _obey(self, function: int, value: int) -> None:
        if function == SLEEP:
            if self.asleep and not value:
                self._due_us = self.now_us() + FRAME_US
            self.asleep = bool(value)
            self.utter(answered(SLEEP, b"\x01"))
        elif function == MODE and value in (UPLOAD, ANSWER):
            self.uploads = value == UPLOAD
        elif function == READ and not self.asleep:
            fine, finer, coarse = self.masses()[1], self.masses()[0], self.masses()[2]
            self.answer(answered(READ, fine + coarse + finer))


def answered(function: int, data: bytes) -> bytes:
    """Nine bytes: head, function, six bytes, and what makes all but the first add up to zero."""
    body = bytes([function]) + data.ljust(6, b"\0")
    return b"\xff" + body + bytes([-sum(body) & 0xFF])
