"""Devices that know what time it is: GPS receivers and clock chips, as sources for the node's own clock.

A time that is told is true at one instant: the driver notes it in `told` while it reads, and the runner takes it from
there with the moment of the reading (`at_us`). How sure it is goes along, because a node weighs its sources. What is
told never becomes a reading: nobody but the node's clock wants it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.driver import Driver
from drivers.talk import Talk


@dataclass(frozen=True, slots=True)
class Told:
    """Unix time in ms, true at the `at_us` of the reading, and how far it may be off."""

    unix_ms: int
    uncertainty_ms: int
    kind: Literal["gps", "rtc"]


class Timepiece(Driver):
    """Mixed into a talk or a stream that can tell the time."""

    told: Told | None = None  # set by `read` or `decode`, taken by the runner

    def set_time(self, unix_ms: int) -> Talk[None]:
        """Set the device's own clock, where it has one that can be set."""
        yield from ()
