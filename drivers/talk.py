"""A driver is a conversation: it yields what it wants done and is sent back bytes.

It never sees a bus, a clock or a thread. The runner of the bus performs each step and sends the answer back in, or
throws a DriverError (Nack, BusFault, NoAnswer) into the conversation where the step stood. So the same driver runs
against Linux, a simulated chip, or a written transcript, and reads like its datasheet.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Write:
    """Put these bytes on the bus. Answered with b""."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Take exactly `count` bytes. On a serial line, NoAnswer is thrown in when they take longer than `timeout_s`."""

    count: int
    timeout_s: float = 1.0


@dataclass(frozen=True, slots=True)
class WriteRead:
    """Write, then read with a repeated start: how register devices are asked. I2C only."""

    data: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Let the device work for this long. Blocks nobody else."""

    seconds: float


Step = Write | Read | WriteRead | Pause

T = TypeVar("T")
Talk = Generator[Step, bytes, T]
