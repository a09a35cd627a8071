"""Modbus, from the side of whoever asks: one question, one answer, over RS485 (RTU) or a socket (MBAP).

RTU has no marks where a frame begins: units tell frames apart by silence, and a Raspberry Pi cannot measure 1.75 ms of
it. So the answer is looked for: it must begin with the unit and the function that were asked, have the length that
was asked for, and fit its CRC; a byte that begins nothing of the kind is passed over, a bounded number of times. Cheap
half-duplex adapters hear themselves: an echo of the question is known by being that, and is dropped.

Nothing is asked twice here. An answer carries no number by which a late one could be told from the next, so whoever
hears nothing gives up, and the line is drained before the next talk. Over TCP there is such a number, and answers to
older questions are passed over. Source: Modbus application protocol V1.1b3, Modbus over serial line V1.02, Modbus
messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

import struct
from typing import Literal

from drivers.checks import crc16
from drivers.errors import ChecksumError, DeviceFault, DriverError, FramingError, NoAnswer, NotReady, WrongChip
from drivers.talk import Pause, Read, Talk, Write

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
REFUSED = 0x80
Framing = Literal["rtu", "tcp", "rtu over tcp"]
FRAMINGS: tuple[Framing, ...] = ("rtu", "tcp", "rtu over tcp")
ANSWER_S = 1.0
SHORTEST = 5  # bytes of an RTU answer: that of a refusal
LONGEST = 256
PATIENCE = 300  # bytes that are no answer before giving up: a whole answer of somebody else, and some noise
STALE = 4  # answers to older questions
MBAP = struct.Struct(">HHHB")
REFUSALS: dict[int, tuple[type[DriverError], str]] = {
    1: (WrongChip, "does not know this function: is it another device?"),
    2: (WrongChip, "has no such register: is it another device, or another map?"),
    3: (DeviceFault, "does not take this value or number of registers"),
    4: (DeviceFault, "reports a failure of its own"),
    5: (NotReady, "needs longer"),
    6: (NotReady, "is busy"),
    8: (DeviceFault, "reports a parity error in its memory"),
    10: (NoAnswer, "cannot be reached: the gateway has no path to it"),
    11: (NoAnswer, "does not answer its gateway"),
}


def sealed(body: bytes) -> bytes:
    """Unit, function and data with their CRC behind them, low byte first."""
    return body + crc16(body, 0xFFFF).to_bytes(2, "little")


def question(function: int, address: int, value: int) -> bytes:
    """Function, register, and how many of them (or what to write into it)."""
    return struct.pack(">BHH", function, address, value)


class Unit:
    """One unit, as a driver asks it. `echoes` tells whether the adapter was heard to repeat our questions."""

    def __init__(self, number: int, framing: Framing = "rtu", baud: int = 9600) -> None:
        self.number, self.framing = number, framing
        self.echoes = False
        self._byte_s = 11 / baud
        self._silence_s = max(0.00175, 3.5 * self._byte_s)
        self._transaction = 0

    def registers(self, function: int, address: int, count: int) -> Talk[bytes]:
        """The content of `count` registers, two bytes each. Raises DriverError."""
        answer = yield from self._ask(question(function, address, count), 2 + 2 * count)
        if answer[1] != 2 * count:
            raise FramingError(f"unit {self.number} gave {answer[1]} bytes where {2 * count} were asked for")
        return answer[2:]

    def write(self, address: int, value: int) -> Talk[None]:
        """Write one holding register. Raises DriverError."""
        asked = question(WRITE_ONE, address, value)
        if (yield from self._ask(asked, len(asked))) != asked:
            raise FramingError(f"unit {self.number} confirms another register than was written")

    def _ask(self, asked: bytes, size: int) -> Talk[bytes]:
        """The answer to a question, both without unit and checksum; `size` is that of an answer that is no refusal."""
        answer = yield from (self._by_socket(asked) if self.framing == "tcp" else self._by_line(asked, size))
        if answer[0] == asked[0] | REFUSED and len(answer) == 2:
            kind, what = REFUSALS.get(answer[1], (DeviceFault, "refuses"))
            raise kind(f"unit {self.number} {what} (exception {answer[1]} to function {asked[0]})")
        if answer[0] != asked[0] or len(answer) != size:
            raise FramingError(f"the answer of unit {self.number} is none to what was asked")
        return answer

    def _by_line(self, asked: bytes, size: int) -> Talk[bytes]:
        sent = sealed(bytes([self.number]) + asked)
        yield Pause(self._silence_s)
        yield Write(sent)
        echo_due = self.echoes or asked[0] in (READ_HOLDING, READ_INPUT)  # what is written comes back in any case
        seen = b""
        wrong: DriverError | None = None
        for _ in range(PATIENCE):
            if len(seen) < SHORTEST:
                seen += yield from self._more(SHORTEST - len(seen), wrong)
            for length in self._lengths(seen, sent, size, echo_due):
                if len(seen) < length:
                    seen += yield from self._more(length - len(seen), wrong)
                frame = seen[:length]
                if echo_due and frame == sent:
                    self.echoes, echo_due, seen = True, False, seen[length:]
                    break
                if sealed(frame[:-2]) == frame:
                    return frame[1:-2]
                wrong = ChecksumError(f"the answer of unit {self.number} does not fit its CRC")
            else:
                wrong = wrong or self._stray(seen, asked[0])
                seen = seen[1:]
        raise wrong or FramingError("no answer among what the line says")

    def _lengths(self, seen: bytes, sent: bytes, size: int, echo_due: bool) -> list[int]:
        """How long a frame that begins here could be."""
        found = set()
        if seen[0] == self.number and seen[1] == sent[1] and (sent[1] > READ_INPUT or seen[2] == size - 2):
            found.add(size + 3)
        if seen[0] == self.number and seen[1] == sent[1] | REFUSED:
            found.add(SHORTEST)
        if echo_due and sent.startswith(seen[: len(sent)]):
            found.add(len(sent))
        return sorted(found)

    def _more(self, count: int, wrong: DriverError | None) -> Talk[bytes]:
        try:
            return (yield Read(count, ANSWER_S + count * self._byte_s))
        except NoAnswer:
            raise wrong or NoAnswer(f"unit {self.number} does not answer") from None

    def _stray(self, seen: bytes, function: int) -> DriverError:
        if seen[0] != self.number and seen[1] & ~REFUSED == function:
            return FramingError(f"unit {seen[0]} answers where unit {self.number} was asked")
        return FramingError("the line says something else than the answer")

    def _by_socket(self, asked: bytes) -> Talk[bytes]:
        self._transaction = self._transaction % 0xFFFF + 1
        yield Write(MBAP.pack(self._transaction, 0, len(asked) + 1, self.number) + asked)
        for _ in range(STALE):
            head = yield from self._more(MBAP.size, None)
            transaction, protocol, length, unit = MBAP.unpack(head)
            if protocol or not 3 <= length < LONGEST:
                raise FramingError("the other end does not speak Modbus TCP")
            answer = yield from self._more(length - 1, None)
            if transaction == self._transaction:
                if unit != self.number:
                    raise FramingError(f"unit {unit} answers where unit {self.number} was asked")
                return answer
        raise FramingError(f"unit {self.number} answers only questions of before")
