"""Chips that are a row of bytes behind an 8-bit pointer that counts up with each byte, read or written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from simulators.chips.chip import I2CChip


class RowChip(I2CChip):
    """Bytes by register; `put` and `get` are where subclasses have their say."""

    defaults: ClassVar[Mapping[int, bytes]]  # after power-on, from these registers on
    writable: ClassVar[Collection[int]]
    door: ClassVar[str] = "regs"

    def power_on(self) -> None:
        self.row = bytearray(256)
        for first, content in self.defaults.items():
            self.row[first : first + len(content)] = content
        self._pointer = 0
        self.loaded: dict[int, int] = getattr(self, "loaded", {})  # a vector's registers, said instead of its own

    def written(self, data: bytes) -> None:
        if data:
            self._pointer = self.register(data[0])
        for byte in data[1:]:
            if self._pointer in self.writable:
                self.put(self._pointer, byte)
            self._pointer = self._pointer + 1 & 0xFF

    def given(self, count: int) -> bytes:
        answer = bytearray()
        for _ in range(count):
            at = self._pointer
            answer.append(self.loaded[at] if at in self.loaded else self.get(at))
            self._pointer = at + 1 & 0xFF
        return bytes(answer)

    def register(self, command: int) -> int:
        """Which register the first byte of a write points at."""
        return command

    def put(self, register: int, byte: int) -> None:
        """A byte written to a writable register."""
        self.row[register] = byte

    def get(self, register: int) -> int:
        """The byte in a register."""
        return self.row[register]

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != self.door:
            return super().take(name, value, door)
        for first, content in value.items():
            for at, byte in enumerate(bytes.fromhex(content), int(first, 0)):
                self._load(at, byte)
        return None

    def _load(self, register: int, byte: int) -> None:
        if register in self.writable:
            self.row[register] = byte
        else:
            self.loaded[register] = byte
