"""Freeing an I2C bus on which a chip holds the data line low.

A chip that was interrupted while it sent a byte (a reset of the master, a glitch on the clock) holds its bit and waits
for the next clock. The remedy is the bus specification's own: up to nine clocks, until it lets go, then a STOP
(NXP UM10204, 3.1.16). Nothing helps against a short circuit or a chip that holds the clock line; that is told.

`free` is the sequence, over a face of two wires. `KernelWires` performs it through gpiod: the pins must be taken from
the I2C adapter meanwhile, so the adapter is unbound from its driver and bound again after, which also gives the pins
their function back. That needs root (or the right to write the two files), and every program must have closed
`/dev/i2c-N`, or the kernel waits for it. **Unproven without hardware**: what is tested here is the sequence on
simulated wires and the order of what is done to the files; not that a given adapter survives it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from drivers.errors import BusFault
from edge.wiring import BusPlan

if TYPE_CHECKING:
    import gpiod

CLOCKS = 9
HALF_PERIOD_S = 0.000_005  # of 100 kHz, which every chip understands
DRIVERS = Path("sys/bus/platform")
BACK_S, LOOKS = 0.05, 40  # how long a bus may take to be there again
BINDS = 5  # a kernel that has no memory or no clock for the adapter now may have it in a moment


class Wires(Protocol):
    """Two open-drain lines: 0 pulls low, 1 lets go and leaves it to the others."""

    def put_scl(self, level: int) -> None: ...
    def put_sda(self, level: int) -> None: ...
    def scl(self) -> int: ...
    def sda(self) -> int: ...

    def half_period(self) -> None:
        """Wait half a clock."""
        ...


def free(wires: Wires) -> str:
    """Give clocks until the data line is free, then a STOP; what came of it, in a clause."""
    wires.put_sda(1)
    wires.put_scl(1)
    wires.half_period()
    clocks = 0
    while wires.scl() and not wires.sda() and clocks < CLOCKS:
        clocks += 1
        clock(wires)
    if not wires.scl():
        return "not freed: the clock line is held low"
    if not wires.sda():
        return f"not freed: the data line is held low after {CLOCKS} clocks"
    stop(wires)
    if not (wires.scl() and wires.sda()):
        return "not freed: a line is held low again after the STOP"
    return f"freed after {clocks} clock{'' if clocks == 1 else 's'} and a STOP"


def clock(wires: Wires) -> None:
    """One pulse, low and high again."""
    wires.put_scl(0)
    wires.half_period()
    wires.put_scl(1)
    wires.half_period()


def stop(wires: Wires) -> None:
    """Data from low to high while the clock is high; data changes only while the clock is low before that."""
    wires.put_scl(0)
    wires.half_period()
    wires.put_sda(0)
    wires.half_period()
    wires.put_scl(1)
    wires.half_period()
    wires.put_sda(1)
    wires.half_period()


class KernelWires:
    """The lines as open-drain outputs of a GPIO chip."""

    def __init__(self, request: gpiod.LineRequest, scl: int, sda: int, pause: Callable[[float], None]) -> None:
        self._request, self._scl, self._sda, self._pause = request, scl, sda, pause

    def _put(self, pin: int, level: int) -> None:
        from gpiod.line import Value

        self._request.set_value(pin, Value.ACTIVE if level else Value.INACTIVE)

    def put_scl(self, level: int) -> None:
        self._put(self._scl, level)

    def put_sda(self, level: int) -> None:
        self._put(self._sda, level)

    def scl(self) -> int:
        return int(self._request.get_value(self._scl).value)

    def sda(self) -> int:
        return int(self._request.get_value(self._sda).value)

    def half_period(self) -> None:
        self._pause(HALF_PERIOD_S)


def recover(
    plan: BusPlan, pause: Callable[[float], None], root: Path = Path("/"), run: Callable[[], str] | None = None
) -> str:
    """Free this bus, which nobody may have open; `run` stands in for the clocks. Raises BusFault, OSError."""
    if plan.scl_pin is None or plan.sda_pin is None:
        return ""
    clocks = run or (lambda: _clocked(plan, pause))
    if not plan.adapter:
        return clocks()
    files = root / DRIVERS / "devices" / plan.adapter / "driver"
    if not files.exists():
        raise BusFault(f"no driver has the adapter {plan.adapter}: `ls /sys/bus/platform/devices` lists them")
    driver = files.resolve()
    (driver / "unbind").write_text(plan.adapter)
    try:
        outcome = clocks()
    finally:
        _bind(driver, plan.adapter, pause)
    _wait_for(root / plan.name.lstrip("/"), pause)
    return outcome


def _clocked(plan: BusPlan, pause: Callable[[float], None]) -> str:
    import gpiod
    from gpiod.line import Bias, Direction, Drive, Value

    assert plan.scl_pin is not None and plan.sda_pin is not None
    wanted = gpiod.LineSettings(
        direction=Direction.OUTPUT, drive=Drive.OPEN_DRAIN, bias=Bias.PULL_UP, output_value=Value.ACTIVE
    )
    with gpiod.request_lines(plan.gpio_chip, {(plan.scl_pin, plan.sda_pin): wanted}, "lantaarn") as request:
        return free(KernelWires(request, plan.scl_pin, plan.sda_pin, pause))


def pull(chip: str, pin: int, pause: Callable[[float], None]) -> None:
    """Pull a line low for a moment, and let it go: the RESET of muxes (a TCA9548A wants 6 ns). Raises OSError."""
    import gpiod
    from gpiod.line import Direction, Drive, Value

    wanted = gpiod.LineSettings(direction=Direction.OUTPUT, drive=Drive.OPEN_DRAIN, output_value=Value.INACTIVE)
    with gpiod.request_lines(chip, {pin: wanted}, "lantaarn") as request:
        pause(HALF_PERIOD_S)
        request.set_value(pin, Value.ACTIVE)


def _bind(driver: Path, adapter: str, pause: Callable[[float], None]) -> None:
    """Give the adapter back; more than once, because without a driver there is no bus, and nobody to ask again."""
    for left in reversed(range(BINDS)):
        try:
            (driver / "bind").write_text(adapter)
            return
        except OSError:
            if not left:
                raise
            pause(BACK_S)


def _wait_for(device: Path, pause: Callable[[float], None]) -> None:
    """The device file is made anew a moment after."""
    for _ in range(LOOKS):
        if device.exists():
            return
        pause(BACK_S)
