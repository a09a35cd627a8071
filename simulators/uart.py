"""Serial ports without wires: in memory for the street, and on a real pty for programs that open a device by its path.

`SimulatedSerial` has the face that the runners know from pyserial. `PtyDoor` serves a chip on a pseudo-terminal that
the kernel makes: pyserial and other people's drivers open it like an adapter. A symlink in a folder stands in for
`/dev/ttyUSB0`; pulling the plug closes the terminal, and plugging in again may give another number. A pty has no baud
rate, so the chip's own clock paces what it says; a frame arrives at once instead of byte by byte.
"""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from drivers.errors import BusFault, NoAnswer
from drivers.reading import Quantity
from drivers.talk import Pause, Read, Step, Write
from edge.buses.port import SerialPort
from simulators.chips.serial_chip import LINE_HOLDS, SerialChip

LOOK_EVERY_MS = 20  # how often a pty looks for a client that opened it, and for what the chip says


def _no_time(seconds: float) -> None:
    """Nobody lets time pass here: what is not there is not coming."""


class SimulatedSerial:
    """One chip on one port. `wait` lets simulated time pass while a read waits; by default a read never waits."""

    def __init__(self, chip: SerialChip, wait: Callable[[float], None] = _no_time) -> None:
        self.chip = chip
        self._wait = wait
        self._arrived = bytearray()
        self._open = True

    def write(self, data: bytes) -> None:
        """Raises BusFault when the adapter is gone."""
        self._pull()
        self.chip.hear(data)

    def read(self, count: int, timeout_s: float) -> bytes:
        """Up to `count` bytes; fewer when nothing more comes within the timeout. Raises BusFault."""
        self._pull()
        left_us = round(timeout_s * 1_000_000)
        while len(self._arrived) < count and left_us > 0:
            next_us = self.chip.next_us()
            pause_us = left_us if next_us is None else min(left_us, max(1, next_us - self.chip.now_us()))
            self._wait(pause_us / 1_000_000)
            left_us -= pause_us
            self._pull()
        taken = bytes(self._arrived[:count])
        del self._arrived[:count]
        return taken

    def drain(self) -> None:
        """Throw away what has arrived."""
        self._pull()
        self._arrived.clear()

    def close(self) -> None:
        self._open = False
        self._arrived.clear()

    def _pull(self) -> None:
        if not self._open or self.chip.faults.unplug:
            raise BusFault("the serial adapter is gone")
        self._arrived += self.chip.say()[: LINE_HOLDS - len(self._arrived)]


def serial_steps(port: SerialPort, pause: Callable[[float], None]) -> Callable[[Step], bytes]:
    """What to do with each step of a talk on this port, for `simulators.i2c.converse`."""

    def perform(step: Step) -> bytes:
        if isinstance(step, Pause):
            pause(step.seconds)
        elif isinstance(step, Write):
            port.write(step.data)
        elif isinstance(step, Read):
            answer = port.read(step.count, step.timeout_s)
            if len(answer) < step.count:
                raise NoAnswer(f"{len(answer)} of {step.count} bytes within {step.timeout_s:g} s")
            return answer
        else:
            raise TypeError(f"a serial port has no {type(step).__name__}")
        return b""

    return perform


class PtyDoor:
    """A chip behind a real terminal. Use as a context manager; `path` is the symlink that clients open."""

    def __init__(self, chip: SerialChip, path: Path) -> None:
        self.chip, self.path = chip, path
        self._wake, self._woken = os.pipe()
        self._ended = False
        self._lock = threading.Lock()
        self._master: int | None = None
        self._slave_name = ""
        self._thread = threading.Thread(target=self._serve, name=f"pty {path.name}", daemon=True)

    def __enter__(self) -> PtyDoor:
        self.plug()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended = True
        os.write(self._woken, b"x")
        self._thread.join()
        self.unplug()
        os.close(self._wake)
        os.close(self._woken)

    def plug(self, path: Path | None = None) -> None:
        """Make the terminal and its symlink, under another name if one is given. The client's end is left closed."""
        self.path = path or self.path
        with self._lock:
            self._master, slave = os.openpty()
            self._slave_name = os.ttyname(slave)
            tty.setraw(self._master)
            os.set_blocking(self._master, False)
            os.close(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self._slave_name)

    def feel(self, felt: Mapping[Quantity, float]) -> None:
        """Set what the chip feels, between two frames."""
        with self._lock:
            self.chip.feels.update(felt)

    def unplug(self) -> None:
        """Take the terminal away under its client, and the symlink with it."""
        with self._lock:
            if self._master is not None:
                os.close(self._master)
            self._master = None
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._ended:
            with self._lock:
                attended = self._master is not None and self._exchange(self._master)
                watched = [self._wake, self._master] if attended and self._master is not None else [self._wake]
            with suppress(OSError):  # it was unplugged in this very moment
                select.select(watched, [], [], LOOK_EVERY_MS / 1000)

    def _exchange(self, master: int) -> bool:
        """Carry bytes both ways; whether a client has the terminal open. What is said to nobody is lost."""
        poll = select.poll()
        poll.register(master, select.POLLIN)
        happened = dict(poll.poll(0)).get(master, 0)
        try:
            if happened & select.POLLIN:
                self.chip.hear(os.read(master, LINE_HOLDS))
            said = self.chip.say()
            if happened & select.POLLHUP:
                return False
            if said:
                os.write(master, said)
        except OSError:  # the client left, or does not read
            return False
        return True
