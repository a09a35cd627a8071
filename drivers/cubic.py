"""How sensors of Cubic talk over a serial port: `11 length command data checksum`, answered by `16 …`.

The length counts command and data; the checksum makes all bytes add up to zero. An answer is looked for among other
bytes, because an acknowledgement that came too late may still lie in the line.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer
from drivers.talk import Read, Talk, Write

HOST, DEVICE = 0x11, 0x16
ANSWER_S = 1.0
PATIENCE = 128  # bytes that are no answer before giving up


def checked(body: bytes) -> bytes:
    """The body with what makes it add up to zero."""
    return body + bytes([-sum(body) & 0xFF])


def command(code: int, *data: int) -> bytes:
    """What the host says."""
    return checked(bytes([HOST, len(data) + 1, code, *data]))


def ask(asked: bytes, count: int) -> Talk[bytes]:
    """The `count` data bytes of the answer to a command. Raises NoAnswer, ChecksumError, FramingError."""
    yield Write(asked)
    head = bytes([DEVICE, count + 1, asked[2]])
    seen = b""
    wrong: DriverError | None = None
    for _ in range(PATIENCE):
        missing = count + 4 - len(seen)
        if missing > 0:
            seen += yield from _more(missing, wrong)
        if seen.startswith(head):
            if sum(seen[: count + 4]) & 0xFF == 0:
                return seen[3 : count + 3]
            wrong = ChecksumError("the answer does not fit its checksum")
        wrong = wrong or FramingError("the line says something else than the answer")
        seen = seen[_next(seen, head) :]
    raise wrong or FramingError("no answer among what the line says")


def _next(seen: bytes, head: bytes) -> int:
    """How many bytes to pass over until an answer may begin."""
    return next((at for at in range(1, len(seen)) if head.startswith(seen[at : at + 3])), len(seen))


def _more(count: int, wrong: DriverError | None) -> Talk[bytes]:
    try:
        return (yield Read(count, ANSWER_S))
    except NoAnswer:
        raise wrong or NoAnswer("the sensor does not answer") from None
