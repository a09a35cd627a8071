"""A simulated SDS011: report modes, sleep, working period, ids. What is set outlives a power cut; sleep does not."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip

SECOND_US = 1_000_000
RUN_S = 30
REPORT_MODE, QUERY, SET_ID, WORK, FIRMWARE, PERIOD = 2, 4, 5, 6, 7, 8
COMMAND_LENGTH = 19


class SDS011(SerialChip):
    """PM2.5 and PM10, a report a second while it works."""

    name = "sds011"
    spans: ClassVar[Spans] = {Quantity.PM2_5: (0.0, 999.9), Quantity.PM10: (0.0, 1999.9)}
    resolves: ClassVar[Values] = {Quantity.PM2_5: 0.1, Quantity.PM10: 0.1}
    rests: ClassVar[Values] = {Quantity.PM2_5: 9.0, Quantity.PM10: 14.0}
    made = (15, 7, 10)  # firmware: year, month, day
    identity = b"\xa1\x60"
    querying = False  # kept over power cuts
    period_min = 0

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()
        self.asleep = False
        self._began_us = self.now_us()
        self._due_us = self.now_us() + SECOND_US

    def frame_due(self) -> tuple[bytes, int | None]:
        if self.asleep or self.querying or not self.running():
            return b"", SECOND_US
        return self.report(), SECOND_US

    def running(self) -> bool:
        """Whether laser and fan are on: always, or for the first 30 s of each period."""
        elapsed_s = (self.now_us() - self._began_us) // SECOND_US
        return not self.period_min or elapsed_s % (60 * self.period_min) < RUN_S

    def spoken(self) -> bytes:
        """A frame as it would say it now."""
        return self.report()

    def report(self) -> bytes:
        """A measurement; both zero when there is none."""
        ready = not self.faults.stuck_busy
        steps = [round(self.sense(q) * 10) if ready else 0 for q in (Quantity.PM2_5, Quantity.PM10)]
        return self._framed(0xC0, b"".join(step.to_bytes(2, "little") for step in steps))

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(b"\xaa\xb4")) >= 0 and len(self._heard) >= at + COMMAND_LENGTH:
            command = bytes(self._heard[at : at + COMMAND_LENGTH])
            sound = command[18] == 0xAB and sum(command[2:17]) & 0xFF == command[17]
            del self._heard[: at + (COMMAND_LENGTH if sound else 1)]
            if sound and command[15:17] in (b"\xff\xff", self.identity):
                self._obey(command)
        del self._heard[:-COMMAND_LENGTH]

    def _obey(self, command: bytes) -> None:
        function, write, value = command[2:5]
        if self.asleep and (function, write, value) != (WORK, 1, 1):
            return
        if function == REPORT_MODE:
            self.querying = bool(value) if write else self.querying
            self._reply(function, write, int(self.querying))
        elif function == WORK:
            self._turn(bool(value)) if write else None
            self._reply(function, write, 0 if self.asleep else 1)
        elif function == PERIOD:
            if write and value <= 30:
                self.period_min, self._began_us = value, self.now_us()
            self._reply(function, write, self.period_min)
        elif function == SET_ID:
            self.identity = command[13:15]
            self._reply(function, 0, 0)
        elif function == FIRMWARE:
            self._reply(function, *self.made)
        elif function == QUERY:
            self.utter(self.report())

    def _turn(self, on: bool) -> None:
        if on and self.asleep:
            self._began_us = self.now_us()
        self.asleep = not on

    def _reply(self, *values: int) -> None:
        self.utter(self._framed(0xC5, bytes(values).ljust(4, b"\0")))

    def _framed(self, kind: int, data: bytes) -> bytes:
        body = data + self.identity
        return bytes([0xAA, kind]) + body + bytes([sum(body) & 0xFF, 0xAB])
