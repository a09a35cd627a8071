"""The nine clocks: on chips that hang at every bit, on shorts, and in the right order around the adapter."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.errors import BusFault
from edge.buses.i2c import LinuxI2C
from edge.buses.recovery import BINDS, CLOCKS, free, recover
from edge.wiring import BusPlan

PLAN = BusPlan("/dev/i2c-1", scl_pin=3, sda_pin=2, adapter="fe804000.i2c")


@dataclass
class Hanging:
    """A chip that holds its bit until it got so many clocks, or one of the lines for ever. Notes the whole traffic."""

    bits: int = 0
    scl_held: bool = False
    sda_held: bool = False
    holds_again: bool = False
    traffic: list[tuple[int, int]] = field(default_factory=list)  # (scl, sda) as the wires are at each half period
    _scl: int = 1
    _sda: int = 1

    def put_scl(self, level: int) -> None:
        if level > self._scl and self.bits:
            self.bits -= 1
        self._scl = level

    def put_sda(self, level: int) -> None:
        self._sda = level
        if level == 0 and self.holds_again:
            self.sda_held = True

    def scl(self) -> int:
        return 0 if self.scl_held else self._scl

    def sda(self) -> int:
        return 0 if self.sda_held or self.bits else self._sda

    def half_period(self) -> None:
        self.traffic.append((self.scl(), self.sda()))


def conditions(traffic: list[tuple[int, int]]) -> list[str]:
    """START and STOP, as any chip on the bus sees them: the data line moves while the clock is high."""
    seen = []
    for (before, was), (after, now) in pairwise(traffic):
        if before and after and was != now:
            seen.append("STOP" if now else "START")
    return seen


@pytest.mark.parametrize("bits", range(CLOCKS + 1))
def test_a_chip_that_hangs_at_any_bit_lets_go_and_sees_a_stop(bits: int) -> None:
    wires = Hanging(bits)
    outcome = free(wires)
    assert outcome.startswith(f"freed after {bits} clock")
    assert wires.traffic[-1] == (1, 1)
    assert conditions(wires.traffic)[-1] == "STOP"
    assert "START" not in conditions(wires.traffic)


@pytest.mark.parametrize("bits", [CLOCKS + 1, 1_000])
def test_nine_clocks_and_no_more(bits: int) -> None:
    wires = Hanging(bits)
    assert free(wires) == "not freed: the data line is held low after 9 clocks"
    assert bits - wires.bits == CLOCKS
    assert not conditions(wires.traffic)


def test_what_clocks_can_not_help() -> None:
    assert free(Hanging(scl_held=True)) == "not freed: the clock line is held low"
    assert free(Hanging(sda_held=True)).startswith("not freed: the data line")
    assert free(Hanging(holds_again=True)) == "not freed: a line is held low again after the STOP"


def adapter(root: Path) -> Path:
    """The files of a kernel with one adapter, bound to its driver."""
    driver = root / "sys/bus/platform/drivers/i2c-bcm2835"
    device = root / "sys/bus/platform/devices/fe804000.i2c"
    driver.mkdir(parents=True)
    device.mkdir(parents=True)
    (device / "driver").symlink_to(driver)
    (root / "dev").mkdir()
    return driver


def test_the_adapter_is_unbound_for_the_clocks_and_bound_again(tmp_path: Path) -> None:
    driver, pauses = adapter(tmp_path), list[float]()

    def clocks() -> str:
        assert (driver / "unbind").read_text() == "fe804000.i2c"
        assert not (driver / "bind").exists()
        return "freed"

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        (tmp_path / "dev/i2c-1").touch()

    assert recover(PLAN, pause, tmp_path, clocks) == "freed"
    assert (driver / "bind").read_text() == "fe804000.i2c"
    assert len(pauses) == 1, "it waits until the bus is there again, and no longer"


def test_the_adapter_is_bound_again_whatever_happens(tmp_path: Path) -> None:
    driver = adapter(tmp_path)

    def broken() -> str:
        raise OSError("busy")

    with pytest.raises(OSError, match="busy"):
        recover(PLAN, lambda _: None, tmp_path, broken)
    assert (driver / "bind").read_text() == "fe804000.i2c"


def test_an_adapter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match="no driver has the adapter fe804000"):
        recover(PLAN, lambda _: None, tmp_path, lambda: "freed")


def test_a_bus_that_never_comes_back_is_not_waited_for_without_end(tmp_path: Path) -> None:
    adapter(tmp_path)
    pauses: list[float] = []
    recover(PLAN, pauses.append, tmp_path, lambda: "freed")
    assert sum(pauses) <= 2.1


def test_without_pins_nothing_is_done(tmp_path: Path) -> None:
    assert recover(BusPlan("/dev/i2c-1"), lambda _: None, tmp_path, lambda: "freed") == ""
    assert "recover" in dir(LinuxI2C)


@pytest.mark.parametrize(("refusals", "bound"), [(1, True), (BINDS - 1, True), (BINDS, False)])
def test_a_kernel_that_refuses_to_bind_is_asked_a_few_times(tmp_path: Path, refusals: int, bound: bool) -> None:
    driver, pauses = adapter(tmp_path), list[float]()
    (driver / "bind").mkdir()  # what is written to a folder is refused

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == refusals:
            (driver / "bind").rmdir()
            (tmp_path / "dev/i2c-1").touch()

    if bound:
        assert recover(PLAN, pause, tmp_path, lambda: "freed") == "freed"
        assert (driver / "bind").read_text() == "fe804000.i2c"
    else:
        with pytest.raises(OSError):
            recover(PLAN, pause, tmp_path, lambda: "freed")
