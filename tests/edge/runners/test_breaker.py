"""Soon after, cheaply meanwhile: whatever fault ends is over within ten seconds, and neighbours hardly notice it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import BusFault, Nack, NotReady
from drivers.reading import Reading
from drivers.talk import Read, Talk
from edge.events import Happened
from edge.runners.breaker import LONGEST_REST_MS, OPENS_AFTER, SHARE, Breaker
from edge.runners.seat import Seat
from edge.runners.talks import I2CRunner
from simulators.chips.sht31 import SHT31 as Chip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.edge.runners.hands import Bus, Plain, Says, drive, failed, one, sampled, stamps


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=30))
def test_it_waits_longer_for_what_costs_more_and_never_too_long(costs: list[int]) -> None:
    breaker = Breaker()
    for number, cost in enumerate(costs, 1):
        breaker.trying()
        wait = breaker.failed(cost)
        assert 1_000 <= wait <= LONGEST_REST_MS
        assert breaker.state == ("open" if number >= OPENS_AFTER else "closed")
        assert number < OPENS_AFTER or wait >= min(SHARE * cost, LONGEST_REST_MS)
    breaker.trying()
    assert breaker.state == ("half-open" if len(costs) >= OPENS_AFTER else "closed")
    breaker.proven()
    assert (breaker.state, breaker.failed()) == ("closed", 1_000)


@settings(max_examples=40)
@given(st.sampled_from([Nack("n"), BusFault("b")]), st.integers(1, 400), st.sampled_from([1_000, 10_000, 60_000]))
def test_whatever_fault_ends_is_over_within_ten_seconds(error: Exception, ill_s: int, interval_ms: int) -> None:
    clock, ill = VirtualClock(), True

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if ill:
            raise error
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat(name, Plain(), interval_ms, n) for n, name in enumerate("abc")])
    drive(runner, clock, ill_s)
    ended_ms, ill = clock.boot_ms(), False
    events = drive(runner, clock, ill_s + 10)
    for name in "abc":
        assert ended_ms <= stamps(events, name)[0] <= ended_ms + 9_500


@pytest.mark.parametrize("hangs_s", [0.0, 0.1, 1.0])
def test_a_dead_chip_costs_its_neighbour_little(hangs_s: float) -> None:
    """Its every transfer hangs, as the kernel lets it; the neighbour wants to be read each second."""
    clock = VirtualClock()

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if address == 1:
            clock.advance(hangs_s)
            raise BusFault("the transfer hung")
        clock.advance(0.001)
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat("dead", Plain(), 1_000, 1), Seat("well", Plain(), 1_000, 2)])
    drive(runner, clock, 60)
    events = drive(runner, clock, 660)
    assert len(stamps(events, "well")) >= 600 * (0.88 if hangs_s == 1 else 0.99)
    assert max(q - p for p, q in pairwise(stamps(events, "well"))) <= 2_000
    told = failed(events, "dead")
    assert all(q.at_ms - p.at_ms >= 1_000 for p, q in pairwise(told))


def test_many_dead_chips_leave_half_of_the_bus() -> None:
    clock = VirtualClock()

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if address < 8:
            clock.advance(1.0)
            raise BusFault("the transfer hung")
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat(str(n), Plain(), 1_000, n) for n in range(1, 9)])
    drive(runner, clock, 100)
    assert len(stamps(drive(runner, clock, 700), "8")) >= 290


def test_a_bus_that_comes_back_rouses_all_who_hung_on_it() -> None:
    clock, stuck = VirtualClock(), True

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if stuck:
            clock.advance(1.0)
            raise BusFault("the bus is stuck")
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat(str(n), Plain(), 60_000, n) for n in range(8)])
    drive(runner, clock, 200)
    ended_ms, stuck = clock.boot_ms(), False
    events = drive(runner, clock, 215)
    first = sorted(stamps(events, str(n))[0] for n in range(8))
    assert first[-1] <= ended_ms + 10_000
    assert first[-1] <= first[0] + 100, "the first who is read again rouses the others"


def test_a_driver_that_fights_a_stuck_bus_is_stopped() -> None:
    def fights() -> Talk[list[Reading]]:
        while True:
            try:
                yield Read(1)
                return one()
            except BusFault:
                continue

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if count:
            raise BusFault("stuck")
        return b""

    bus = Bus(behave)
    runner = I2CRunner(bus.open, [Seat("a", Says(fights), 10_000, 1)])
    assert {event.cause for event in failed(drive(runner, VirtualClock(), 1))} == {"bus"}
    assert len([count for _, _, count in bus.heard if count]) <= 2 * 3


@pytest.mark.parametrize("first_s", [0.0, 5.0, 40.0])
def test_a_device_that_needs_long_for_its_first_measurement_gets_there(first_s: float) -> None:
    """Each setup begins it anew, and it is "not ready" until it has had its time."""
    clock, since = VirtualClock(), [0]

    class Slow(Plain):
        def setup(self) -> Talk[None]:
            since[0] = clock.now_us
            yield Read(1)

        def read(self) -> Talk[list[Reading]]:
            yield Read(1)
            if clock.now_us - since[0] < first_s * 1e6:
                raise NotReady("not yet")
            return one()

    events = drive(I2CRunner(Bus().open, [Seat("a", Slow(), 10_000, 1)]), clock, 200)
    assert stamps(events)[0] <= 3_000 * first_s


def test_a_chip_that_holds_the_data_line_is_clocked_free() -> None:
    from drivers.sht31 import SHT31

    clock = VirtualClock()
    chips = {address: Chip(clock.boot_us) for address in (0x44, 0x45)}
    bus = SimulatedI2C(chips)
    runner = I2CRunner(lambda: bus, [Seat(hex(a), SHT31(), 10_000, a) for a in chips], "/dev/i2c-1")
    drive(runner, clock, 20)
    chips[0x44].faults.sda_stuck = True
    events = drive(runner, clock, 40)
    assert not chips[0x44].faults.sda_stuck
    assert all(len(stamps(events, name)) >= 2 for name in ("0x44", "0x45"))
    told = [event for event in events if isinstance(event, Happened)]
    assert [event.details for event in told] == [
        {"bus": "/dev/i2c-1", "outcome": "freed after 9 clocks and a STOP"}
    ]  # fmt: skip
    assert sum(count.get("recoveries", 0) for count in runner.counters().values()) == 1


def test_a_short_circuit_is_told_once_and_tried_ever_more_seldom() -> None:
    from drivers.sht31 import SHT31

    clock = VirtualClock()
    chip = Chip(clock.boot_us)
    chip.faults.sda_stuck, chip.faults.sda_clocks = True, 1_000
    runner = I2CRunner(lambda: SimulatedI2C({0x44: chip}), [Seat("a", SHT31(), 10_000, 0x44)])
    events = drive(runner, clock, 3_600)
    told = [event for event in events if isinstance(event, Happened)]
    assert 1 <= len(told) <= 7
    assert {event.details["outcome"] for event in told} == {"not freed: the data line is held low after 9 clocks"}
    assert 5 <= runner.counters()["a"]["recoveries"] <= 20
    chip.faults.sda_stuck = False
    assert sampled(drive(runner, clock, 3_610))
