"""How Sensirion's chips are spoken to: a 16-bit command, a wait, and words that each carry a CRC.

The chip works between the command and the answer, and refuses (NACK) whoever asks too early, so a command and its
answer are two transfers with a pause between and never one with a repeated start.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.checks import word, words
from drivers.errors import DeviceFault, FramingError, Nack
from drivers.reading import Flag, Quantity, Reading
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
    return (yield from hear(count))


def hear(count: int) -> Talk[bytes]:
    """The `count` words that the chip has ready, their CRCs checked and taken off.

    Raises Nack, ChecksumError, FramingError (the answer has another length).
    """
    answer = yield Read(3 * count)
    if len(answer) != 3 * count:
        raise FramingError(f"{len(answer)} bytes came where {3 * count} were asked for")
    return words(answer)


def hold(
    get: int, put: int, wanted: Sequence[int], what: str, wait_s: float, burn_s: float | None = None
) -> Talk[bool]:
    """Let a register hold these words: read first, written only when it differs (memories wear), then read back.

    `burn_s` is how long writing takes where it takes longer than reading. Whether it was written. Raises DeviceFault
    when the chip does not keep it, and what `ask` raises.
    """
    told = b"".join(value.to_bytes(2, "big") for value in wanted)
    if (yield from ask(get, len(wanted), wait_s)) == told:
        return False
    yield from tell(put, *wanted, wait_s=wait_s if burn_s is None else burn_s)
    if (found := (yield from ask(get, len(wanted), wait_s))) != told:
        raise DeviceFault(f"{what} does not stick: {told.hex()} was written, {found.hex()} is there")
    return True


def name_of(answer: bytes) -> str:
    """A text as the chips send it: ASCII, ended by NUL."""
    return answer.split(b"\0")[0].decode("ascii", "replace")


def high_word(value: int) -> tuple[int, int]:
    """A 32-bit argument as its two words, the high one first."""
    return value >> 16, value & 0xFFFF


def celsius(ticks: int) -> float:
    """The temperature word of SHT3x and SCD4x in °C."""
    return -45.0 + 175.0 * ticks / 65535.0


LOWEST_C, HIGHEST_C, ROUNDING_C = -40.0, 125.0, 0.01


def warmth(ticks: int) -> Reading:
    """The temperature of SHT3x and SHT4x, flagged beyond -40 to 125 °C: the element ends there, or is broken."""
    found = celsius(ticks)
    inside = LOWEST_C - ROUNDING_C <= found <= HIGHEST_C + ROUNDING_C
    return Reading(Quantity.TEMPERATURE, found, flags=Flag.NONE if inside else Flag.RANGE)


def percent(ticks: int) -> float:
    """The humidity word of SHT3x and SCD4x in %RH."""
    return 100.0 * ticks / 65535.0
