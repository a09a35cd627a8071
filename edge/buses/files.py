"""Small files that the kernel keeps for a device: 1-Wire thermometers under /sys, and others of their kind.

Nothing is held open: each reading opens the file anew, because it is the opening and reading that makes the kernel talk
to the device. That may take most of a second, so such a port is asked from a thread of its own. Only plain files are
opened, and only as they stand: a pipe or a terminal by mistake in a board would hold the thread for ever.
"""

from __future__ import annotations

import errno
import os
import stat

from drivers.errors import BusFault

WHY = {
    errno.ENOENT: "there is no {path}: is the device wired, and its overlay in config.txt (dtoverlay=w1-gpio)?",
    errno.EACCES: "{path} may not be opened by this user",
    errno.EPERM: "{path} may not be opened by this user",
    errno.EIO: "the device behind {path} does not answer",
    errno.ENODEV: "the device behind {path} is gone",
}


class LinuxFile:
    """A FilePort on a path. Opening it raises BusFault when it is not there, so that the mistake is told at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            plain = stat.S_ISREG(os.stat(path).st_mode)
        except OSError as error:
            raise self._fault(error) from error
        if not plain:
            raise BusFault(f"{path} is no plain file")

    def read(self, count: int) -> bytes:
        """The file from its beginning, at most `count` bytes. Raises BusFault."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                return _all(descriptor, count)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._fault(error) from error

    def write(self, data: bytes) -> None:
        """Write these bytes in one piece, as the kernel's attributes want it. Raises BusFault."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._fault(error) from error

    def close(self) -> None:
        """Nothing is held."""

    def _fault(self, error: OSError) -> BusFault:
        known = WHY.get(error.errno or 0)
        return BusFault(known.format(path=self.path) if known else f"{self.path}: {error.strerror or error}")


def _all(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := os.read(descriptor, count - len(data))):
        data += more
    return data
