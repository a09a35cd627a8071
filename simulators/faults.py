"""What can go wrong with a chip, as knobs that every simulated chip has, on whatever bus it hangs.

A knob is turned from outside (a test, the command line, a story); a chip asks at its doors. Counted knobs wear off by
themselves, switches stay until they are turned back. What a knob means on a bus is the chip's business: an I2C chip
that refuses gives a NACK, a serial one keeps silent.
"""

from __future__ import annotations

from dataclasses import dataclass

SWITCHES = ("stuck_busy", "freeze", "saturate", "unplug", "sda_stuck")
COUNTED = ("nack_next", "corrupt", "garbage")


@dataclass
class Faults:
    """The knobs of one chip. Fields are switches and what is still owed; methods turn the counted ones."""

    stuck_busy: bool = False  # measures for ever: never ready
    freeze: bool = False  # goes on saying what it said
    saturate: bool = False  # says the highest value it can
    unplug: bool = False  # is not there
    sda_stuck: bool = False  # holds the line down: nobody on this bus can talk
    sda_clocks: int = 9  # clocks after which it lets go; more than nine: a short circuit that never does
    wrong_chip_id: int | None = None  # says it is another chip
    _refusals: int = 0
    _damaged: int = 0
    _flip: tuple[int, int] = (0, 0)
    _noisy: int = 0
    _brown_out: bool = False

    def nack_next(self, transfers: int = 1) -> None:
        """Refuse the next transfers, or keep silent to the next requests."""
        self._refusals += transfers

    def corrupt(self, answers: int = 1, byte: int = 0, bit: int = 0) -> None:
        """Flip one bit of one byte (counted round the answer's length) in the next answers or frames."""
        self._damaged, self._flip = self._damaged + answers, (byte, bit)

    @property
    def hurts(self) -> bool:
        """Whether an answer is still to be damaged."""
        return self._damaged > 0

    def garbage(self, count: int = 16) -> None:
        """Let so many bytes of noise come before the next answer or frame."""
        self._noisy += count

    def brown_out(self) -> None:
        """Lose power for a moment: at the next transfer the chip is as after power-on."""
        self._brown_out = True

    def turn(self, knob: str, value: int = 1) -> None:
        """Turn a knob by its name, as the command line does. Raises KeyError naming the knobs."""
        if knob in SWITCHES:
            setattr(self, knob, bool(value))
        elif knob in COUNTED:
            getattr(self, knob)(value)
        elif knob == "brown_out":
            self.brown_out()
        elif knob == "wrong_chip_id":
            self.wrong_chip_id = value
        else:
            raise KeyError(f"no knob {knob!r}; there are {', '.join((*SWITCHES, *COUNTED))}, brown_out, wrong_chip_id")

    def calm(self) -> None:
        """Take back whatever was turned: nothing is wrong any more, and nothing is owed."""
        self.__init__()  # type: ignore[misc]

    def refuses(self) -> bool:
        """Asked by the chip once a transfer or request."""
        owed, self._refusals = self._refusals, max(0, self._refusals - 1)
        return owed > 0 or self.unplug

    def clocked(self) -> None:
        """A clock that belongs to no transfer: a chip that hangs in the midst of a byte goes on by a bit."""
        if self.sda_stuck and self.sda_clocks <= 9:
            self.sda_clocks -= 1
            if self.sda_clocks <= 0:
                self.sda_stuck, self.sda_clocks = False, 9

    def browned_out(self) -> bool:
        """Asked by the chip before anything else; true once per brown-out."""
        happened, self._brown_out = self._brown_out, False
        return happened

    def damaged(self, answer: bytes) -> bytes:
        """The answer as it reaches the wire."""
        if not self._damaged or not answer:
            return answer
        self._damaged -= 1
        byte, bit = self._flip
        hurt = bytearray(answer)
        hurt[byte % len(hurt)] ^= 1 << (bit % 8)
        return bytes(hurt)

    def noise(self) -> bytes:
        """The garbage owed before the next answer: bytes that hold every kind of frame's beginning."""
        owed, self._noisy = self._noisy, 0
        return bytes((0xAA, 0x42, 0x4D, 0xFF, 0x2F, 0x00, 0xC0, 0x86)[at % 8] for at in range(owed))
