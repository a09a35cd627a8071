"""One open port per I2C bus, shared by all who speak on it: runners, segments behind muxes, helper chips, a scan.

Each turn is whole, and one at a time: on a segment that is the opening of the mux's channels, the transfer and their
closing. Whoever closes the bus closes it for all: its runner does so when it broke. Segments, serial bridges and
expanders hold no port but ask for the bus at each turn, so they go on when it has been opened again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.driver import SerialLine
from drivers.errors import BusFault
from edge.buses.mux import Hops, Muxes, way_to
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, Recoverable, SerialPort
from edge.buses.pump import Pumps, threads
from edge.buses.segment import Lodging, lodging
from edge.clock import Clock
from edge.wiring import BusPlan

if TYPE_CHECKING:  # what most boards do not have is loaded when it is opened
    from edge.buses.expander import Expander


class SharedBus:
    """A port, and the right to use it."""

    def __init__(self, port: I2CPort, muxes: Muxes | None = None) -> None:
        self._port: I2CPort | None = port
        self._turn = threading.Lock()
        self._muxes = muxes or Muxes()

    def transfer(self, address: int, data: bytes | None, count: int, hops: Hops = ()) -> bytes:
        """A transfer on the bus, or on the segment behind these hops, in a turn of its own. Raises Nack, BusFault."""
        with self._turn:
            if self._port is None:
                raise BusFault("the bus was closed")
            return self._muxes.transfer(self._port, hops, address, data, count)

    def recover(self) -> str:
        """Free the bus where the port can."""
        return self.recover_behind(())

    def recover_behind(self, hops: Hops) -> str:
        """Free a segment: the clocks go through the open channels, which are closed before the next turn."""
        with self._turn:
            port = self._port
            if port is None:
                return ""
            self._muxes.open_path(port, hops)
            return port.recover() if isinstance(port, Recoverable) else ""

    def close(self) -> None:
        with self._turn:
            port, self._port = self._port, None
            if port is not None:
                port.close()

    @property
    def is_open(self) -> bool:
        """Whether it may still be used."""
        return self._port is not None


class SharedSegment:
    """What lies behind a mux; a bus itself when there is no hop. It finds its bus again when that was reopened."""

    def __init__(self, root: Callable[[], SharedBus], hops: Hops) -> None:
        self._root, self._hops = root, hops

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        return self._root().transfer(address, data, count, self._hops)

    def recover(self) -> str:
        """Free the segment where the bus can."""
        return self._root().recover_behind(self._hops)

    def close(self) -> None:
        """The bus is not ours."""


class SharedBuses:
    """Opens each bus once, and its segments over it."""

    def __init__(self, open_port: Callable[[str], I2CPort]) -> None:
        self._open_port = open_port
        self._buses: dict[str, SharedBus] = {}
        self._muxes: dict[str, Muxes] = {}
        self._turn = threading.Lock()

    def __call__(self, bus: str) -> I2CPort:
        """The open port of this bus or segment. Raises BusFault."""
        way = way_to(bus)
        root = self.root(way.root)
        return self.segment(way.root, way.hops) if way.hops else root

    def segment(self, root: str, hops: Hops) -> SharedSegment:
        """A segment, or the bus, for those who stay when it is closed and opened again."""
        return SharedSegment(lambda: self.root(root), hops)

    def root(self, bus: str) -> SharedBus:
        """The open bus itself. Raises BusFault."""
        with self._turn:
            shared = self._buses.get(bus)
            if shared is None or not shared.is_open:
                muxes = self._muxes.setdefault(bus, Muxes())
                shared = self._buses[bus] = SharedBus(self._open_port(bus), muxes)
            return shared


@dataclass(frozen=True, slots=True)
class Lodgings:
    """Opens the serial ports and lines that chips on I2C offer, and all others as before."""

    ports: PortOpener
    buses: SharedBuses
    clock: Clock
    pumps: Pumps
    expanders: dict[tuple[str, Hops, int], Expander]
    turn: threading.Lock

    def serial(self, path: str, line: SerialLine) -> SerialPort:
        """Raises BusFault."""
        place = lodged(path)
        if place is None:
            return self.ports.serial(path, line)
        if not place.part:
            raise BusFault(f"{path} names a chip with two ports: write {path}.a or {path}.b")
        from edge.buses.bridge import BridgePort

        crystal_hz = self.ports.plans.get(place.segment.root, BusPlan("")).crystal_hz
        return BridgePort(self._bus(place), place.address, "ab".index(place.part), line, crystal_hz,
                          self.clock.boot_us, self.pumps, self._wait_ms)  # fmt: skip

    def lines(self, chip: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        """Raises BusFault."""
        place = lodged(chip)
        if place is None:
            return self.ports.lines(chip, offsets, bias, active_low)
        from edge.buses.expander import Expander

        key = (place.segment.root, place.segment.hops, place.address)
        with self.turn:
            if key not in self.expanders:
                self.expanders[key] = Expander(self._bus(place), place.address, self.clock.boot_us, self.pumps, chip)
        return self.expanders[key].request(offsets, bias, active_low)

    def _bus(self, place: Lodging) -> SharedSegment:
        self.buses.root(place.segment.root)
        return self.buses.segment(place.segment.root, place.segment.hops)

    def _wait_ms(self, milliseconds: int) -> None:
        threading.Event().wait(self.clock.real_s(milliseconds))


def lodged(path: str) -> Lodging | None:
    """The chip on I2C that offers this port or these lines; None when nobody does. Raises BusFault."""
    try:
        return lodging(path)
    except ValueError as error:
        raise BusFault(f"{path} {error}") from error


def shared(ports: PortOpener, clock: Clock, pumps: Pumps | None = None) -> PortOpener:
    """The same ports, with I2C buses that are opened once, their segments, and what helper chips offer."""
    buses = SharedBuses(ports.i2c)
    lodgings = Lodgings(ports, buses, clock, pumps or threads(clock), {}, threading.Lock())
    files: Callable[[str], FilePort] = ports.files
    return PortOpener(buses, lodgings.serial, lodgings.lines, files, ports.plans)
