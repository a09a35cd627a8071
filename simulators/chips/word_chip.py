"""Chips whose registers are words of 16 bits behind an 8-bit pointer that does not count up by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from simulators.chips.chip import I2CChip


class WordChip(I2CChip):
    """Words by register; `put` and `get` are where subclasses have their say."""

    order: ClassVar[Literal["big", "little"]] = "big"
    defaults: ClassVar[Mapping[int, int]]  # after power-on
    writable: ClassVar[tuple[int, ...]]
    door: ClassVar[str] = "regs16"

    def power_on(self) -> None:
        self.words = dict(self.defaults)
        self._pointer = 0
        self.loaded: dict[int, int] = getattr(self, "loaded", {})  # a vector's registers, said instead of its own

    def written(self, data: bytes) -> None:
        if data:
            self._pointer = data[0]
        if len(data) >= 3 and self._pointer in self.writable:
            self.put(self._pointer, int.from_bytes(data[1:3], self.order))

    def given(self, count: int) -> bytes:
        word = self.loaded[self._pointer] if self._pointer in self.loaded else self.get(self._pointer)
        return word.to_bytes(2, self.order)[:count].ljust(count, b"\xff")

    def put(self, register: int, word: int) -> None:
        """A word written to a writable register."""
        self.words[register] = word

    def get(self, register: int) -> int:
        """The word in a register; nobody's register holds zero."""
        return self.words.get(register, 0)

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != self.door:
            return super().take(name, value, door)
        for first, content in value.items():
            words = bytes.fromhex(content)
            for at in range(0, len(words), 2):
                self._load(int(first, 0) + at // 2, int.from_bytes(words[at : at + 2], self.order))
        return None

    def _load(self, register: int, word: int) -> None:
        (self.words if register in self.writable else self.loaded)[register] = word


def signed(value: float) -> int:
    """A rounded number as a 16-bit word in two's complement, held within what fits."""
    return max(-0x8000, min(0x7FFF, round(value))) & 0xFFFF


def unsigned(value: float) -> int:
    """A rounded number as a 16-bit word, held within what fits."""
    return max(0, min(0xFFFF, round(value)))
