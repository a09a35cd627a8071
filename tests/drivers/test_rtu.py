"""Modbus framing: the published bytes, answers among noise and echoes, refusals, other units, silence, sockets."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, DriverError, FramingError, NoAnswer, NotReady, WrongChip
from drivers.rtu import MBAP, PATIENCE, READ_HOLDING, READ_INPUT, WRITE_ONE, Unit, question, sealed
from drivers.talk import Pause, Read, Step, Talk, Write
from simulators.chips.modbus_unit import ModbusUnit
from simulators.chips.rs485 import RS485Line
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import SimulatedSerial, serial_steps

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
RAW = {vector["id"]: vector["raw_hex"] for vector in json.loads(FILE.read_text())}
WORDS = {at: 0x100 * at + 7 for at in range(90)}


class Meter(ModbusUnit):
    """Registers that hold their own numbers."""

    name = "meter"
    spans, resolves, rests = {}, {}, {}

    def inputs(self) -> Mapping[int, int]:
        return WORDS

    def holdings(self) -> Mapping[int, int]:
        return {**{at: word ^ 0xFFFF for at, word in WORDS.items()}, **self.kept}

    def keep(self, address: int, word: int) -> bool:
        self.kept = {**self.kept, address: word}
        return address < 80

    kept: Mapping[int, int] = {}


class Line:
    """Units on one line, and what was written to it."""

    def __init__(self, *units: ModbusUnit, echoes: bool = False) -> None:
        self.clock = VirtualClock()
        self.line = RS485Line(self.clock.boot_us, units or (Meter(self.clock.boot_us),))
        self.line.echoes = echoes
        self.perform = serial_steps(SimulatedSerial(self.line, self.clock.advance), self.clock.advance)

    def words(self, unit: Unit, address: int, count: int, function: int = READ_INPUT) -> list[int]:
        data = converse(unit.registers(function, address, count), self.perform)
        return list(struct.unpack(f">{count}H", data))


def said(answer: bytes, talk: Talk[bytes]) -> bytes:
    """The talk with a line that says this, and then nothing."""
    line = bytearray(answer)

    def perform(step: Step) -> bytes:
        if not isinstance(step, Read):
            return b""
        if len(line) < step.count:
            line.clear()
            raise NoAnswer("silence")
        taken = bytes(line[: step.count])
        del line[: step.count]
        return taken

    return converse(talk, perform)


def words(data: bytes) -> bytes:
    return sealed(bytes([1, READ_INPUT, len(data)]) + data)


@pytest.mark.parametrize(
    ("vector", "frame"),
    [
        ("pub-051", sealed(b"\xfe" + question(READ_INPUT, 3, 1))),
        ("pub-053", sealed(b"\xfe" + question(WRITE_ONE, 1, 0x7C06))),
        ("pub-054", sealed(b"\x01" + question(READ_INPUT, 0, 2))),
        ("pub-057", sealed(b"\x01" + question(READ_INPUT, 0x48, 2))),
    ],
)
def test_questions_are_those_published(vector: str, frame: bytes) -> None:
    assert frame.hex() == RAW[vector]


def test_answers_are_read_as_published() -> None:
    assert said(bytes.fromhex(RAW["pub-056"]), Unit(1).registers(READ_INPUT, 0, 2)) == bytes.fromhex("43663333")
    with pytest.raises(WrongChip, match="exception 2"):
        said(bytes.fromhex(RAW["pub-055"]), Unit(1).registers(READ_INPUT, 0, 2))


@given(address=st.integers(0, 89), count=st.integers(1, 80), echoes=st.booleans())
def test_registers_come_back(address: int, count: int, echoes: bool) -> None:
    count = min(count, 90 - address)
    line = Line(echoes=echoes)
    unit = Unit(1)
    assert line.words(unit, address, count) == [WORDS[address + at] for at in range(count)]
    assert unit.echoes == echoes
    assert line.words(unit, address, count, READ_HOLDING) == [WORDS[address + at] ^ 0xFFFF for at in range(count)]


@pytest.mark.parametrize("echoes", [False, True])
def test_what_is_written_is_there(echoes: bool) -> None:
    line, unit = Line(echoes=echoes), Unit(1)
    for value in (0, 1, 0xBEEF):
        converse(unit.write(7, value), line.perform)
        assert line.words(unit, 7, 1, READ_HOLDING) == [value]
    with pytest.raises(WrongChip):
        converse(unit.write(85, 1), line.perform)
    assert line.words(unit, 7, 1, READ_HOLDING) == [0xBEEF]


@given(before=st.binary(max_size=60), data=st.binary(min_size=4, max_size=4), after=st.binary(max_size=9))
def test_the_answer_is_found_among_other_bytes(before: bytes, data: bytes, after: bytes) -> None:
    noise = before if b"\x01\x84" not in before + b"\x01" and b"\x01\x04" not in before + b"\x01" else b"\xff" * 9
    assert said(noise + words(data) + after, Unit(1).registers(READ_INPUT, 0, 2)) == data


@given(data=st.binary(min_size=4, max_size=4), at=st.integers(0, 8), bit=st.integers(0, 7))
def test_one_flipped_bit_is_never_a_value(data: bytes, at: int, bit: int) -> None:
    hurt = bytearray(words(data))
    hurt[at] ^= 1 << bit
    with pytest.raises(DriverError) as caught:
        said(bytes(hurt), Unit(1).registers(READ_INPUT, 0, 2))
    assert caught.value.cause in ("checksum", "framing")


@given(reply=st.binary(max_size=80))
def test_any_bytes_end_in_an_answer_with_its_crc_or_an_error(reply: bytes) -> None:
    try:
        data = said(reply, Unit(1).registers(READ_INPUT, 0, 1))
    except DriverError:
        return
    assert words(data) in reply


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (b"", NoAnswer, "unit 1 does not answer"),
        (words(b"\1\2\3\4")[:7], NoAnswer, "unit 1"),
        (words(b"\1\2\3\4")[:-1] + b"\0", ChecksumError, "CRC"),
        (sealed(b"\x05\x04\x04\1\2\3\4"), FramingError, "unit 5 answers where unit 1 was asked"),
        (words(b"\1\2"), FramingError, "something else"),
        (sealed(b"\x01\x03\x04\1\2\3\4"), FramingError, "something else"),
        (bytes(500), FramingError, "something else"),
        (sealed(b"\x01\x84\x01"), WrongChip, "function"),
        (sealed(b"\x01\x84\x02"), WrongChip, "register"),
        (sealed(b"\x01\x84\x03"), DeviceFault, "number of registers"),
        (sealed(b"\x01\x84\x04"), DeviceFault, "failure"),
        (sealed(b"\x01\x84\x05"), NotReady, "longer"),
        (sealed(b"\x01\x84\x06"), NotReady, "busy"),
        (sealed(b"\x01\x84\x0b"), NoAnswer, "gateway"),
        (sealed(b"\x01\x84\x63"), DeviceFault, "exception 99"),
        (words(b"\1\2\3\4")[:4] + words(b"\1\2\3\4"), None, ""),
        (sealed(b"\x05\x04\x04\1\2\3\4") + words(b"\1\2\3\4"), None, ""),
    ],
)
def test_what_is_no_answer_is_named(reply: bytes, error: type[DriverError] | None, text: str) -> None:
    asked = Unit(1).registers(READ_INPUT, 0, 2)
    if error is None:
        assert said(reply, asked) == b"\1\2\3\4"
        return
    with pytest.raises(error, match=text):
        said(reply, asked)


def test_an_answer_that_looks_like_the_question_is_no_echo() -> None:
    """Register 0400: the question begins as its answer may (unit, function, 4); the CRC decides."""
    reply = sealed(b"\x01\x04\x04\x00\x00\x02\x09")
    assert said(reply, Unit(1).registers(READ_INPUT, 0x0400, 2)) == b"\x00\x00\x02\x09"


def test_a_line_that_babbles_for_ever_is_given_up() -> None:
    read = 0

    def babble(step: Step) -> bytes:
        nonlocal read
        read += step.count if isinstance(step, Read) else 0
        return b"\x01" * (step.count if isinstance(step, Read) else 0)

    with pytest.raises(FramingError):
        converse(Unit(1).registers(READ_INPUT, 0, 80), babble)
    assert read < PATIENCE + 200


def test_the_line_is_left_silent_before_a_question() -> None:
    def silence_s(baud: int) -> float:
        step = next(Unit(1, baud=baud).registers(READ_INPUT, 0, 1))
        assert isinstance(step, Pause)
        return step.seconds

    assert silence_s(9600) == pytest.approx(3.5 * 11 / 9600)
    assert silence_s(2400) == pytest.approx(3.5 * 11 / 2400)
    assert silence_s(115200) == 0.00175


def test_a_slow_line_is_given_its_time() -> None:
    talk = Unit(1, baud=1200).registers(READ_INPUT, 0, 80)
    next(talk), next(talk), talk.send(b"")
    step = talk.send(words(bytes(160))[:5])
    assert isinstance(step, Read)
    assert step.timeout_s > 160 * 11 / 1200


def two_units(first: int, second: int) -> tuple[Line, Meter, Meter]:
    clock = VirtualClock()
    units = Meter(clock.boot_us), Meter(clock.boot_us)
    units[0].unit, units[1].unit = first, second
    return Line(*units), *units


def test_units_share_a_line() -> None:
    line, one, other = two_units(1, 2)
    converse(Unit(1).write(3, 111), line.perform)
    converse(Unit(2).write(3, 222), line.perform)
    assert (one.kept, other.kept) == ({3: 111}, {3: 222})
    assert line.words(Unit(1), 3, 1, READ_HOLDING) == [111]
    assert line.words(Unit(2), 3, 1, READ_HOLDING) == [222]
    with pytest.raises(NoAnswer, match="unit 3"):
        line.words(Unit(3), 3, 1)
    other.faults.unplug = True
    with pytest.raises(NoAnswer, match="unit 2"):
        line.words(Unit(2), 3, 1)
    assert line.words(Unit(1), 3, 1) == [WORDS[3]]


def test_two_units_of_one_number_garble_each_other() -> None:
    line, _, other = two_units(1, 1)
    other.kept = {3: 0x5555}
    with pytest.raises(ChecksumError):
        line.words(Unit(1), 3, 1, READ_HOLDING)
    assert line.words(Unit(1), 4, 1, READ_HOLDING) == [WORDS[4] ^ 0xFFFF]


def tcp_answer(transaction: int, pdu: bytes, unit: int = 1, protocol: int = 0) -> bytes:
    return MBAP.pack(transaction, protocol, len(pdu) + 1, unit) + pdu


ANSWER = b"\x04\x04\1\2\3\4"


def test_the_frame_of_a_socket() -> None:
    step = next(Unit(7, "tcp").registers(READ_INPUT, 0x48, 2))
    assert step == Write(bytes.fromhex("0001 0000 0006 07 04 0048 0002"))


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (tcp_answer(1, ANSWER), None, ""),
        (tcp_answer(9, b"\x04\x04\0\0\0\0") + tcp_answer(1, ANSWER), None, ""),
        (tcp_answer(9, ANSWER) * 4 + tcp_answer(1, ANSWER), FramingError, "questions of before"),
        (tcp_answer(1, ANSWER, unit=2), FramingError, "unit 2"),
        (tcp_answer(1, ANSWER, protocol=1), FramingError, "does not speak"),
        (b"HTTP/1.1 400 Bad Request", FramingError, "does not speak"),
        (tcp_answer(1, b"\x84\x02"), WrongChip, "exception 2"),
        (tcp_answer(1, b"\x03\x04\1\2\3\4"), FramingError, "none to what was asked"),
        (tcp_answer(1, b"\x04\x02\1\2"), FramingError, "none to what was asked"),
        (tcp_answer(1, b"\x04\x02\1\2\3\4"), FramingError, "2 bytes where 4"),
        (tcp_answer(1, ANSWER)[:-1], NoAnswer, "unit 1"),
        (b"", NoAnswer, "unit 1"),
    ],
)
def test_answers_by_socket(reply: bytes, error: type[DriverError] | None, text: str) -> None:
    asked = Unit(1, "tcp").registers(READ_INPUT, 0, 2)
    if error is None:
        assert said(reply, asked) == b"\1\2\3\4"
        return
    with pytest.raises(error, match=text):
        said(reply, asked)


def test_questions_by_socket_are_numbered_round_and_round() -> None:
    unit, seen = Unit(1, "tcp"), []
    unit._transaction = 0xFFFE
    for _ in range(3):
        step = next(unit.registers(READ_INPUT, 0, 1))
        assert isinstance(step, Write)
        seen.append(step.data[:2].hex())
    assert seen == ["ffff", "0001", "0002"]


def test_a_simulated_unit_refuses_as_the_specification_says() -> None:
    line = Line()
    meter = line.line.units[0]
    assert isinstance(meter, Meter)

    def answered(pdu: bytes) -> str:
        meter.hear(sealed(b"\x01" + pdu))
        return meter.say().hex()

    assert answered(b"\x02\x00\x00\x00\x01") == sealed(b"\x01\x82\x01").hex()
    assert answered(question(READ_INPUT, 89, 2)) == sealed(b"\x01\x84\x02").hex()
    assert answered(question(READ_INPUT, 0, 0)) == sealed(b"\x01\x84\x03").hex()
    assert answered(question(READ_INPUT, 0, 126)) == sealed(b"\x01\x84\x03").hex()
    meter.faults.stuck_busy = True
    assert answered(question(READ_INPUT, 0, 1)) == sealed(b"\x01\x84\x06").hex()
    meter.faults.stuck_busy = False
    meter.hear(sealed(b"\x00" + question(WRITE_ONE, 5, 42)))
    assert (meter.say(), meter.kept) == (b"", {5: 42})
    meter.hear(sealed(b"\x01\x10\x00\x06\x00\x02\x04\x00\x01\x00\x02"))
    assert meter.say() == sealed(b"\x01\x10\x00\x06\x00\x02")
    assert meter.kept == {5: 42, 6: 1, 7: 2}
    meter.hear(sealed(b"\x01" + question(READ_INPUT, 0, 1))[:-1] + b"\0")
    assert meter.say() == b""
