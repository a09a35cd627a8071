"""GPIO lines as the kernel serves them, through gpiod: every edge stamped, every loss numbered.

The kernel keeps 16 edges a line unless it is asked for more when the lines are requested; we ask for 1024, so that a
burst of axles or a busy moment of the processor loses none. Edges are stamped by CLOCK_MONOTONIC; the house lives by
time since boot, so the difference of the two is taken once, here, when the lines are opened.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

import gpiod
from gpiod.line import Bias, Direction
from gpiod.line import Edge as EdgeDetection

from drivers.errors import BusFault
from edge.buses.port import EdgeEvent
from edge.clock import boot_minus_monotonic_us

CONSUMER = "lantaarn"
BUFFER = 1_024
BIAS = {
    "as_is": Bias.AS_IS,
    "pull_up": Bias.PULL_UP,
    "pull_down": Bias.PULL_DOWN,
    "disabled": Bias.DISABLED,
}
AT_OPEN = {
    errno.ENOENT: "there is no {path}: `gpiodetect` lists the chips of this board",
    errno.EACCES: "{path} may not be opened: add this user to the group gpio (sudo usermod -aG gpio $USER)",
    errno.EBUSY: "lines {lines} of {path} are in use by another program; `gpioinfo` names it",
    errno.EINVAL: "{path} has no lines {lines}, or they can not sense edges",
    errno.ENODEV: "{path} is gone",
}


class LinuxLines:
    """A LinePort on `/dev/gpiochipN`; `offset_us` leads from the kernel's stamps to time since boot."""

    def __init__(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> None:
        self.path = path
        try:
            self._request = gpiod.request_lines(
                path, {offsets: line_settings(bias, active_low)}, CONSUMER, event_buffer_size=BUFFER
            )
        except (OSError, ValueError) as error:
            raise BusFault(why_not(error, path, offsets)) from error
        self.offset_us = boot_minus_monotonic_us()

    @property
    def fd(self) -> int:
        return self._request.fd

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        return self._request.wait_edge_events(timeout)

    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]:
        return self._request.read_edge_events(max_events)

    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]:
        """The levels now, in the order asked for; `Value.ACTIVE` counts as 1."""
        return self._request.get_values(None if lines is None else list(lines))

    def release(self) -> None:
        self._request.release()


def line_settings(bias: str, active_low: bool) -> gpiod.LineSettings:
    """Both edges of an input."""
    return gpiod.LineSettings(
        direction=Direction.INPUT, edge_detection=EdgeDetection.BOTH, bias=BIAS[bias], active_low=active_low
    )


def why_not(error: Exception, path: str, offsets: tuple[int, ...]) -> str:
    """Why the lines could not be had, in words for the technician."""
    number = getattr(error, "errno", None) or 0
    known = AT_OPEN.get(number)
    lines = ", ".join(map(str, offsets))
    return known.format(path=path, lines=lines) if known else f"{path}: {getattr(error, 'strerror', None) or error}"
