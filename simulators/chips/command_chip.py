"""The half that Sensirion's chips share: 16-bit commands, words with a CRC, and NACK for whoever asks too early.

A command may bring arguments, each with its CRC; a wrong one is refused. The answer waits from the end of the
command's time until it is read, once; before that and after that the read header is not acknowledged. Whoever reads
on past the end reads FF.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from drivers.checks import crc8, word
from drivers.errors import Nack
from simulators.chips.chip import I2CChip

Answer = Sequence[int] | None  # words, or no answer at all
Handler = Callable[..., Answer]


def on_wire(words: Sequence[int]) -> bytes:
    """16-bit words as they travel, each with its CRC."""
    return b"".join(map(word, words))


def _takes(handler: Handler, arguments: Sequence[int]) -> bool:
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError:
        return False
    return True


class CommandChip(I2CChip):
    """Subclasses fill `commands`: code -> (execution time in ms, what to do with the argument words)."""

    code_bytes: ClassVar[int] = 2  # SHT4x has commands of one byte

    def power_on(self) -> None:
        self._answer: bytes | None = None
        self._ready_us = 0
        if not hasattr(self, "replies"):
            self.replies: dict[int, bytes] = {}  # a vector's, said instead of the chip's own

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        """The commands that the chip hears in its present state. Others are not acknowledged."""
        raise NotImplementedError

    def busy(self) -> bool:
        """Still executing: nothing is acknowledged."""
        return self.now_us() < self._ready_us or self.faults.stuck_busy

    def written(self, data: bytes) -> None:
        if self.busy():
            raise Nack(f"the {self.name} is busy")
        if not data:
            return
        self._answer = None
        wide = self.code_bytes
        code, arguments = int.from_bytes(data[:wide], "big"), self._arguments(data[wide:])
        known = self.commands()
        if len(data) < wide or code not in known or self.faults.wrong_chip_id is not None:
            raise Nack(f"the {self.name} does not hear {data.hex()} now")
        milliseconds, handler = known[code]
        if not _takes(handler, arguments):
            raise Nack(f"the {self.name} wants other arguments than {data.hex()}")
        answer = handler(*arguments)
        self._ready_us = self.now_us() + int(milliseconds * 1_000)
        self._answer = None if answer is None else self.replies.get(code, on_wire(answer))

    def _arguments(self, data: bytes) -> list[int]:
        triples = [data[at : at + 3] for at in range(0, len(data), 3)]
        if any(len(three) != 3 or crc8(three[:2]) != three[2] for three in triples):
            raise Nack(f"the {self.name} refuses an argument with a wrong CRC")
        return [int.from_bytes(three[:2], "big") for three in triples]

    def given(self, count: int) -> bytes:
        if self.busy() or self._answer is None:
            raise Nack(f"the {self.name} has nothing to say yet")
        answer, self._answer = self._answer, None
        return (answer + b"\xff" * count)[:count]

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "command":
            self.replies[int(str(value)[:4], 16)] = bytes.fromhex(door.get("response", ""))
        elif name != "response":
            super().take(name, value, door)
