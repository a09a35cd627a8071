"""Lines of text: whole ones only, whatever the cuts, and none from the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import NotMeasured
from drivers.reading import Quantity, Reading
from drivers.textline import TextDriver, number
from tests.drivers.streams import cut


class Plain(TextDriver):
    """Keeps the lines."""

    name = "plain"

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line_said(self, line: str) -> list[Reading] | None:
        self.lines.append(line)
        return [Reading(Quantity.DISTANCE, 1.0)]


def lines(*pieces: bytes) -> list[str]:
    driver = Plain()
    for piece in pieces:
        driver.feed(piece)
    return driver.lines


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"3.4\r\n123.4\r\n", ["123.4"]), (b"\n123.4", []), (b"\n1\n\n\n2\r", ["1", "2"]), (b"\r1\r2\r", ["1", "2"]),
        (b"\n  1  \n", ["1"]), (b"\n\xff1\n2\n", ["2"]), (b"\n1\x002\n3\n", ["3"]),
        (b"\n" + b"9" * 512 + b"\n7\n", ["7"]), (b"\n" + b"9" * 511 + b"\n7\n", ["7"]),
        (b"\n1\n" + b"9" * 511 + b"\n7\n", ["1", "7"]),
        (b"\n" + b"9" * 510 + b"\n7\n", ["9" * 510, "7"]),
    ],
)  # fmt: skip
def test_lines(stream: bytes, found: list[str]) -> None:
    assert lines(stream) == found


@given(st.lists(st.sampled_from([b"1.5", b"\r\n", b"\n", b"\r", b"x" * 255, b"\xff", b" "]), max_size=30),
       st.lists(st.integers(0, 3000), max_size=10))  # fmt: skip
def test_cuts_change_nothing(parts: list[bytes], places: list[int]) -> None:
    whole = b"".join(parts)
    assert lines(whole) == lines(*cut(whole, places))


def test_a_line_that_silence_cut_is_not_put_together() -> None:
    driver = Plain()
    driver.feed(b"\n12")
    assert driver.flush() == []
    assert driver.errors == {"truncated": 1}
    driver.feed(b"34\n56\n")
    assert driver.lines == ["56"]


def test_silence_between_lines_costs_nothing() -> None:
    driver = Plain()
    for _ in range(3):
        driver.feed(b"\r\n12\r\n")
        driver.flush()
    assert driver.lines == ["12"] * 3
    assert not driver.errors


@pytest.mark.parametrize("text", ["1", "-1.5", "+0.25", "1.", ".5", "1e3", "-2.5E-3"])
def test_numbers(text: str) -> None:
    assert number(text) == float(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_0", "0x1", "1,5", "1.5mm", "--1", "1e999", "9" * 40, "None"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(NotMeasured):
        number(text)
