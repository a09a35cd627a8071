"""Small files of the kernel without a kernel: the text of a simulated chip, behind the face that runners know.

`file_steps` performs the steps of a talk on one; `printed_to` puts the text where other people's software looks for it,
a real file in a folder that plays /sys.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drivers.talk import Pause, Read, Step, Write
from edge.buses.port import FilePort
from simulators.chips.file_chip import FileChip


class SimulatedFile:
    """A FilePort on a chip."""

    def __init__(self, chip: FileChip) -> None:
        self.chip = chip

    def read(self, count: int) -> bytes:
        """The text as it is now. Raises BusFault."""
        return self.chip.read(count)

    def write(self, data: bytes) -> None:
        """Raises BusFault."""
        self.chip.write(data)

    def close(self) -> None:
        """Nothing is held."""


def file_steps(port: FilePort, pause: Callable[[float], None]) -> Callable[[Step], bytes]:
    """What to do with each step of a talk with the chip behind this file."""

    def perform(step: Step) -> bytes:
        if isinstance(step, Pause):
            pause(step.seconds)
        elif isinstance(step, Read):
            return port.read(step.count)
        elif isinstance(step, Write):
            port.write(step.data)
        else:
            raise TypeError(f"a file has no repeated start: {step}")
        return b""

    return perform


def printed_to(path: Path, chip: FileChip) -> Path:
    """Write the chip's text as it is now to a real file. Raises BusFault."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(chip.read(4096))
    return path
