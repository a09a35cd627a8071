"""Plantower PMSA003I: fine dust by laser, on I2C.

Source: Plantower's PMSA003I data manual V2.6. Wiring: VCC to 5 V (the fan needs it) on header pin 2, GND, SDA and SCL
to pins 3 and 5 (3.3 V levels), address 0x12, no faster than 100 kHz. There are no registers: every read gives the
frame from its first byte, the same 32 bytes that its siblings send over a serial line (drivers/pms5003.py), with
their sum.

Mass comes twice: "CF=1" for factory calibration and "atmospheric" for the street; only the second is published as pm.
Counts come per 0.1 L and leave here per cm³. Now and then it does not acknowledge: it is asked three times. The fan
needs half a minute before the air in the chamber is the air outside; until the first measurement the frame is all
zeros, and one without a single particle is no measurement whatever its version says. The error byte is documented
nowhere: values stand. At 1000 µg/m³ and at 65535 particles the truth is at least as high: flagged.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import ChecksumError, DriverError, FramingError, Nack, NotReady
from drivers.pms5003 import HEAD, MASS, NUMBER, USUAL, masses, numbers
from drivers.reading import Reading
from drivers.talk import Pause, Read, Talk

LENGTH = 4 + USUAL
TRIES, AGAIN_S = 3, 0.02


class PMSA003I(I2CDriver):
    """Mass of PM1, PM2.5 and PM10 (µg/m³, whole) and number of particles above six sizes (1/cm³)."""

    name = "pmsa003i"
    title = "Plantower PMSA003I: fine dust"
    datasheet = "https://cdn-shop.adafruit.com/product-files/4632/4505_PMSA003I_series_data_manual_English_V2.6.pdf"
    default_address = 0x12
    addresses = (0x12,)
    max_hz = 100_000
    measures = MASS + NUMBER
    decimals = dict.fromkeys(MASS, 0)
    warm_up_s = 30.0
    still_s = 86_400.0  # whole numbers: after rain there may be no coarse particle for hours
    bus_bytes = 1 + LENGTH

    def setup(self) -> Talk[None]:
        """Nothing to set: only that it is there and speaks so."""
        yield from _frame()

    def read(self) -> Talk[list[Reading]]:
        frame = yield from _frame()
        words = [int.from_bytes(frame[at : at + 2], "big") for at in range(4, LENGTH - 2, 2)]
        if not any(words[:12]):
            raise NotReady("no measurement yet: the frame is empty")
        return masses(words) + numbers(words[6:12])

    def probe(self) -> Talk[bool]:
        try:
            yield from _frame()
        except DriverError:
            return False
        return True


def _frame() -> Talk[bytes]:
    """One whole frame. Raises FramingError, ChecksumError, and Nack when it refuses three times."""
    frame = yield from _heard()
    if len(frame) != LENGTH or frame[:4] != HEAD + USUAL.to_bytes(2, "big"):
        raise FramingError("this is no frame of a PMSA003I")
    if sum(frame[:-2]) != int.from_bytes(frame[-2:], "big"):
        raise ChecksumError("the sum of the frame does not fit")
    return frame


def _heard() -> Talk[bytes]:
    for _ in range(TRIES - 1):
        try:
            return (yield Read(LENGTH))
        except Nack:
            yield Pause(AGAIN_S)
    return (yield Read(LENGTH))
