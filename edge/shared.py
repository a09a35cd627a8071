"""One open port per I2C bus, shared by all who speak on it: the runner, and a scan that somebody asks for meanwhile.

Each transfer is whole, and one at a time. Whoever closes the bus closes it for all: its runner does so when it broke.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from drivers.errors import BusFault
from edge.buses.port import I2CPort, PortOpener, Recoverable


class SharedBus:
    """A port, and the right to use it."""

    def __init__(self, port: I2CPort) -> None:
        self._port: I2CPort | None = port
        self._turn = threading.Lock()

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        with self._turn:
            if self._port is None:
                raise BusFault("the bus was closed")
            return self._port.transfer(address, data, count)

    def recover(self) -> str:
        """Free the bus where the port can."""
        with self._turn:
            return self._port.recover() if isinstance(self._port, Recoverable) else ""

    def close(self) -> None:
        with self._turn:
            port, self._port = self._port, None
            if port is not None:
                port.close()

    @property
    def is_open(self) -> bool:
        """Whether it may still be used."""
        return self._port is not None


class SharedBuses:
    """Opens each bus once."""

    def __init__(self, open_port: Callable[[str], I2CPort]) -> None:
        self._open_port = open_port
        self._buses: dict[str, SharedBus] = {}
        self._turn = threading.Lock()

    def __call__(self, bus: str) -> I2CPort:
        """The open port of this bus. Raises BusFault."""
        with self._turn:
            shared = self._buses.get(bus)
            if shared is None or not shared.is_open:
                shared = self._buses[bus] = SharedBus(self._open_port(bus))
            return shared


def shared(ports: PortOpener) -> PortOpener:
    """The same ports, with I2C buses that are opened once."""
    return replace(ports, i2c=SharedBuses(ports.i2c))
