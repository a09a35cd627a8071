"""A port that can not be opened is tried again after 1, 2, 4 and then every 5 seconds, and not between."""

from __future__ import annotations

import pytest

from drivers.errors import BusFault
from edge.runners.door import LONGEST_SHUT_MS, Door


class Adapter:
    """A USB adapter: pulled, or there."""

    def __init__(self) -> None:
        self.there = False
        self.tries = self.closed = 0

    def open(self) -> Adapter:
        self.tries += 1
        if not self.there:
            raise BusFault("no such device")
        return self

    def close(self) -> None:
        self.closed += 1
        raise OSError("a dying port may say anything")


def tried(door: Door[Adapter], adapter: Adapter, until_ms: int, knocks: bool = False) -> list[int]:
    """When the adapter was asked for, somebody wanting to enter every 100 ms."""
    times = []
    for now_ms in range(0, until_ms, 100):
        before = adapter.tries
        if knocks and door.shut:
            assert not door.knock(now_ms)
        else:
            with pytest.raises(BusFault, match="no such device"):
                door.enter(now_ms)
        times += [now_ms] * (adapter.tries - before)
    return times


@pytest.mark.parametrize("rests", [False, True])
@pytest.mark.parametrize("knocks", [False, True])
def test_it_stays_shut_between_its_tries(rests: bool, knocks: bool) -> None:
    adapter = Adapter()
    door = Door(adapter.open, rests)
    assert (door.shut, door.knock(0)) == (False, False), "nobody has tried yet"
    assert tried(door, adapter, 20_000, knocks) == [0, 1_000, 3_000, 7_000, 12_000, 17_000]
    assert (door.shut, door.why, door.retry_ms) == (True, "no such device", 17_000 + LONGEST_SHUT_MS)


def test_it_opens_when_its_time_has_come() -> None:
    adapter = Adapter()
    door = Door(adapter.open, rests=False)
    with pytest.raises(BusFault):
        door.enter(0)
    adapter.there = True
    with pytest.raises(BusFault):
        door.enter(999)
    assert not door.knock(999) and door.knock(1_000) and not door.shut
    assert door.enter(1_001) is adapter and adapter.tries == 2
    assert not door.knock(1_002), "it is open"


@pytest.mark.parametrize("rests", [False, True])
def test_a_port_that_breaks_is_opened_anew_after_a_rest_if_it_is_one_devices_own(rests: bool) -> None:
    adapter = Adapter()
    adapter.there = True
    door = Door(adapter.open, rests)
    door.enter(0)
    door.slam(5_000, "pulled")
    assert adapter.closed == 1 and door.shut is rests
    if rests:
        with pytest.raises(BusFault, match="pulled"):
            door.enter(5_999)
    assert door.enter(6_000) is adapter and adapter.tries == 2
    door.slam(7_000, "pulled")
    assert door.retry_ms == (9_000 if rests else 0), "what opens and breaks again rests longer"
    door.enter(9_000)
    door.proven()
    door.slam(10_000, "pulled")
    assert door.retry_ms == (11_000 if rests else 0)
