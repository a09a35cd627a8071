"""The Rainbow is held to what Lantaarn demands of its own; `pytest --lantaarn-bus /dev/i2c-1` reads a real one."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.catalog import driver
from drivers.driver import I2CDriver
from drivers.errors import WrongChip
from simulators.device import Device
from simulators.i2c import SimulatedI2C
from simulators.proof import Proof


class TestRainbow(Proof):
    """Sweep, faults, transcripts."""

    driver = "rainbow"
    transcripts = "rainbow*.transcript"


def test_the_offset_is_added(device: Callable[..., Device]) -> None:
    one = device("rainbow", offset=1.5)
    plain = device("rainbow")
    assert one.values()["temperature"] - plain.values()["temperature"] == pytest.approx(1.5, abs=0.5)


def test_another_chip_at_the_address(
    simulated_i2c: Callable[..., SimulatedI2C], simulated_only: None, device: Callable[..., Device]
) -> None:
    one = device("rainbow")
    assert one.chip is not None
    one.chip.faults.wrong_chip_id = 0x42
    with pytest.raises(WrongChip, match="42"):
        one.set_up()
    bus = simulated_i2c("rainbow", {0x44: "sht31"})
    assert bus.transfer(0x2A, b"\x0f", 1) == b"\x52"


def test_a_talk_as_it_is_written(follow: Callable[..., Any]) -> None:
    rainbow = driver("rainbow")()
    assert isinstance(rainbow, I2CDriver)
    assert follow(rainbow.probe(), "x 0f 52") is True
    assert follow(rainbow.probe(), "x 0f 53") is False
    assert follow(rainbow.probe(), "x 0f 00 !nack") is False
