"""What simulated chips that repeat one kind of frame share: a pace, and a hang that says the same bytes for ever."""

from __future__ import annotations

from typing import ClassVar

from simulators.chips.serial_chip import SerialChip


class SpokenChip(SerialChip):
    """Says `spoken` every `frame_us`. `turns` counts what it said: the last digit of a sensor that lives trembles."""

    frame_us: ClassVar[int]

    def power_on(self) -> None:
        self._line.clear()
        self._heard = bytearray()
        self.turns = 0
        self._last = b""
        self._due_us = self.now_us() + self.frame_us

    def spoken(self) -> bytes:
        """One whole frame, as it would say it now."""
        raise NotImplementedError

    def talks(self) -> bool:
        """Whether it talks at all at this moment."""
        return True

    def frame_due(self) -> tuple[bytes, int | None]:
        if not self.talks():
            return b"", self.frame_us
        if not (self.faults.freeze and self._last):
            self.turns += 1
            self._last = self.spoken()
        return self._last, self.frame_us
