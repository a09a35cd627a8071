"""The half that simulated sensors of Cubic share: `11 length command data checksum` in, `16 …` out."""

from __future__ import annotations

from simulators.chips.serial_chip import SerialChip

HOST, DEVICE = 0x11, 0x16


def checked(body: bytes) -> bytes:
    """The body with what makes it add up to zero."""
    return body + bytes([-sum(body) & 0xFF])


class CubicChip(SerialChip):
    """Subclasses say `obey`."""

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()

    def frame_due(self) -> tuple[bytes, int | None]:
        return b"", None

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(HOST)) >= 0 and len(self._heard) >= at + 2:
            size = self._heard[at + 1] + 3
            if len(self._heard) < at + size:
                break
            frame = bytes(self._heard[at : at + size])
            sound = sum(frame) & 0xFF == 0 and size > 3
            del self._heard[: at + (size if sound else 1)]
            if sound:
                self.obey(frame[2], frame[3:-1])
        del self._heard[:-32]

    def obey(self, code: int, data: bytes) -> None:
        """A sound command."""
        raise NotImplementedError

    def framed(self, code: int, data: bytes = b"") -> bytes:
        """An answer to a command."""
        return checked(bytes([DEVICE, len(data) + 1, code]) + data)
