"""RS485 anemometers: each maker's map, and what a wrong one does."""

from __future__ import annotations

import pytest

from drivers.driver import SerialLine
from drivers.errors import WrongChip
from drivers.reading import Quantity
from drivers.wind_speed_rs485 import PROFILES, WindSpeedRS485
from simulators.chips.wind_speed_rs485 import WindSpeedRS485 as Cups
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench


def bench(profile: str = "adtek") -> SerialBench:
    clock = VirtualClock()
    chip = Cups(clock.boot_us)
    chip.profile = profile
    return SerialBench(chip, clock)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_reads_its_maker(profile: str) -> None:
    street, driver = bench(profile), WindSpeedRS485(profile=profile)
    for speed in (0.0, 0.1, 2.5, 33.3, 60.0):
        street.feel({Quantity.WIND_SPEED: speed})
        assert street.ask(driver) == {"wind_speed": pytest.approx(speed)}


@pytest.mark.parametrize(
    ("profile", "baud", "decimals"), [("adtek", 4800, 1), ("hundred", 9600, 2), ("sen0657", 4800, 1)]
)
def test_a_profile_brings_its_line_and_its_resolution(profile: str, baud: int, decimals: int) -> None:
    driver = WindSpeedRS485(profile=profile)
    assert (driver.line, driver.decimals) == (SerialLine(baud), {Quantity.WIND_SPEED: decimals})
    assert WindSpeedRS485(profile=profile, baud=19200, unit=9, parity="E").line == SerialLine(19200, 8, "E")


def test_a_map_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(WrongChip):
        bench("adtek").ask(WindSpeedRS485(profile="sen0657"))
    with pytest.raises(ValueError, match="profile"):
        WindSpeedRS485(profile="acme")


def test_probe_and_claims() -> None:
    street = bench()
    assert converse(WindSpeedRS485().probe(), serial_steps(street.port, street.clock.advance))
    street.chip.faults.unplug = False
    assert not converse(WindSpeedRS485(unit=3).probe(), serial_steps(street.port, street.clock.advance))
    assert WindSpeedRS485(unit=3).claims == ("wind speed of unit 3",)
