"""Segments: each turn sees its own chips only, and leaves the bus as if there were no mux, whatever goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusFault, DriverError, Nack
from edge.shared import SharedBuses
from simulators.chips.chip import I2CChip
from simulators.chips.tca9548a import TCA9548A
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C

BUS = "/dev/i2c-1"
DEEP = f"{BUS}/0x70.3/0x71.0"
PLACES = (BUS, f"{BUS}/0x70.2", f"{BUS}/0x70.3", DEEP, f"{BUS}/0x70.3/0x71.6", f"{BUS}/0x72.2")


class Named(I2CChip):
    """Says its number, at 0x40 or wherever it hangs."""

    name, rests = "named", {}

    def __init__(self, number: int) -> None:
        self.number, self.heard = number, 0
        super().__init__(lambda: 0)

    def written(self, data: bytes) -> None:
        self.heard += 1

    def given(self, count: int) -> bytes:
        return bytes([self.number]) * count


class Pole:
    """Three muxes, one behind another, and a chip with the same address in each place but on the bus itself."""

    def __init__(self, reset_wired: bool = False) -> None:
        clock = VirtualClock(now_us=1_000_000)
        self.muxes = {name: TCA9548A(clock.boot_us) for name in ("0x70", "0x71", "0x72")}
        self.chips = {place: Named(number) for number, place in enumerate(PLACES)}
        near, deep, other = self.muxes.values()
        near.channels[2][0x40] = self.chips[PLACES[1]]
        near.channels[3] |= {0x41: self.chips[PLACES[2]], 0x71: deep}
        deep.channels[0][0x40], deep.channels[6][0x40] = self.chips[DEEP], self.chips[PLACES[4]]
        other.channels[2][0x40] = self.chips[PLACES[5]]
        self.bus = SimulatedI2C({0x44: self.chips[BUS], 0x70: near, 0x72: other}, reset_wired)
        self.open = SharedBuses(lambda path: self.bus)

    def ask(self, place: str) -> int:
        address = {BUS: 0x44, PLACES[2]: 0x41}.get(place, 0x40)
        return self.open(place).transfer(address, b"\x00", 1)[0]

    @property
    def masks(self) -> list[int]:
        return [mux.mask for mux in self.muxes.values()]


@given(st.lists(st.sampled_from(PLACES), max_size=12))
def test_each_place_answers_for_itself_and_nothing_stays_open(asked: list[str]) -> None:
    pole = Pole()
    for place in asked:
        assert pole.ask(place) == pole.chips[place].number
        assert pole.masks == [0, 0, 0]
    assert [chip.heard for chip in pole.chips.values()] == [asked.count(place) for place in PLACES]


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3), st.lists(st.sampled_from(PLACES), min_size=1, max_size=4))
def test_what_others_left_open_is_closed_first(masks: list[int], asked: list[str]) -> None:
    pole = Pole()
    for mux, mask in zip(pole.muxes.values(), masks, strict=True):
        mux.mask = mask
    for place in PLACES:
        pole.open(place)
    pole.ask(DEEP)
    pole.ask(PLACES[5])
    for place in asked:
        assert pole.ask(place) == pole.chips[place].number


class Lossy(SimulatedI2C):
    """Refuses the transfers that it is told to, by their number."""

    def __init__(self, whole: SimulatedI2C, refuse: dict[int, type[DriverError]]) -> None:
        super().__init__(whole.chips, whole.reset_wired)
        self._refuse = refuse

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        if kind := self._refuse.get(self.transfers):
            self.transfers += 1
            raise kind("so it was drawn")
        return super().transfer(address, data, count)


@given(
    st.dictionaries(st.integers(0, 60), st.sampled_from([Nack, BusFault]), max_size=12),
    st.lists(st.sampled_from(PLACES), min_size=1, max_size=12),
)
def test_whatever_breaks_nobody_hears_another(refuse: dict[int, type[DriverError]], asked: list[str]) -> None:
    """An error or the truth; and good again as soon as nothing breaks."""
    pole = Pole()
    pole.bus = Lossy(pole.bus, refuse)
    for place in asked:
        try:
            assert pole.ask(place) == pole.chips[place].number
        except DriverError:
            pass
    refuse.clear()
    for place in PLACES:
        assert pole.ask(place) == pole.chips[place].number
    assert pole.masks == [0, 0, 0]


@pytest.mark.parametrize("place", PLACES[1:])
def test_a_stuck_segment_takes_nobody_along_where_reset_is_wired(place: str) -> None:
    pole = Pole(reset_wired=True)
    pole.ask(place)
    pole.chips[place].faults.sda_stuck = True
    for _ in range(3):
        with pytest.raises(BusFault, match="behind 0x7"):
            pole.ask(place)
        for other in PLACES:
            if other != place and not other.startswith(place):
                assert pole.ask(other) == pole.chips[other].number


def test_without_reset_the_bus_hangs_until_clocks_free_it() -> None:
    pole = Pole()
    pole.ask(DEEP)
    pole.chips[DEEP].faults.sda_stuck = True
    assert pole.ask(BUS) == 0, "stuck, and not connected"
    for place in (DEEP, BUS):
        with pytest.raises(BusFault):
            pole.ask(place)
    assert pole.open.root(BUS).recover_behind(((0x70, 3), (0x71, 0))) == "freed after 9 clocks and a STOP"
    assert [pole.ask(place) for place in PLACES] == list(range(6))


def test_a_mux_that_is_not_there_or_lies() -> None:
    pole = Pole()
    pole.muxes["0x70"].faults.unplug = True
    with pytest.raises(Nack, match="the mux at 0x70"):
        pole.ask(DEEP)
    assert (pole.ask(BUS), pole.ask(PLACES[5])) == (0, 5)
    pole.muxes["0x70"].faults.calm()
    assert pole.ask(DEEP) == 3
    pole.muxes["0x70"].faults.stuck_busy = True
    with pytest.raises(BusFault, match="told 08 and holds 00"):
        pole.ask(DEEP)
    with pytest.raises(BusFault, match="must look like"):
        pole.open(f"{BUS}/0x70.9")


def test_two_open_channels_answer_at_once() -> None:
    """What the mux must prevent: the line has the zeros of both."""
    pole = Pole()
    pole.muxes["0x70"].mask, pole.muxes["0x72"].mask = 0x04, 0x04
    assert pole.bus.transfer(0x40, None, 1) == bytes([1 & 5])
    pole.chips[PLACES[1]].number, pole.chips[PLACES[5]].number = 0b1100, 0b0110
    assert pole.bus.transfer(0x40, b"x", 1) == bytes([0b0100])


def test_somebody_who_speaks_to_a_mux_leaves_no_channel_open_for_others() -> None:
    pole = Pole()
    pole.ask(PLACES[1])
    pole.open(BUS).transfer(0x70, b"\x04", 0)
    with pytest.raises(Nack):
        pole.open(BUS).transfer(0x40, None, 1)
