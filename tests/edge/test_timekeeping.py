"""Who is believed about the time: never a source from before the floor, never a worse one than there is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events import ClockTold
from edge.floor import WANDER_PPM
from edge.timekeeping import HEARD_MS, best, offset
from edge.wire.clocks import ClockQuality, credible
from edge.wire.messages import ClockRecord, from_json
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from tests.edge.pole import Pole

NOW_MS = 10**8
TOLD = st.builds(
    ClockTold, st.sampled_from("abcd"), st.integers(0, NOW_MS), st.integers(0, 4 * 10**12),
    st.integers(0, 5_000), st.sampled_from(["gps", "rtc"]),
)  # fmt: skip


@given(st.lists(TOLD, max_size=8))
def test_the_best_is_no_worse_than_any(told: list[ClockTold]) -> None:
    chosen = best(told, NOW_MS, BUILT_MS)
    sane = [one for one in told if credible(one.unix_ms - one.at_ms + NOW_MS)]
    assert (chosen is None) == (not sane)
    if chosen is None:
        return
    gps = [one for one in sane if one.kind == "gps" and NOW_MS - one.at_ms <= HEARD_MS]
    assert not gps or chosen.kind == "gps"
    for one in gps or sane:
        assert chosen.uncertainty_ms <= offset(one, NOW_MS).uncertainty_ms
    assert NOW_MS + chosen.offset_ms >= BUILT_MS


def test_a_receiver_that_has_long_been_silent_does_not_outrank_a_clock_chip() -> None:
    gps = ClockTold("gps", 0, 1_800_000_000_000, 1_000, "gps")
    chip = ClockTold("chip", 30 * 86_400_000, 1_800_000_000_000 + 30 * 86_400_000 - 200_000, 2_000, "rtc")
    for now_ms, wanted in ((HEARD_MS, "gps"), (chip.at_ms, "chip")):
        chosen = best([gps, chip], now_ms, BUILT_MS)
        assert chosen is not None and chosen.sensor == wanted


@given(TOLD, st.integers(0, 10**7))
def test_a_word_grows_old(told: ClockTold, later_ms: int) -> None:
    young, old = offset(told, told.at_ms), offset(told, told.at_ms + later_ms)
    assert young.uncertainty_ms == told.uncertainty_ms
    assert old.uncertainty_ms - young.uncertainty_ms == later_ms * WANDER_PPM // 1_000_000
    assert young.offset_ms == old.offset_ms == told.unix_ms - told.at_ms


def clock_records(pole: Pole) -> list[ClockRecord]:
    found = [record.body for _, record in sorted(pole.office.records.items()) if record.kind == RecordKind.CLOCK]
    return [from_json(ClockRecord, body) for body in found]


def clocks(pole: Pole) -> list[dict[str, Any]]:
    told: Any = pole.ask({"ask": "status"})[0]["clocks"]
    return list(told)


@pytest.mark.parametrize("kind", ["gps", "rtc"])
def test_a_node_whose_kernel_knows_nothing_believes_its_clock_chip(kind: str) -> None:
    pole = Pole(clock=VirtualClock(50_000_000, 0, believed=ClockQuality.UNKNOWN))
    pole.live(3)
    assert pole.health()["clock"].state.value == "unknown"
    unix_ms = 1_767_225_600_000 + pole.clock.boot_ms()
    pole.agent.inbox.put(ClockTold("watch", pole.clock.boot_ms(), unix_ms, 500, kind))
    pole.live(3)
    record = clock_records(pole)[-1]
    assert (record.offset_ms, record.quality) == (1_767_225_600_000, ClockQuality.HOLDOVER)
    assert pole.health()["clock"].reason == "The clock is holdover, within 500 ms, by watch."
    (row,) = clocks(pole)
    assert (row["sensor"], row["kind"], row["unix_ms"], row["uncertainty_ms"]) == ("watch", kind, unix_ms, 500)
    assert row["age_ms"] == 3_000


def test_a_synchronised_kernel_wins_and_a_chip_with_an_empty_battery_is_not_believed() -> None:
    for believed, unix_ms in ((ClockQuality.SYNCED, 1_800_000_000_000), (ClockQuality.UNKNOWN, 946_684_800_000)):
        pole = Pole(clock=VirtualClock(50_000_000, believed=believed))
        pole.agent.inbox.put(ClockTold("watch", pole.clock.boot_ms(), unix_ms, 500, "rtc"))
        pole.live(3)
        record = clock_records(pole)[-1]
        assert (record.offset_ms, record.quality) == (pole.clock.start_wall_ms, believed)


def test_the_newest_word_of_each_is_kept() -> None:
    pole = Pole()
    for second in range(5):
        pole.clock.advance(1)
        told = ClockTold("watch", pole.clock.boot_ms(), 1_800_000_000_000 + second, 1, "gps")
        pole.agent.inbox.put(told)
        pole.settle()
    (row,) = (row for row in clocks(pole) if row["sensor"] == "watch")
    assert row["unix_ms"] == 1_800_000_000_004
