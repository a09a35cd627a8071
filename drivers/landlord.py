"""Chips that measure nothing and give others a place: a mux, a bank of lines, further serial ports.

They stand in the catalog so that `edge scan` recognises them and the shelf grades them, but no sensor of a board is
one of them: a board names them in the place of those that they help (`bus = "i2c-1/0x70.3"`). What is said to them is
written as talks, like everything else; the ports of `edge/buses` lead these talks. As a driver each can do no more
than look whether its chip is there, which changes nothing about what it does for others.
"""

from __future__ import annotations

from typing import ClassVar

from drivers.driver import I2CDriver
from drivers.reading import Reading
from drivers.talk import Talk


class LandlordDriver(I2CDriver):
    """A chip that only helps. Subclasses say `look`."""

    helps: ClassVar[str]  # how a board names it: 'bus = "i2c-1/0x70.3"'
    still_s = 0.0

    def look(self) -> Talk[None]:
        """Whether it answers as it should. Raises DriverError."""
        raise NotImplementedError

    def setup(self) -> Talk[bool | None]:
        yield from self.look()
        return True

    def read(self) -> Talk[list[Reading]]:
        """No reading at all, from a chip that is there. Raises DriverError."""
        yield from self.look()
        return []
