"""A simulated LD2410: a report every tenth of a second, basic or engineering; none while it is being configured."""

from __future__ import annotations

from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip

HEAD, TAIL = bytes.fromhex("f4f3f2f1"), bytes.fromhex("f8f7f6f5")
ASK_HEAD, ASK_TAIL = bytes.fromhex("fdfcfbfa"), bytes.fromhex("04030201")
OPEN, SHUT, READ, BEGIN_ENGINEERING, END_ENGINEERING, FIRMWARE = 0xFF, 0xFE, 0x61, 0x62, 0x63, 0xA0
GATES = bytes([8, 8])
ANSWERS = {
    OPEN: bytes.fromhex("01004000"),  # protocol 1, buffer 64
    READ: b"\xaa\x08" + GATES + bytes([50] * 9 + [40] * 9) + b"\x05\x00",
    FIRMWARE: bytes.fromhex("000102062416082207")[:8],
    SHUT: b"", BEGIN_ENGINEERING: b"", END_ENGINEERING: b"",
}  # fmt: skip


class LD2410(SpokenChip):
    """Somebody, still or moving, at `away_cm`; set `moving` and `still` as needed."""

    name = "ld2410"
    line = SerialLine(256000)
    spans: ClassVar[Spans] = {Quantity.PRESENCE: (0.0, 1.0)}
    resolves: ClassVar[Values] = {Quantity.PRESENCE: 0.5}
    rests: ClassVar[Values] = {Quantity.PRESENCE: 0.0}
    untold = frozenset({Quantity.OCCUPANCY})  # only by the window
    frame_us = 100_000
    moving, still = True, True
    away_cm = 180

    def power_on(self) -> None:
        super().power_on()
        self.configuring = self.engineering = False

    def talks(self) -> bool:
        return not self.configuring

    def spoken(self) -> bytes:
        there = self.sense(Quantity.PRESENCE) >= 0.5 and not self.faults.stuck_busy
        moving, still = there and self.moving, there and self.still
        cm = self.away_cm + self.turns % 3
        body = bytes([moving + 2 * still])
        for seen in (moving, still):
            body += (cm if seen else 0).to_bytes(2, "little") + bytes([60 + self.turns % 5 if seen else 0])
        body += (cm if there else 0).to_bytes(2, "little")
        if self.engineering:
            body += GATES + bytes(18) + bytes([128, there])
        inside = bytes([1 if self.engineering else 2, 0xAA]) + body + b"\x55\x00"
        return HEAD + len(inside).to_bytes(2, "little") + inside + TAIL

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(ASK_HEAD)) >= 0 and (end := self._heard.find(ASK_TAIL, at + 6)) >= 0:
            command = bytes(self._heard[at + 6 : end])
            del self._heard[: end + 4]
            self._obey(int.from_bytes(command[:2], "little"))
        del self._heard[:-64]

    def _obey(self, function: int) -> None:
        known = function in ANSWERS and (self.configuring or function == OPEN)
        if known:
            self.configuring = function != SHUT
            self.engineering = function == BEGIN_ENGINEERING or (self.engineering and function != END_ENGINEERING)
        status = b"\0\0" if known else b"\1\0"
        body = (function | 0x100).to_bytes(2, "little") + status + (ANSWERS[function] if known else b"")
        self.utter(ASK_HEAD + len(body).to_bytes(2, "little") + body + ASK_TAIL)
