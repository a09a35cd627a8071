"""SHDLC: how Sensirion's sensors are spoken to over a serial port: frames between flags, and no flag within a frame.

The host says `7E address command length data check 7E`, the device answers `7E address command state length data check
7E`. The bytes 7E, 7D, 11 and 13 travel as 7D and themselves xor 20, so the length on the wire is not known beforehand:
`receive` asks for what must still come and never for more. What is no answer to the command (noise, half a frame, the
late answer to an earlier one) is passed over, within bounds.

Source: datasheet SPS30, section 5 (the protocol is Sensirion's own).
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer
from drivers.talk import Read, Talk, Write

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
STUFFED = (0x7E, 0x7D, 0x11, 0x13)
SHORTEST = 7  # bytes of an answer without data
HEAD, TAIL = 4, 1  # address, command, state, length; check
PATIENCE = 192  # bytes that are no answer before giving up
ERROR = 0x80  # in the state: the device has something in its status register
REFUSALS = {
    0x01: "wrong length of data", 0x02: "unknown command", 0x03: "no access right", 0x04: "illegal parameter",
    0x28: "argument out of range", 0x43: "not allowed in this state",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `state` without the error bit, 0 when the command was obeyed."""

    command: int
    state: int
    data: bytes
    error: bool

    @property
    def refusal(self) -> str:
        """Why the command was not obeyed."""
        return REFUSALS.get(self.state, f"state {self.state:02X}")


def check(content: bytes) -> int:
    """What goes behind the content: the complement of its sum."""
    return ~sum(content) & 0xFF


def stuffed(content: bytes) -> bytes:
    """As it travels between the flags."""
    return b"".join(bytes([ESCAPE, byte ^ FLIP]) if byte in STUFFED else bytes([byte]) for byte in content)


def unstuffed(wire: bytes) -> bytes:
    """As it was before it travelled; an escape at the very end waits for its byte and gives none yet."""
    content, escaped = bytearray(), False
    for byte in wire:
        if byte == ESCAPE and not escaped:
            escaped = True
            continue
        content.append(byte ^ FLIP if escaped else byte)
        escaped = False
    return bytes(content)


def framed(content: bytes) -> bytes:
    """Content with its check, stuffed, between flags."""
    return bytes([FLAG]) + stuffed(content + bytes([check(content)])) + bytes([FLAG])


def request(command: int, data: bytes = b"", address: int = 0) -> bytes:
    """A command as the host says it."""
    return framed(bytes([address, command, len(data)]) + data)


def answer(content: bytes) -> Answer:
    """The unstuffed content of a frame. Raises FramingError, ChecksumError."""
    if len(content) < HEAD + TAIL:
        raise FramingError(f"a frame of {len(content)} bytes is too short for an answer")
    if check(content[:-1]) != content[-1]:
        raise ChecksumError("the answer does not fit its checksum")
    if content[3] != len(content) - HEAD - TAIL:
        raise FramingError(f"the answer says {content[3]} bytes and holds {len(content) - HEAD - TAIL}")
    return Answer(content[1], content[2] & ~ERROR, content[HEAD:-1], bool(content[2] & ERROR))


def ask(command: int, data: bytes = b"", timeout_s: float = 0.5) -> Talk[Answer]:
    """Say a command and wait for its answer. Raises NoAnswer, ChecksumError, FramingError."""
    yield Write(request(command, data))
    return (yield from receive(command, timeout_s))


def receive(command: int, timeout_s: float) -> Talk[Answer]:
    """The answer to this command, wherever it begins in what the line says."""
    seen, passed, wrong = b"", 0, None
    while passed < PATIENCE:
        try:
            seen += yield Read(missing(seen), timeout_s)
        except NoAnswer:
            raise wrong or NoAnswer("the device does not answer") from None
        before = len(seen)
        seen, found, wrong = _taken(seen, wrong)
        if found is not None and found.command == command:
            return found
        passed += before - len(seen)
    raise wrong or FramingError("no answer among what the line says")


def _taken(seen: bytes, wrong: DriverError | None) -> tuple[bytes, Answer | None, DriverError | None]:
    """What is left of these bytes, the answer that they held, and what was wrong if they held none."""
    seen = seen[seen.find(FLAG) :] if FLAG in seen else b""
    end = seen.find(FLAG, 1)
    if end == 1:
        return seen[1:], None, wrong
    if end > 1:
        try:
            return b"", answer(unstuffed(seen[1:end])), wrong
        except DriverError as error:
            return seen[end:], None, error
    return (b"", None, FramingError("a frame without an end")) if len(seen) > PATIENCE else (seen, None, wrong)


def missing(seen: bytes) -> int:
    """How many bytes must still come, at the least, for these (from a flag on) to be an answer."""
    if not seen:
        return SHORTEST
    content = unstuffed(seen[1:])
    whole = HEAD + TAIL + (content[3] if len(content) >= HEAD else 0)
    return max(1, whole + 1 - len(content))
