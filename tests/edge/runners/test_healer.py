"""When a stuck bus is freed: not for one fault, not for ever, and soon again once it had helped."""

from __future__ import annotations

from itertools import pairwise

from edge.runners.healer import FAULTS, FIRST_MS, LONGEST_MS, Healer


def freed(healer: Healer, address: int, now_ms: int) -> bool:
    """Whether as many faults in a row as it takes lead to it."""
    return any(healer.faulted(address, now_ms) for _ in range(FAULTS))


def test_one_fault_or_two_are_no_reason() -> None:
    healer = Healer("i2c-1")
    assert [healer.faulted(1, 0) for _ in range(3)] == [False, False, True]
    healer = Healer("i2c-1")
    for _ in range(20):
        assert not healer.faulted(1, 0) and not healer.faulted(1, 0)
        healer.works(2)


def test_while_it_does_not_help_it_is_tried_ever_more_seldom() -> None:
    healer, tried = Healer("i2c-1"), list[int]()
    for now_ms in range(0, 3_600_000, 500):
        healer.works(2)  # a neighbour may still be reached now and then
        if freed(healer, 1, now_ms):
            tried.append(now_ms)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits[:4] == [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS, 8 * FIRST_MS]
    assert waits == sorted(waits) and waits[-1] == LONGEST_MS


def test_once_it_has_helped_it_is_tried_as_soon_as_at_first() -> None:
    healer = Healer("i2c-1")
    tried = [now_ms for now_ms in range(0, 60_000, 500) if freed(healer, 1, now_ms)]
    assert len(tried) == 4
    healer.works(1)
    tried = [now_ms for now_ms in range(100_000, 160_000, 500) if freed(healer, 1, now_ms)]
    assert tried[:2] == [100_000, 100_000 + FIRST_MS]
