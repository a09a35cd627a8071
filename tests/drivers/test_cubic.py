"""The frames of Cubic: what is asked, what counts as an answer, and when to give up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cubic import PATIENCE, ask, checked, command
from drivers.errors import FramingError
from drivers.talk import Read, Step
from simulators.chips.cubic import checked as others
from simulators.i2c import converse


@given(st.binary(max_size=60))
def test_a_frame_adds_up_to_zero(body: bytes) -> None:
    assert sum(checked(body)) & 0xFF == 0
    assert checked(body) == others(body)


def test_commands() -> None:
    assert command(0x01).hex() == "110101ed"
    assert command(0x0C, 2, 0x1E).hex() == "11030c021ec0"


@pytest.mark.parametrize("byte", [b"\x16", b"\x00", b"\x16\x05\x01"])
def test_a_line_that_babbles_for_ever_is_given_up(byte: bytes) -> None:
    read = 0

    def babble(step: Step) -> bytes:
        nonlocal read
        read += step.count if isinstance(step, Read) else 0
        return (byte * 80)[: step.count] if isinstance(step, Read) else b""

    with pytest.raises(Exception, match=r"line|checksum"):
        converse(ask(command(0x01), 4), babble)
    assert read < 10 * PATIENCE


def test_the_answer_to_another_command_is_none() -> None:
    def perform(step: Step) -> bytes:
        return (checked(b"\x16\x05\x02\0\0\0\0") * 9)[: step.count] if isinstance(step, Read) else b""

    with pytest.raises(FramingError):
        converse(ask(command(0x01), 4), perform)
