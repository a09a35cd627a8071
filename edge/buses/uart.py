"""A serial port as Linux serves it, through pyserial: owned alone, never waited for longer than asked.

Two programs that read one port tear each other's frames, so the port is opened exclusively. A pseudo terminal has no
parity and no seven bits; it is then opened without, which a simulated device does not mind, and `note` says so.
"""

from __future__ import annotations

import errno
import os
import termios

import serial

from drivers.driver import SerialLine
from drivers.errors import BusFault

AT_OPEN = {
    errno.ENOENT: "there is no {path}: is the adapter plugged in? `ls -l /dev/serial/by-id` lists those that are",
    errno.EACCES: "{path} may not be opened: add this user to the group dialout (sudo usermod -aG dialout $USER)",
    errno.EBUSY: "{path} is in use by another program",
    errno.EAGAIN: "{path} is in use by another program; `sudo fuser -v {path}` names it",
    errno.ENXIO: "{path} is there but its adapter is gone",
    errno.EIO: "{path} is there but its adapter is gone",
}


class LinuxSerial:
    """A SerialPort on `/dev/serial/by-id/…`, `/dev/ttyAMA0` or a pseudo terminal."""

    def __init__(self, path: str, line: SerialLine) -> None:
        self.path, self.note = path, ""
        try:
            self._port = self._opened(line)
        except (serial.SerialException, OSError, termios.error) as error:
            raise BusFault(why_not(error, path)) from error

    def _opened(self, line: SerialLine) -> serial.Serial:
        """Terminals without parity refuse it or forget it, by the version of the kernel and the C library."""
        special = (line.bits, line.parity) != (8, "N")
        try:
            port = serial.Serial(
                self.path, line.baud, line.bits, line.parity, line.stop, timeout=0, write_timeout=2, exclusive=True
            )
            if not special or kept(port.fileno(), line):
                return port
            port.close()
        except (serial.SerialException, OSError, termios.error) as error:
            if not special or number(error) != errno.EINVAL:
                raise
        self.note = f"{self.path} knows only 8N1; opened so instead of {line.bits}{line.parity}{line.stop}"
        return self._opened(SerialLine(line.baud, stop=line.stop))

    @property
    def fd(self) -> int | None:
        return self._port.fd if self._port.is_open else None

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError, termios.error, TypeError) as error:
            raise BusFault(f"{self.path} is gone: {error}") from error

    def read(self, count: int, timeout_s: float) -> bytes:
        try:
            if not timeout_s and (there := self._there(count)):
                return there
            if self._port.timeout != timeout_s:
                self._port.timeout = timeout_s
            return bytes(self._port.read(count))
        except (serial.SerialException, OSError, termios.error, TypeError) as error:
            raise BusFault(f"{self.path} is gone: {error}") from error

    def _there(self, count: int) -> bytes:
        """What has arrived. Whether nothing came or nobody is there any more, the port itself finds out."""
        number = self.fd
        try:
            return b"" if number is None else os.read(number, count)
        except BlockingIOError:
            return b""

    def drain(self) -> None:
        try:
            self._port.reset_input_buffer()
        except (serial.SerialException, OSError, termios.error, TypeError) as error:
            raise BusFault(f"{self.path} is gone: {error}") from error

    def close(self) -> None:
        self._port.close()


def kept(fd: int, line: SerialLine) -> bool:
    """Whether the terminal is now as the device needs it."""
    flags = termios.tcgetattr(fd)[2]
    bits = {termios.CS7: 7, termios.CS8: 8}.get(flags & termios.CSIZE)
    return bits == line.bits and bool(flags & termios.PARENB) == (line.parity != "N")


def number(error: Exception) -> int:
    """The errno in what pyserial or termios raised; 0 when there is none."""
    found = error.args[0] if error.args and isinstance(error.args[0], int) else getattr(error, "errno", None)
    return found or 0


def why_not(error: Exception, path: str) -> str:
    """Why the port could not be opened, in words for the technician."""
    known = AT_OPEN.get(number(error))
    return known.format(path=path) if known else f"{path}: {os.strerror(number(error)) if number(error) else error}"
