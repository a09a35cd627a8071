"""Patterns of boards: what they may say, and that no line keeps the agent busy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pattern import LONGEST, compiled


@pytest.mark.parametrize(
    ("pattern", "line", "groups"),
    [
        (r"R(\d+)", "R0123", ("0123",)),
        (r"Range:\s*(\d+\.\d+)\s*mm", "Range:  12.5 mm", ("12.5",)),
        (r"[^0-9]*(\d{1,4})mm", "distance 1234mm", ("1234",)),
        (r"(?P<t>-?\d+),(?:ok|fine)", "-12,fine", ("-12",)),
        (r"\[(\d+)\]", "[7]", ("7",)),
        (r"([+-]\d{3}) C|(\d+) F", "+021 C", ("+021", None)),
        (r"[]a]+(\d)", "a]a1", ("1",)),
        (r"R(\d+)", "xR0123", None),
        (r"R(\d+)", "R0123x", None),
        (r".*(\d+)", "abc12", None),  # takes all and gives nothing back, as the page says
    ],
)
def test_patterns(pattern: str, line: str, groups: tuple[str | None, ...] | None) -> None:
    found = compiled(pattern).fullmatch(line)
    assert (found.groups() if found else None) == groups


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a|a)*b", "(?:a*)*b", "(a)?", "(a){2,}", r"(a)\1", "(?=a)b", "(?!a)b", "(?<=a)b", "(?i)a", "(?P=x)",
        "a**", "a+?", "a*+", "a??", "(a", "a)", "[a", "a{1000}", "*a", r"\A", r"\b", r"\Z", "a|b" * 8,
        "a" * (LONGEST + 1),         "[b-a]", "(?P<x>a)(?P<x>b)", "(?#x)", "^*",
    ],
)  # fmt: skip
def test_what_a_pattern_may_not_hold(pattern: str) -> None:
    with pytest.raises(ValueError):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a*" * 40 + "b", r"\w+\s*" * 20 + "!", "[ab]+" * 30 + "c", "(a*|b*)" * 6 + "c", "a?" * 60 + "b",
     "a{0,500}" * 20 + "b"],
)  # fmt: skip
@pytest.mark.parametrize("line", ["a" * 510, "ab" * 255, "a" * 509 + "c", " " * 510])
def test_patterns_that_would_run_for_ever_do_not(pattern: str, line: str) -> None:
    """Without what `compiled` makes of them, one of these lines takes longer than the test may."""
    compiled(pattern).fullmatch(line)


PIECES = ["a", "b", ".", r"\d", "[ab]", "[^a]", "(", "(?:", ")", "|", "*", "+", "?", "{1,9}", "^", "$", " ", r"\.", "-"]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), st.text("ab1. ", min_size=200, max_size=510))
def test_whatever_a_board_writes_is_refused_or_quick(pattern: str, line: str) -> None:
    try:
        safe = compiled(pattern)
    except ValueError:
        return
    safe.fullmatch(line)


@given(st.text(max_size=60))
def test_any_text_is_refused_or_compiled(pattern: str) -> None:
    try:
        compiled(pattern)
    except ValueError as error:
        assert str(error)
