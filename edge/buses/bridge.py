"""A channel of an SC16IS752 with the face of any other serial port.

Its queue of 64 bytes is emptied every few milliseconds by a thread, because runners step too seldom for it: at 9600
baud it is full after 67 ms, at 115200 after 5. Bytes that the chip lost (an overrun, a power cut) may have joined two
frames to one that was never said, so the port then breaks (BusFault), with all that waits in it: the runner closes it,
opens it again and counts it, and no driver sees a wreck. The two channels have registers of their own and do not meet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.driver import SerialLine
from drivers.errors import BusFault, DriverError
from drivers.sc16is752 import QUEUE, configure, divisor, intact, receive, send
from edge.buses.bell import Bell
from edge.buses.port import I2CPort
from edge.buses.pump import Pumps
from edge.buses.turn import lead
from edge.runners.blame import blame

BITS = 10  # of a byte on the line
SHORTEST_MS, LONGEST_MS = 2, 20
INTACT_US = 1_000_000
PATIENCE_US = 500_000
KEPT = 4_096  # bytes for a runner that is late
WRITE_MS, WAIT_MS = 2_000, 5


class BridgePort:
    """A SerialPort on one channel (0 or 1). `wait_ms` lets so much time pass."""

    def __init__(
        self, port: I2CPort, address: int, channel: int, line: SerialLine, crystal_hz: int,
        now_us: Callable[[], int], pumps: Pumps, wait_ms: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._port, self._address, self._channel = port, address, channel
        self._now_us, self._wait_ms = now_us, wait_ms
        self._where = f"0x{address:02x}.{'ab'[channel]}"
        self._turn = threading.RLock()
        self._waiting = bytearray()
        self._broken: BusFault | None = None
        self._open(line, crystal_hz)
        self._heard_us = self._intact_us = now_us()
        self._bell = Bell()
        self._pump = pumps(self.look, look_ms(line.baud))

    def _open(self, line: SerialLine, crystal_hz: int) -> None:
        try:
            divisor(line.baud, crystal_hz)
            lead(configure(self._channel, line, crystal_hz), self._port, self._address)
        except (DriverError, ValueError) as error:
            raise BusFault(f"the serial bridge at {self._where}: {error}") from error

    @property
    def fd(self) -> int | None:
        return self._bell.fd

    def look(self) -> None:
        """Empty the chip's queue. Raises nothing: a fault is told to whoever reads."""
        with self._turn:
            if self._broken is not None:
                return
            now_us = self._now_us()
            try:
                self._take(now_us)
                self._heard_us = now_us
            except BusFault as fault:
                self._mind(fault, now_us)
            except DriverError as error:
                self._mind(error, now_us, error.cause == "device_fault")
            except Exception as error:  # listening must not end in silence
                self._break(BusFault(f"the serial bridge at {self._where}: {blame(error)}"))

    def _take(self, now_us: int) -> None:
        received = lead(receive(self._channel), self._port, self._address)
        if received.data or now_us - self._intact_us >= INTACT_US:
            lead(intact(self._channel), self._port, self._address)
            self._intact_us = now_us
        if received.overrun or len(self._waiting) + len(received.data) > KEPT:
            self._break(BusFault(f"the serial bridge at {self._where} lost bytes: its queue of {QUEUE} ran over"))
        elif received.data:
            self._waiting += received.data
            self._bell.show(True)

    def _mind(self, error: DriverError, now_us: int, at_once: bool = False) -> None:
        if at_once or now_us - self._heard_us > PATIENCE_US:
            self._break(BusFault(f"the serial bridge at {self._where}: {error}"))

    def _break(self, fault: BusFault) -> None:
        self._broken = fault
        self._waiting.clear()
        self._pump.stop()
        self._bell.show(True)

    def write(self, data: bytes) -> None:
        """Raises BusFault when the chip is gone, or takes nothing any more."""
        left_ms = WRITE_MS
        while data:
            with self._turn:
                self._check()
                data = data[self._sent(data) :]
            if data:
                if left_ms <= 0:
                    raise BusFault(f"the serial bridge at {self._where} takes nothing any more")
                self._wait_ms(WAIT_MS)
                left_ms -= WAIT_MS

    def _sent(self, data: bytes) -> int:
        try:
            return lead(send(self._channel, data), self._port, self._address)
        except DriverError as error:
            self._break(BusFault(f"the serial bridge at {self._where}: {error}"))
            raise BusFault(f"the serial bridge at {self._where}: {error}") from error

    def read(self, count: int, timeout_s: float) -> bytes:
        """Up to `count` bytes; fewer when the timeout passes first. Raises BusFault when the chip is gone."""
        self.look()
        left_ms = round(timeout_s * 1_000)
        while len(self._waiting) < count and self._broken is None and left_ms > 0:
            self._wait_ms(WAIT_MS)
            left_ms -= WAIT_MS
            self.look()
        with self._turn:
            self._check()
            taken = bytes(self._waiting[:count])
            del self._waiting[:count]
            self._bell.show(bool(self._waiting))
        return taken

    def drain(self) -> None:
        """Throw away what has arrived. Raises BusFault when the chip is gone."""
        self.look()
        with self._turn:
            self._check()
            self._waiting.clear()
            self._bell.show(False)

    def close(self) -> None:
        self._pump.stop()
        with self._turn:
            self._broken = self._broken or BusFault(f"the port at {self._where} was closed")
            self._bell.close()

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken


def look_ms(baud: int) -> int:
    """How often the queue is emptied: four times while it fills."""
    return max(SHORTEST_MS, min(LONGEST_MS, QUEUE * BITS * 1_000 // (4 * baud)))
