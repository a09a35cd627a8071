"""Hands on the wire: ports that carry everything faithfully until a fault of the matrix takes hold of them.

What chips do wrong they have knobs for; what befalls the bytes between chip and node happens here: transfers refused
half-way, bytes that come twice, noise inside a frame, a plug that is pulled.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.errors import BusFault, Nack
from edge.buses.port import FilePort, I2CPort, LinePort, SerialPort

GONE = "the plug was pulled"


class Hand:
    """What is done to the wires of one sensor at this moment; a fault sets it, `let_go` takes it back."""

    def __init__(self) -> None:
        self.let_go()

    def let_go(self) -> None:
        self.pulled = False
        self.refuse: Callable[[bool, int], bool] = lambda writes, number: False  # (has data, count of transfers)
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.lags = False  # the agent does not come to take edges
        self.transfers = 0


class MeddledI2C:
    """A bus on which the transfers with one address are meddled with."""

    def __init__(self, port: I2CPort, address: int, hand: Hand) -> None:
        self._port, self._address, self._hand = port, address, hand

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        if address == self._address:
            self._hand.transfers += 1
            if self._hand.pulled or self._hand.refuse(bool(data), self._hand.transfers):
                raise Nack(f"nobody acknowledges at 0x{address:02X}")
        answer = self._port.transfer(address, data, count)
        return self._hand.spoil(answer) if address == self._address and count else answer

    def recover(self) -> None:
        """Nine clocks, if the bus beneath knows how."""
        recover = getattr(self._port, "recover", None)
        if recover is not None:
            recover()

    def close(self) -> None:
        self._port.close()


class MeddledSerial:
    """A serial port on which what arrives is meddled with."""

    def __init__(self, port: SerialPort, hand: Hand) -> None:
        self._port, self._hand = port, hand
        self._waiting = b""

    def write(self, data: bytes) -> None:
        self._check()
        self._port.write(data)

    def read(self, count: int, timeout_s: float) -> bytes:
        self._check()
        fresh = self._port.read(4096, timeout_s)
        self._waiting = (self._waiting + self._hand.spoil(fresh))[:65_536]
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def drain(self) -> None:
        self._check()
        self._port.drain()
        self._waiting = b""

    def close(self) -> None:
        self._port.close()

    def _check(self) -> None:
        if self._hand.pulled:
            raise BusFault(GONE)


class MeddledFile:
    """A file of the kernel that is meddled with."""

    def __init__(self, port: FilePort, hand: Hand) -> None:
        self._port, self._hand = port, hand

    def read(self, count: int) -> bytes:
        self._check()
        return self._hand.spoil(self._port.read(count))[:count]

    def write(self, data: bytes) -> None:
        self._check()
        self._port.write(data)

    def close(self) -> None:
        self._port.close()

    def _check(self) -> None:
        if self._hand.pulled:
            raise BusFault(GONE)


class MeddledLines:
    """Lines whose chip can vanish."""

    def __init__(self, port: LinePort, hand: Hand) -> None:
        self._port, self._hand = port, hand

    def __getattr__(self, name: str) -> object:
        if self._hand.pulled and name not in ("release", "offset_us"):
            raise BusFault(GONE)
        return getattr(self._port, name)
