"""A simulated SPS30 at a serial port: the same states as over I2C, in SHDLC frames."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ClassVar

from drivers.driver import SerialLine
from simulators.chips.chip import MICRO, Spans, Values
from simulators.chips.serial_chip import SerialChip
from simulators.chips.sps30 import MASS, NUMBER, SPS30, TYPICAL_SIZE_UM, WAKE_WINDOW_US

FLAG, ESCAPE = 0x7E, 0x7D
SPECIAL = b"\x7e\x7d\x11\x13"
OK, WRONG_LENGTH, UNKNOWN, PARAMETER, WRONG_STATE, ERROR = 0x00, 0x01, 0x02, 0x04, 0x43, 0x80
LAYOUTS = {b"\x01\x03": ">10f", b"\x01\x05": ">10H"}
Result = tuple[int, bytes]  # state and data


def frame(content: bytes) -> bytes:
    """Check, stuffing, flags."""
    out = bytearray([FLAG])
    for byte in content + bytes([0xFF - sum(content) % 256]):
        out += bytes([ESCAPE, byte ^ 0x20]) if byte in SPECIAL else bytes([byte])
    return bytes(out) + bytes([FLAG])


def content_of(wire: bytes) -> bytes | None:
    """What a frame between its flags holds; None when it does not fit its check."""
    out, at = bytearray(), 0
    while at < len(wire):
        escaped = wire[at] == ESCAPE and at + 1 < len(wire)
        out.append(wire[at + 1] ^ 0x20 if escaped else wire[at])
        at += 2 if escaped else 1
    return bytes(out[:-1]) if len(out) >= 4 and sum(out) % 256 == 0xFF else None


class SPS30UART(SerialChip):
    """Particulate matter."""

    name = "sps30_uart"
    line = SerialLine(115_200)
    spans: ClassVar[Spans] = SPS30.spans
    resolves: ClassVar[Values] = SPS30.resolves
    rests: ClassVar[Values] = SPS30.rests
    product = "00080000"
    serial = "4C414E5441415231"
    firmware = (2, 3)
    condition = 0  # the status register
    cleaning_s = 604_800  # kept in flash

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()
        self._mode = "idle"
        self._layout = ">10f"
        self._next_us = 0
        self._measured: bytes | None = None
        self._roused_us: int | None = None

    def frame_due(self) -> tuple[bytes, int | None]:
        return b"", None

    def hear(self, data: bytes) -> None:
        if self.faults.browned_out():
            self.power_on()
        if self._mode == "asleep" and not self._roused():
            self._roused_us = self.now_us()
            return
        self._heard += data
        while (begin := self._heard.find(FLAG)) >= 0 and (end := self._heard.find(FLAG, begin + 1)) >= 0:
            wire = bytes(self._heard[begin + 1 : end])
            content = content_of(wire)
            del self._heard[: end if content is None else end + 1]
            if content is not None and content[0] == 0:
                self._obey(content[1], content[3:], content[2] == len(content) - 3)
        del self._heard[:-600]

    def _roused(self) -> bool:
        """The bytes before this woke the interface, and it has not fallen asleep again."""
        return self._roused_us is not None and self.now_us() - self._roused_us <= WAKE_WINDOW_US

    def _obey(self, command: int, data: bytes, whole: bool) -> None:
        if self._mode == "asleep" and command != 0x11:
            return
        self._measure_if_due()
        handler = self._commands().get(command)
        state, said = UNKNOWN, b""
        if handler is not None:
            state, said = handler(data) if whole else (WRONG_LENGTH, b"")
        state |= ERROR if self.condition else 0
        self.answer(frame(bytes([0, command, state, len(said)]) + said))

    def _commands(self) -> dict[int, Callable[[bytes], Result]]:
        known: dict[int, Callable[[bytes], Result]] = {
            0x00: self._start, 0x01: self._stop, 0x03: self._take, 0x10: self._sleep, 0x11: self._wake,
            0x56: lambda _: (OK if self._mode == "measuring" else WRONG_STATE, b""), 0x80: self._clean_every,
            0xD0: self._info, 0xD1: lambda _: (OK, bytes([*self.firmware, 0, 7, 0, 2, 0])), 0xD2: self._status,
            0xD3: self._reset,
        }  # fmt: skip
        return known if self.firmware >= (2, 2) else {code: known[code] for code in known if code != 0xD2}

    def _start(self, data: bytes) -> Result:
        if self._mode != "idle":
            return WRONG_STATE, b""
        if data not in LAYOUTS:
            return PARAMETER, b""
        self._mode, self._layout, self._measured = "measuring", LAYOUTS[data], None
        self._next_us = self.now_us() + MICRO
        return OK, b""

    def _stop(self, data: bytes) -> Result:
        was, self._mode, self._measured = self._mode, "idle", None
        return OK if was == "measuring" else WRONG_STATE, b""

    def _take(self, data: bytes) -> Result:
        if self._mode != "measuring":
            return WRONG_STATE, b""
        said, self._measured = self._measured or b"", None
        return OK, said

    def _measure_if_due(self) -> None:
        if self._mode != "measuring" or self.now_us() < self._next_us or self.faults.stuck_busy:
            return
        self._next_us += ((self.now_us() - self._next_us) // MICRO + 1) * MICRO
        felt = [self.sense(quantity) for quantity in MASS + NUMBER]
        if self._layout == ">10H":
            self._measured = struct.pack(">10H", *map(round, felt), round(TYPICAL_SIZE_UM * 1_000))
        else:
            self._measured = struct.pack(">10f", *felt, TYPICAL_SIZE_UM)

    def _sleep(self, data: bytes) -> Result:
        if self._mode != "idle":
            return WRONG_STATE, b""
        self._mode, self._roused_us = "asleep", None
        return OK, b""

    def _wake(self, data: bytes) -> Result:
        was, self._mode = self._mode, "idle" if self._mode == "asleep" else self._mode
        return OK if was == "asleep" else WRONG_STATE, b""

    def _clean_every(self, data: bytes) -> Result:
        if len(data) == 5:
            self.cleaning_s = int.from_bytes(data[1:], "big")
            return OK, b""
        return OK, self.cleaning_s.to_bytes(4, "big")

    def _info(self, data: bytes) -> Result:
        product = self.product if self.faults.wrong_chip_id is None else f"{self.faults.wrong_chip_id:08X}"
        texts = {b"\x00": product, b"\x03": self.serial}
        return (OK, texts[data].encode() + b"\0") if data in texts else (PARAMETER, b"")

    def _status(self, data: bytes) -> Result:
        return OK, self.condition.to_bytes(4, "big") + b"\0"

    def _reset(self, data: bytes) -> Result:
        line = bytes(self._line)
        self.power_on()
        self._line += line
        return OK, b""
