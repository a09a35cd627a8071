"""The referee is itself on trial: whoever deviates is caught, however he does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusFault, DriverError, Nack, NoAnswer
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from simulators.transcript import Deviation, Transcript, follow, script, show

SCRIPT = """
# a device that never was
w 2400
p 16          # it thinks
r 0102 03
x d0 60
w 3093 !nack
"""
RIGHT: list[Step] = [Write(b"\x24\x00"), Pause(0.016), Read(3), WriteRead(b"\xd0", 1), Write(b"\x30\x93")]


def saying(steps: list[Step], swallow: bool = True) -> Talk[list[bytes]]:
    heard = []
    for step in steps:
        try:
            heard.append((yield step))
        except DriverError:
            if not swallow:
                raise
    return heard


def test_the_right_conversation() -> None:
    assert follow(saying(RIGHT), SCRIPT) == [b"", b"", b"\x01\x02\x03", b"\x60"]


@pytest.mark.parametrize("left_out", range(5))
def test_a_step_left_out(left_out: int) -> None:
    with pytest.raises(Deviation):
        follow(saying(RIGHT[:left_out] + RIGHT[left_out + 1 :]), SCRIPT)


@pytest.mark.parametrize("doubled", range(5))
def test_a_step_too_many(doubled: int) -> None:
    with pytest.raises(Deviation):
        follow(saying(RIGHT[: doubled + 1] + RIGHT[doubled:]), SCRIPT)


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        (0, Write(b"\x24\x01")), (0, Write(b"\x24")), (0, WriteRead(b"\x24\x00", 3)), (0, Pause(0.016)),
        (1, Pause(0.015)), (1, Pause(0.0)), (2, Read(2)), (2, Read(4)), (3, WriteRead(b"\xd0", 2)),
        (3, WriteRead(b"\xd1", 1)), (4, Write(b"")),
    ],
)  # fmt: skip
def test_another_step(at: int, wrong: Step) -> None:
    with pytest.raises(Deviation, match=f"step {at + 1}"):
        follow(saying([*RIGHT[:at], wrong, *RIGHT[at + 1 :]]), SCRIPT)


def test_a_talk_that_ends_early_names_what_is_left() -> None:
    with pytest.raises(Deviation, match="d0"):
        follow(saying(RIGHT[:3]), SCRIPT)


def test_a_talk_that_fails_early_is_still_held_to_the_end() -> None:
    with pytest.raises(Deviation):
        follow(saying([Write(b"\x30\x93"), *RIGHT], swallow=False), "w 3093 !nack\n" + SCRIPT)


def test_failures_are_thrown_in_where_they_stand() -> None:
    for word, kind in (("!nack", Nack), ("!bus", BusFault), ("!timeout", NoAnswer)):
        with pytest.raises(kind):
            follow(saying([Read(2)], swallow=False), f"r 0000 {word}")


def test_a_deviation_cannot_be_swallowed() -> None:
    def deaf() -> Talk[None]:
        try:
            yield Write(b"\x00")
        except Exception:
            return

    with pytest.raises(Deviation):
        follow(deaf(), "w 01")
    referee = Transcript(script("w 01"))
    with pytest.raises(Deviation):
        referee.perform(Write(b"\x00"))
    assert referee.perform(Write(b"\x01")) == b""
    with pytest.raises(Deviation):
        referee.finish()


@pytest.mark.parametrize("line", ["q 00", "w zz", "p", "p soon", "x", "r 0", "w 00 !maybe"])
def test_a_script_that_cannot_be_read_names_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        script("w 00\n" + line)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=8), st.sampled_from("wrx"), st.integers(1, 500)), min_size=1))
def test_what_is_written_is_what_is_held(lines: list[tuple[bytes, str, int]]) -> None:
    text, steps = "", list[Step]()
    for data, kind, ms in lines:
        if kind == "w":
            text, step = text + f"w {data.hex(' ')}\np {ms}\n", Write(data)
            steps += [step, Pause(ms / 1_000)]
        elif kind == "r":
            text += f"r {data.hex()}\n"
            steps.append(Read(len(data)))
        else:
            text += f"x d0 {data.hex()}\n"
            steps.append(WriteRead(b"\xd0", len(data)))
    follow(saying(steps), text)
    with pytest.raises(Deviation):
        follow(saying(steps[:-1]), text)
    assert all(show(step) for step in steps)
