"""How Sensirion's chips are spoken to: a 16-bit command, a wait, and words that each carry a CRC.

The chip works between the command and the answer, and refuses (NACK) whoever asks too early, so a command and its
answer are two transfers with a pause between and never one with a repeated start.
"""

from __future__ import annotations

from drivers.checks import word, words
from drivers.errors import FramingError, Nack
from drivers.talk import Pause, Read, Talk, Write


def command(code: int, *arguments: int) -> bytes:
    """The bytes of a command (16 bits) and its arguments (16 bits each, with their CRC)."""
    return code.to_bytes(2, "big") + b"".join(map(word, arguments))


def tell(code: int, *arguments: int, wait_s: float) -> Talk[None]:
    """Send a command that has no answer, and let the chip work. Raises Nack."""
    yield Write(command(code, *arguments))
    yield Pause(wait_s)


def tell_if_heard(code: int, wait_s: float) -> Talk[None]:
    """Send a command that a chip in this state may leave unacknowledged: stop, wake, break."""
    try:
        yield Write(command(code))
    except Nack:
        pass
    yield Pause(wait_s)


def ask(code: int, count: int, wait_s: float) -> Talk[bytes]:
    """The `count` words of the answer to a command, as 2 * count bytes, their CRCs checked and taken off.

    Raises Nack, ChecksumError, FramingError (the answer has another length).
    """
    yield Write(command(code))
    yield Pause(wait_s)
    answer = yield Read(3 * count)
    if len(answer) != 3 * count:
        raise FramingError(f"{len(answer)} bytes came where {3 * count} were asked for")
    return words(answer)


def celsius(ticks: int) -> float:
    """The temperature word of SHT3x and SCD4x in °C."""
    return -45.0 + 175.0 * ticks / 65535.0


def percent(ticks: int) -> float:
    """The humidity word of SHT3x and SCD4x in %RH."""
    return 100.0 * ticks / 65535.0
