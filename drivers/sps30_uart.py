"""Sensirion SPS30 on a serial port: particulate matter by mass and by number.

Source: datasheet SPS30, section 5. Wiring: 5 V, SEL left open (to ground it would speak I2C), RX of the sensor to TXD
of the Pi and TX to RXD, 115,200 baud, 3.3 V levels. Where the cable is longer than 10 cm, it beats I2C.

What holds for the SPS30 over I2C (`drivers.sps30`) holds here: it is left to measure where it does (one that measures
refuses to be started), an idle one has lost its power and is set up anew, the cleaning period of the fan is kept in
flash and written only when it differs, 30 s of warm-up, and `rest` puts it to sleep. A sleeping interface swallows the
first bytes: so wake is said twice. A device with something in its status register says so in each answer, and only
then is asked what.
"""

from __future__ import annotations

import struct

from drivers.driver import SerialDriver, SerialLine
from drivers.errors import DeviceFault, DriverError, FramingError, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Reading
from drivers.sensirion import name_of
from drivers.setting import Chosen, Setting
from drivers.shdlc import Answer, ask
from drivers.sps30 import HAS_STATUS, ORDER, SPS30_TYPE, condition, sound
from drivers.talk import Pause, Talk

START, STOP, TAKE, SLEEP, WAKE, AUTO_CLEAN = 0x00, 0x01, 0x03, 0x10, 0x11, 0x80
INFO, VERSION, STATUS = 0xD0, 0xD1, 0xD2
PRODUCT_TYPE, OF_STATUS, CLEAR, PERIOD = b"\x00", b"\x00", b"\x01", b"\x00"
WRONG_STATE = 0x43
FORMATS = {"float": (b"\x01\x03", ">10f"), "uint16": (b"\x01\x05", ">10H")}
WAKE_S, REST_S, POLL_S, POLLS = 0.050, 0.005, 0.100, 15


class SPS30UART(SerialDriver):
    """Mass (µg/m³) and number (1/cm³) of particles up to a size."""

    name = "sps30_uart"
    title = "Sensirion SPS30 on a serial port: particulate matter"
    datasheet = "https://sensirion.com/resource/datasheet/sps30"
    line = SerialLine(115_200)
    measures = ORDER
    warm_up_s = 30.0
    can_rest = True
    bus_bytes = 53  # request 6, answer 47 and a few stuffed
    settings = (
        Setting("format", "float", "what the chip sends; uint16 rounds to whole numbers", choices=("float", "uint16")),
        Setting("auto_clean_s", 604_800, "seconds between two cleanings of the fan; 0: never", low=0, high=2**32 - 1),
    )

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._has_status = False
        self._trusted = False  # measuring as we left it, for all we know
        self._start, self._layout = FORMATS[str(self.chosen["format"])]

    def setup(self) -> Talk[bool]:
        """True when it was found measuring as we left it, and has given a reading since the last setup."""
        trusted, self._trusted = self._trusted, False
        if trusted and (yield from ask(START, self._start)).state == WRONG_STATE:
            return True
        yield from _wake()
        yield from ask(STOP)
        if (found := name_of((yield from _obeyed(INFO, PRODUCT_TYPE)).data)) != SPS30_TYPE:
            raise WrongChip(f"expected an SPS30, found product type {found!r}")
        version = (yield from _obeyed(VERSION)).data
        self._has_status = tuple(version[:2]) >= HAS_STATUS
        if self._has_status:
            yield from _obeyed(STATUS, CLEAR)
        yield from self._set_fan_cleaning()
        yield from _obeyed(START, self._start)
        return False

    def _set_fan_cleaning(self) -> Talk[None]:
        """Old firmware tells the new period only after a reset: there, the next setup is the proof."""
        wanted = round(float(self.chosen["auto_clean_s"])).to_bytes(4, "big")
        if (yield from _obeyed(AUTO_CLEAN, PERIOD)).data == wanted:
            return
        yield from _obeyed(AUTO_CLEAN, PERIOD + wanted)
        if self._has_status and (found := (yield from _obeyed(AUTO_CLEAN, PERIOD)).data) != wanted:
            raise DeviceFault(f"the fan's cleaning period does not stick: it stays {int.from_bytes(found, 'big')} s")

    def read(self) -> Talk[list[Reading]]:
        """Raises NotMeasured when the device is idle, NotReady when nothing comes, DeviceFault."""
        try:
            answer = yield from self._new_measurement()
        except (NotMeasured, NotReady):
            self._trusted = False
            raise
        if len(answer.data) != struct.calcsize(self._layout):
            raise FramingError(f"{len(answer.data)} bytes are no measurement in this format")
        values = struct.unpack(self._layout, answer.data)
        sound(values)
        flags = (yield from self._condition()) if answer.error else Flag.NONE
        self._trusted = True
        return [Reading(quantity, float(value), flags=flags) for quantity, value in zip(ORDER, values, strict=False)]

    def _new_measurement(self) -> Talk[Answer]:
        for _ in range(POLLS):
            answer = yield from ask(TAKE)
            if answer.state == WRONG_STATE:
                raise NotMeasured("the SPS30 is idle: it lost power, or somebody stopped it")
            if answer.state:
                raise DeviceFault(f"the SPS30 does not give its measurement: {answer.refusal}")
            if answer.data:
                return answer
            yield Pause(POLL_S)
        raise NotReady("no new measurement within 1.5 s: the chip is not measuring")

    def _condition(self) -> Talk[Flag]:
        if not self._has_status:
            raise DeviceFault("the SPS30 reports a fault, and is too old to say which")
        return condition(int.from_bytes((yield from _obeyed(STATUS, OF_STATUS)).data[:4], "big"))

    def rest(self) -> Talk[None]:
        self._trusted = False
        yield from ask(STOP)
        yield from ask(SLEEP)
        yield Pause(REST_S)

    def probe(self) -> Talk[bool]:
        try:
            yield from _wake()
            return name_of((yield from _obeyed(INFO, PRODUCT_TYPE)).data) == SPS30_TYPE
        except DriverError:
            return False


def _wake() -> Talk[None]:
    """The first wakes the interface and may go unanswered; what is answered is of no interest: it may be awake."""
    try:
        yield from ask(WAKE, timeout_s=WAKE_S)
    except DriverError:
        yield from ask(WAKE)


def _obeyed(command: int, data: bytes = b"") -> Talk[Answer]:
    """An answer to a command that must not be refused. Raises DeviceFault."""
    answer = yield from ask(command, data)
    if answer.state:
        raise DeviceFault(f"the SPS30 refuses command {command:02X}: {answer.refusal}")
    return answer
