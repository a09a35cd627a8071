"""Winsen MH-Z19B and C: carbon dioxide by infrared light, asked over a serial port.

Wiring: Vin to 5 V, GND, Tx to RXD of the Pi, Rx to TXD. 3.3 V levels. It needs three minutes to warm up. Its
"automatic baseline" (ABC) takes the lowest value of each day for 400 ppm: right on a street, wrong in a greenhouse.

Settings are kept by the device, which cannot be asked for them: they are written once per start of the agent, to a
device that was heard to be there, and proven only by its still answering. Some makes answer a setter and some do not,
so that is not waited for: it may still lie in the line when the next reading is asked, which is why `read` looks for
its own answer among other bytes.

Where its range ends, the truth is at least as high: flagged. 0 ppm is no air. After a dip of its supply it begins anew
without a word. The undocumented temperature and status bytes are left alone. Source: Winsen MH-Z19B user's manual V1.5.
"""

from __future__ import annotations

from drivers.driver import SerialDriver
from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Read, Talk, Write

READ, ABC, RANGE = 0x86, 0x79, 0x99
LENGTH = 9
SPANS = (2000, 5000, 10_000)
ANSWER_S = 1.0
BETWEEN_COMMANDS_S = 0.1
PATIENCE = 64  # bytes that are no answer before giving up


def checksum(body: bytes) -> int:
    """What makes the seven bytes after the first add up to zero; may be zero itself."""
    return -sum(body) & 0xFF


def command(function: int, *data: int) -> bytes:
    """The nine bytes of a command: start, device 1, function, five bytes, checksum."""
    body = bytes([1, function, *data]).ljust(7, b"\0")
    return b"\xff" + body + bytes([checksum(body)])


class MHZ19(SerialDriver):
    """CO2 in ppm."""

    name = "mhz19"
    title = "Winsen MH-Z19B: carbon dioxide"
    datasheet = "https://www.winsen-sensor.com/d/files/infrared-gas-sensor/mh-z19b-co2-ver1_0.pdf"
    measures = (Quantity.CO2,)
    settings = (
        Setting("abc", "leave", "automatic baseline: on, off, or as the device has it", ("leave", "on", "off")),
        Setting("range", 0, "upper end in ppm; 0 leaves it as it is", (0, *SPANS)),
    )
    interval_min_s = 2.0
    warm_up_s = 180.0
    bus_bytes = 18

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._told = self.chosen["abc"] == "leave" and not self.chosen["range"]

    def setup(self) -> Talk[None]:
        """Write what the board asks to be written, once, and nothing else. Raises NoAnswer when nobody is there."""
        if self._told:
            return
        yield from self._asked()
        yield from self._tell()
        yield from self._asked()
        self._told = True

    def _tell(self) -> Talk[None]:
        if self.chosen["abc"] != "leave":
            yield Write(command(ABC, 0xA0 if self.chosen["abc"] == "on" else 0))
            yield Pause(BETWEEN_COMMANDS_S)
        if span := int(self.chosen["range"]):
            yield Write(command(RANGE, 0, 0, 0, *span.to_bytes(2, "big")))
            yield Pause(BETWEEN_COMMANDS_S)

    def read(self) -> Talk[list[Reading]]:
        """One value. Raises NoAnswer, ChecksumError, FramingError, NotReady."""
        answer = yield from self._asked()
        if not (co2 := answer[2] << 8 | answer[3]):
            raise NotReady("no measurement yet: 0 ppm is no air")
        return [Reading(Quantity.CO2, float(co2), flags=Flag.RANGE if self._at_its_end(co2) else Flag.NONE)]

    def _at_its_end(self, co2: int) -> bool:
        """Of a device that was not told its range, any end that it could have."""
        span = int(self.chosen["range"])
        return co2 >= span if span else co2 in SPANS or co2 >= SPANS[-1]

    def probe(self) -> Talk[bool]:
        """Whether something here answers like an MH-Z19."""
        try:
            yield from self._asked()
        except DriverError:
            return False
        return True

    def _asked(self) -> Talk[bytes]:
        yield Write(command(READ))
        return (yield from self._answer())

    def _answer(self) -> Talk[bytes]:
        """The nine bytes of the answer, wherever they begin in what the line says."""
        seen, wrong, passed = b"", None, 0
        while passed < PATIENCE:
            try:
                seen += yield Read(LENGTH - len(seen), ANSWER_S)
            except NoAnswer:
                raise wrong or NoAnswer("the sensor does not answer") from None
            if seen.startswith(bytes([0xFF, READ])) and checksum(seen[1:8]) == seen[8]:
                return seen
            wrong = _refusal(seen, wrong)
            keep = _promising(seen)
            passed += len(seen) - len(keep)
            seen = keep
        raise wrong or FramingError("no answer among what the line says")


def _refusal(seen: bytes, before: DriverError | None) -> DriverError:
    """Why these nine bytes are no answer; a broken answer says more than bytes of something else."""
    if seen.startswith(bytes([0xFF, READ])):
        return ChecksumError("the answer does not fit its checksum")
    return before or FramingError("the line says something else than the answer")


def _promising(seen: bytes) -> bytes:
    """The rest of these bytes from where an answer may begin."""
    for at in range(1, len(seen)):
        if bytes([0xFF, READ]).startswith(seen[at : at + 2]):
            return seen[at:]
    return b""
