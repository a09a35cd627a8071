"""RS485 wind vanes: each maker's map, a mark that does not point north, and what no vane can say."""

from __future__ import annotations

import pytest

from drivers.driver import SerialLine
from drivers.errors import WrongChip
from drivers.reading import Quantity
from drivers.wind_direction_rs485 import PROFILES, WindDirectionRS485
from simulators.chips.wind_direction_rs485 import WindDirectionRS485 as Vane
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

STEPS = {"sen0482": 0.1, "renke": 1.0, "sen0657": 45.0}


def bench(profile: str = "sen0482") -> SerialBench:
    clock = VirtualClock()
    chip = Vane(clock.boot_us)
    chip.profile, chip.unit = profile, PROFILES[profile].unit
    return SerialBench(chip, clock)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_reads_its_maker(profile: str) -> None:
    street, driver = bench(profile), WindDirectionRS485(profile=profile)
    for tenth in range(0, 3600, 37):
        street.feel({Quantity.WIND_DIRECTION: tenth / 10})
        off = abs(street.ask(driver)["wind_direction"] - tenth / 10)
        assert min(off, 360 - off) <= STEPS[profile] / 2 + 1e-6


def test_a_mark_turned_to_the_east() -> None:
    street = bench()
    street.feel({Quantity.WIND_DIRECTION: 300.0})
    assert street.ask(WindDirectionRS485(north=90.0)) == {"wind_direction": 30.0}
    assert street.ask(WindDirectionRS485(north=-90.0)) == {"wind_direction": 210.0}


@pytest.mark.parametrize(
    ("profile", "words", "ok"),
    [
        ("sen0482", "0e10 0000", True), ("sen0482", "0e11 0000", False), ("sen0482", "0000 0010", False),
        ("renke", "0007 0168", True), ("renke", "0008 0000", False), ("renke", "0000 0169", False),
        ("sen0657", "0007", True), ("sen0657", "0008", False), ("sen0657", "ffff", False),
    ],
)  # fmt: skip
def test_what_no_vane_can_say_is_no_direction(profile: str, words: str, ok: bool) -> None:
    street, driver = bench(profile), WindDirectionRS485(profile=profile)
    held = dict(enumerate((int(word, 16) for word in words.split()), driver.profile.address))
    street.chip.holdings = lambda: held  # type: ignore[attr-defined]
    if ok:
        assert 0 <= street.ask(driver)["wind_direction"] <= 360
        return
    with pytest.raises(WrongChip, match=words.split()[0].upper()):
        street.ask(driver)


def test_lines_probe_and_claims() -> None:
    assert WindDirectionRS485().line == SerialLine(9600)
    assert WindDirectionRS485(profile="renke").line == SerialLine(4800)
    assert WindDirectionRS485().claims == ("wind direction of unit 2",)
    street = bench()
    assert converse(WindDirectionRS485().probe(), serial_steps(street.port, street.clock.advance))
    assert not converse(WindDirectionRS485(unit=5).probe(), serial_steps(street.port, street.clock.advance))
