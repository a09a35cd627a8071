"""The half that chips share which the kernel speaks to for us: their door is a small file whose text changes.

`read` is what opening and reading the file gives, `write` what is written to it; what damage does to the text is the
business of the chip. One that is not there leaves no
file, or a file that can not be read: both are faults of the bus.
"""

from __future__ import annotations

from drivers.errors import BusFault
from simulators.chips.chip import Chip


class FileChip(Chip):
    """A simulated chip behind a file: `text` and `written` are what subclasses say."""

    loaded: bytes | None = None  # a vector's: what the file says instead

    def read(self, count: int) -> bytes:
        """The whole text, at most `count` bytes. Raises BusFault."""
        self._attend()
        if self.loaded is not None:
            return self.loaded[:count]
        return (self.faults.noise() + self.text())[:count]

    def write(self, data: bytes) -> None:
        """Raises BusFault."""
        self._attend()
        self.written(data)

    def text(self) -> bytes:
        """What the kernel prints now."""
        raise NotImplementedError

    def written(self, data: bytes) -> None:
        """What was written to the file."""

    def take(self, name: str, value: object, door: object) -> None:
        if name != "file":
            raise ValueError(f"a {self.name} has no door {name!r}")
        self.loaded = str(value).encode()

    def _attend(self) -> None:
        if self.faults.browned_out():
            self.power_on()
        if self.faults.refuses():
            raise BusFault(f"the {self.name} does not answer the kernel")
