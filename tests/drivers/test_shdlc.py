"""SHDLC frames: the published ones, the way back of every one, and somebody else's opinion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer
from drivers.shdlc import FLAG, SHORTEST, Answer, answer, framed, missing, receive, request, stuffed, unstuffed
from drivers.talk import Read
from simulators.i2c import converse

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
FOUND = json.loads(FILE.read_text())
VECTORS: list[dict[str, Any]] = FOUND if isinstance(FOUND, list) else FOUND["vectors"]
OURS = [v for v in VECTORS if v["device"] == "sps30"]
SAID = [v for v in OURS if v["what"].startswith("MOSI")]
HEARD = [v for v in OURS if not v["what"].startswith("MOSI")]


def of_line(line: bytes, command: int) -> Answer:
    """What `receive` makes of a line that says this and then falls silent."""
    at = 0

    def perform(step: object) -> bytes:
        nonlocal at
        assert isinstance(step, Read)
        if at + step.count > len(line):
            raise NoAnswer("silence")
        at += step.count
        return line[at - step.count : at]

    return converse(receive(command, 0.5), perform)


@pytest.mark.parametrize("vector", SAID, ids=lambda v: str(v["id"]))
def test_published_requests(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    assert request(expected["cmd"], bytes.fromhex(expected["data"])).hex() == vector["raw_hex"]


@pytest.mark.parametrize("vector", HEARD, ids=lambda v: str(v["id"]))
def test_published_answers(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    found = of_line(bytes.fromhex(vector["raw_hex"]), expected["cmd"])
    assert (found.command, found.state, found.error) == (expected["cmd"], expected["state"], False)
    if "data" in expected:
        assert found.data.hex() == expected["data"]
    assert "state" in found.refusal or expected["state"] == 0


@given(st.binary(max_size=300))
def test_stuffing_comes_back_and_holds_no_flag(content: bytes) -> None:
    assert unstuffed(stuffed(content)) == content
    assert not set(stuffed(content)) & {FLAG, 0x11, 0x13}


answers = st.builds(
    lambda command, state, data: (command, state, data, framed(bytes([0, command, state, len(data)]) + data)),
    st.integers(0, 255), st.integers(0, 127), st.binary(max_size=60),
)  # fmt: skip


@given(answers, st.binary(max_size=20).filter(lambda noise: FLAG not in noise))
def test_an_answer_is_found_behind_noise_and_never_read_past_its_end(
    said: tuple[int, int, bytes, bytes], noise: bytes
) -> None:
    command, state, data, frame = said
    found = of_line(noise + frame, command)
    assert (found.command, found.state, found.data) == (command, state, data)


@given(answers, answers)
def test_the_late_answer_to_another_command_is_passed_over(
    late: tuple[int, int, bytes, bytes], said: tuple[int, int, bytes, bytes]
) -> None:
    if late[0] != said[0]:
        assert of_line(late[3] + said[3], said[0]).data == said[2]


@given(answers, st.data())
def test_one_flipped_bit_gives_an_error_or_the_very_same_frame(
    said: tuple[int, int, bytes, bytes], data: st.DataObject
) -> None:
    command, state, payload, frame = said
    hurt = bytearray(frame)
    bit = data.draw(st.integers(8, len(frame) * 8 - 9))  # not the flags
    hurt[bit // 8] ^= 1 << bit % 8
    try:
        found = of_line(bytes(hurt), command)
    except DriverError:
        return
    assert (found.state, found.data) == (state, payload)


@given(st.binary(max_size=400))
def test_anything_ends(line: bytes) -> None:
    try:
        of_line(line, 3)
    except DriverError:
        pass


def test_noise_without_end_is_given_up() -> None:
    for endless in (b"\x00", b"\x7e", b"\x7e\x00", b"\x7d"):
        with pytest.raises(FramingError):
            of_line(endless * 4_000, 3)


@pytest.mark.parametrize(
    ("content", "error"),
    [("", FramingError), ("000300", FramingError), ("00030000fd", ChecksumError), ("00030001fb", FramingError)],
)
def test_what_is_no_answer(content: str, error: type[DriverError]) -> None:
    with pytest.raises(error):
        answer(bytes.fromhex(content))


def test_what_is_missing() -> None:
    assert missing(b"") == SHORTEST
    assert missing(bytes.fromhex("7e00030028")) == 42
    assert missing(bytes.fromhex("7e0003007d")) == 3
    assert missing(bytes.fromhex("7e00030000fc")) == 1
