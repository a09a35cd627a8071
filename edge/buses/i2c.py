"""I2C as Linux serves it, through smbus2 and `I2C_RDWR` alone: no 32-byte limit, nothing kept between transfers.

The adapters of the Raspberry Pi say "not acknowledged" with one of two errnos and everything that is wrong with the
bus itself with a handful of others; both become the errors that drivers know.
"""

from __future__ import annotations

import errno

from smbus2 import SMBus, i2c_msg

from drivers.errors import BusFault, Nack
from edge.clock import pause
from edge.wiring import BusPlan

NOT_ACKNOWLEDGED = {errno.EREMOTEIO, errno.ENXIO}
AT_OPEN = {
    errno.ENOENT: "there is no {path}: enable the bus with `sudo raspi-config nonint do_i2c 0` "
    "(or dtparam=i2c_arm=on in config.txt) and reboot",
    errno.EACCES: "{path} may not be opened: add this user to the group i2c (sudo usermod -aG i2c $USER)",
    errno.EBUSY: "{path} is in use by another program",
    errno.ENODEV: "{path} is there but its adapter is gone",
}
IN_TRANSFER = {
    errno.ETIMEDOUT: "the bus did not come free: a line is held low",
    errno.EIO: "the transfer broke off",
    errno.EAGAIN: "arbitration was lost",
    errno.EPROTO: "the bus broke its protocol",
    errno.ENODEV: "the adapter is gone",
    errno.EBUSY: "the address is taken by a driver of the kernel",
    errno.EOPNOTSUPP: "this adapter can not do such a transfer",
}


class LinuxI2C:
    """An I2CPort on `/dev/i2c-N`."""

    def __init__(self, path: str, plan: BusPlan | None = None) -> None:
        self.path, self._plan = path, plan
        try:
            self._bus = SMBus(path)
        except OSError as error:
            raise BusFault(sentence(AT_OPEN, error, path)) from error

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        written = [] if data is None else [i2c_msg.write(address, data)]
        wanted = [i2c_msg.read(address, count)] if count else []
        try:
            self._bus.i2c_rdwr(*written, *wanted)
        except OSError as error:
            if error.errno in NOT_ACKNOWLEDGED:
                raise Nack(f"nobody acknowledges at 0x{address:02x} on {self.path}") from error
            raise BusFault(f"{self.path}, 0x{address:02x}: {sentence(IN_TRANSFER, error, self.path)}") from error
        return bytes(wanted[0]) if wanted else b""

    def recover(self) -> str:
        """Free the bus with nine clocks, where the board names its pins; the port is closed then."""
        if self._plan is None or self._plan.scl_pin is None:
            return ""
        from edge.buses.recovery import recover

        self._bus.close()
        return recover(self._plan, pause)

    def reset_muxes(self) -> bool:
        """Pull RESET of the muxes low for a moment, where the board names its pin."""
        if self._plan is None or self._plan.reset_pin is None:
            return False
        from edge.buses.recovery import pull

        try:
            pull(self._plan.gpio_chip, self._plan.reset_pin, pause)
        except OSError as error:
            raise BusFault(f"RESET of the muxes can not be pulled: {error.strerror or error}") from error
        return True

    def close(self) -> None:
        self._bus.close()


def sentence(words: dict[int, str], error: OSError, path: str) -> str:
    """What an errno means here, in words for the technician."""
    known = words.get(error.errno or 0)
    return known.format(path=path) if known else f"{path}: {error.strerror or error}"
