"""ScioSense ENS160 and ENS161: air quality from four heated metal oxides, as an index, TVOC and an estimate of CO2.

Source: the ENS160 datasheet (SC-001224-DS). Wiring: SDA and SCL to header pins 3 and 5, 3V3 to pin 1, CS to 3V3;
address 0x52 with ADDR low, 0x53 with ADDR high. An LTR390 sits at 0x53 as well.

The chip computes by itself and renews its data every second. It says how far they hold: fine; warming up (three minutes
after each start) and initial start-up (the first hour of its life), whose values are flagged as warming; or invalid,
which gives none. Its eCO2 is guessed from other gases and is never published as co2; the index is that of the German
UBA, 1 to 5. It wants to know the temperature and humidity around it: name a neighbour with `beside`, otherwise it
assumes 25 °C and 50 %. In deep sleep, as after power-on, its status says that nothing runs: then it is set up anew, and
warms up anew, which it says itself. There is no checksum over a whole reading: it is read until two answers agree.
Values at the end of what it can tell (TVOC and eCO2 of 65000) are flagged: the truth is at least as high.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import BusFault, ChecksumError, DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.talk import Pause, Talk, Write

PART_ID, OPMODE, COMMAND, AMBIENT, STATUS = 0x00, 0x10, 0x12, 0x13, 0x20
PARTS = (0x0160, 0x0161)
RESET, IDLE, STANDARD = 0xF0, 0x01, 0x02
CLEAR = 0xCC
RUNNING, FAILED, NEW_DATA, NEW_RAW = 0x80, 0x40, 0x02, 0x01
FINE, INVALID = 0, 3
FIELD = 6  # status, index, TVOC, eCO2
SETTLE_S, POLL_S, POLLS, LOOKS = 0.010, 0.25, 6, 4
HIGHEST = 65_000


class ENS160(I2CDriver):
    """Index of air quality (1 to 5), TVOC (ppb) and eCO2 (ppm, an estimate)."""

    name = "ens160"
    title = "ScioSense ENS160: air quality index, TVOC, eCO2"
    datasheet = "https://www.sciosense.com/wp-content/uploads/2023/12/ENS160-Datasheet.pdf"
    default_address = 0x53
    addresses = (0x52, 0x53)
    max_hz = 400_000
    measures = (Quantity.AQI_UBA, Quantity.TVOC, Quantity.ECO2)
    uses = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    still_s = 43_200.0  # at night, in clean air, it stands at its floor of 400 ppm
    bus_bytes = 6 + 4 + 2 * 9  # the climate, status, the field twice

    def setup(self) -> Talk[bool]:
        part = int.from_bytes((yield from twice(PART_ID, 2)), "little")
        if part not in PARTS:
            raise WrongChip(f"expected an ENS160, found a part {part:04X}")
        if (yield from _runs()):
            return True
        yield Write(bytes([OPMODE, RESET]))
        yield Pause(SETTLE_S)
        yield Write(bytes([OPMODE, IDLE]))
        yield Pause(SETTLE_S)
        yield Write(bytes([COMMAND, CLEAR]))
        yield Write(bytes([OPMODE, STANDARD]))
        yield Pause(SETTLE_S)
        return False

    def read(self) -> Talk[list[Reading]]:
        """Raises NotMeasured while the chip calls its own output invalid."""
        yield from self._tell_climate()
        yield from _fresh()
        return _readings((yield from _field()))

    def _tell_climate(self) -> Talk[None]:
        celsius, percent = (self.known.get(quantity) for quantity in self.uses)
        if celsius is not None and percent is not None:
            yield Write(bytes([AMBIENT]) + climate(celsius, percent))

    def probe(self) -> Talk[bool]:
        try:
            return int.from_bytes((yield from twice(PART_ID, 2)), "little") in PARTS
        except DriverError:
            return False


def climate(celsius: float, percent: float) -> bytes:
    """Temperature and humidity as the chip takes them: 1/64 K and 1/512 %, low byte first."""
    kelvin = round(max(0.0, min(1023.0, celsius + 273.15)) * 64)
    humid = round(max(0.0, min(100.0, percent)) * 512)
    return kelvin.to_bytes(2, "little") + humid.to_bytes(2, "little")


def _runs() -> Talk[bool]:
    mode = (yield from registers(OPMODE, 1))[0]
    status = (yield from registers(STATUS, 1))[0]
    return mode == STANDARD and status & (RUNNING | FAILED) == RUNNING


def _fresh() -> Talk[None]:
    """Wait for the data of this second. Raises DeviceFault, NotReady."""
    for _ in range(POLLS):
        status = (yield from registers(STATUS, 1))[0]
        if status == 0xFF:
            raise BusFault("the status is FF: nobody drives the bus")
        if not status & RUNNING:
            raise DeviceFault("the chip does not run: it was without power for a moment")
        if status & NEW_DATA:
            return
        yield Pause(POLL_S)
    raise NotReady("the chip has no new measurement")


def _field() -> Talk[bytes]:
    """Status and values, told alike twice in a row; that they were read clears a bit of the status."""
    before = b""
    for _ in range(LOOKS):
        told = yield from registers(STATUS, FIELD)
        field = bytes([told[0] & ~(NEW_DATA | NEW_RAW) & 0xFF]) + told[1:]
        if field == before:
            return field
        before = field
    raise ChecksumError("no two readings in a row are the same: the bus flips bits")


def _readings(field: bytes) -> list[Reading]:
    validity = field[0] >> 2 & 0x03
    if not field[0] & RUNNING:
        raise DeviceFault("the chip does not run: it was without power for a moment")
    if field[0] & FAILED:
        raise DeviceFault("the chip reports an error of its own")
    if validity == INVALID:
        raise NotMeasured("the chip calls its own output invalid")
    flags = Flag.NONE if validity == FINE else Flag.WARMING
    index = field[1] & 0x07
    found = [Reading(Quantity.AQI_UBA, float(index), flags=flags)] if 1 <= index <= 5 else []
    for quantity, word in ((Quantity.TVOC, field[2:4]), (Quantity.ECO2, field[4:6])):
        value = int.from_bytes(word, "little")
        found.append(Reading(quantity, float(value), flags=flags | (Flag.RANGE if value >= HIGHEST else Flag.NONE)))
    return found
