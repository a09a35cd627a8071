"""Faults are read as people write them, and refused in words."""

from __future__ import annotations

import pytest

from simulators.script import Mishap, mishap, timetable


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("broker-kill@20s", Mishap(20_000, "broker-kill", "", 10_000)),
        ("node-kill@1m", Mishap(60_000, "node-kill", "", 3_000)),
        ("node-kill:pole-003@30s+500ms", Mishap(30_000, "node-kill", "pole-003", 500)),
    ],
)
def test_a_fault_is_read(text: str, read: Mishap) -> None:
    assert mishap(text) == read


@pytest.mark.parametrize("text", ["", "broker-kill", "broker@20s", "broker-kill@soon", "broker-kill:x@2s", "x@@"])
def test_what_is_no_fault_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|duration|only"):
        mishap(text)


def test_nodes_are_taken_in_turn_and_names_are_kept() -> None:
    nodes = ["pole-001", "pole-002"]
    plan = timetable([mishap("node-kill@9s"), mishap("broker-kill@1s"), mishap("node-kill:pole-002@3s")], nodes)
    assert [each.target for each in plan] == ["", "pole-002", "pole-001"]
    assert [each.at_ms for each in plan] == [1_000, 3_000, 9_000]
    with pytest.raises(ValueError, match="pole-009"):
        timetable([mishap("node-kill:pole-009@3s")], nodes)
