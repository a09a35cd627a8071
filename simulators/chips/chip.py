"""What every simulated chip has: a door to the world, a door to its bus, knobs for what goes wrong, and a clock.

Through the world's door the street sets what the chip feels, in the house's units. Through the bus's door come bytes
and go bytes, exactly as on the wire. Between the two lies the chip's own arithmetic, turned round: what the driver
computes from the bytes must be what was felt. Time is handed in, so that answers can be too early.

A third opening, `load`, is for byte vectors: registers and replies that the chip says instead of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from drivers.errors import BusFault, DriverError, Nack
from drivers.reading import Quantity
from simulators.faults import Faults

MICRO = 1_000_000
Spans = Mapping[Quantity, tuple[float, float]]
Values = Mapping[Quantity, float]


class Chip:
    """A simulated chip on no bus in particular. Subclasses add the bus's door."""

    name: ClassVar[str]  # of its driver
    spans: ClassVar[Spans]  # what it can feel: lowest and highest
    resolves: ClassVar[Values]  # how finely it tells it, in the same unit
    rests: ClassVar[Values]  # what it feels until it is told otherwise
    hides_busy: ClassVar[bool] = False  # it has no sign of being ready: one that hangs goes on saying what it said
    untold: ClassVar[frozenset[Quantity]] = frozenset()  # what the driver learns over time; no one answer tells it

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        """`noise` gives what to add to a felt value each time it is measured; none unless asked for."""
        self.now_us = now_us
        self.noise = noise
        self.feels: dict[Quantity, float] = dict(self.rests)
        self.faults = Faults()
        self._said: dict[Quantity, float] = {}
        self.power_on()

    def power_on(self) -> None:
        """Volatile state as after power-on. What the factory or a user burnt in stays."""

    def sense(self, quantity: Quantity) -> float:
        """What the chip measures at this moment: felt, noisy, held within its span."""
        low, high = self.spans[quantity]
        if self.faults.saturate:
            return high
        if self.faults.freeze and quantity in self._said:
            return self._said[quantity]
        felt = self.feels[quantity] + (self.noise(quantity) if self.noise else 0.0)
        self._said[quantity] = max(low, min(high, felt))
        return self._said[quantity]

    def load(self, door: Mapping[str, Any]) -> None:
        """Take the `door` of a vector. Raises ValueError for a door that this chip does not have."""
        for name, value in door.items():
            self.take(name, value, door)

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        """One entry of a vector's door; subclasses know more of them."""
        raise ValueError(f"a {self.name} has no door {name!r}")


class I2CChip(Chip):
    """A simulated chip on an I2C bus: `written` and `given` are what subclasses say."""

    address: ClassVar[int]  # where it sits unless the board says otherwise
    addresses: ClassVar[tuple[int, ...]]
    bus_error: DriverError | None = None  # a vector's: every transfer ends so

    def transfer(self, data: bytes | None, count: int) -> bytes:
        """Take `data` (unless None), then give `count` bytes (unless 0). Raises Nack, BusFault."""
        if self.faults.browned_out():
            self.power_on()
        if self.bus_error is not None:
            raise self.bus_error
        if self.faults.refuses():
            raise Nack(f"the {self.name} does not acknowledge")
        if data is not None:
            self.written(data)
        return self.faults.damaged(self.given(count)) if count else b""

    def written(self, data: bytes) -> None:
        """Bytes from the master; may be none at all. Raises Nack."""
        raise NotImplementedError

    def given(self, count: int) -> bytes:
        """Bytes to the master. Raises Nack."""
        raise NotImplementedError

    def general_call(self, data: bytes) -> None:
        """What the master says to everybody (address 0); most chips do not listen."""

    def behind(self) -> Iterable[tuple[int, I2CChip]]:
        """What else is on the bus because this chip lets it through: address and chip."""
        return ()

    def reset(self) -> None:
        """Its RESET pin is pulled low for a moment, where it has one."""

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "bus_error":
            return super().take(name, value, door)
        self.bus_error = bus_error(value)
        return None


def bus_error(named: object) -> DriverError | None:
    """A bus error as a vector names it (an errno's name or number, or a word): no acknowledge, or a fault."""
    if not named:
        return None
    code = named.get("errno", named) if isinstance(named, Mapping) else named
    text = errno.errorcode.get(code, "") if type(code) is int else str(code)
    if text.lower() in ("eremoteio", "enxio", "nack", "no_ack", "true"):
        return Nack(f"nobody acknowledges ({text})")
    return BusFault(f"the bus failed ({text})")
