"""The half that Sensirion's SGP40 and SGP41 share: they are told how humid the air is, and answer raw ticks.

Such a sensor must be looked at every second (`look_s`), however seldom it is reported: its heater works only while it
is asked, and the gas index (`drivers.gas_index`) learns from each sample. What it has learnt lives in this process,
not in the chip; so a failure on the bus costs it nothing, and only a silence of ten minutes makes it begin anew. As
long as it learns fast its values are flagged `warming`, and in its first 45 s there are none.

The chip has no setting that could be lost and nothing that tells of a loss of power; after one it measures on, its
heater some seconds too cold, which the index takes for a brief event.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, WrongChip
from drivers.gas_index import NOX, TICKS_HIGH, TICKS_LOW, VOC, GasIndex
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, hear, tell
from drivers.setting import Chosen
from drivers.talk import Talk

SERIAL, SELF_TEST = 0x3682, 0x280E
SERIAL_S, SELF_TEST_S = 0.001, 0.320
SOUND = 0xD400
NO_HUMIDITY, NO_TEMPERATURE = 0x8000, 0x6666  # 50 %, 25 °C: when nobody knows better
LOOK_S, LONGEST_STEP_S, FORGETS_AFTER_S = 1.0, 10.0, 600.0
GASES = {Quantity.VOC_INDEX: VOC, Quantity.NOX_INDEX: NOX}
LEARNS_S = {Quantity.VOC_INDEX: 3_600.0, Quantity.NOX_INDEX: 21_600.0}


class SGP4x(I2CDriver):
    """Subclasses say what is asked and which gases are answered."""

    default_address = 0x59
    addresses = (0x59,)
    max_hz = 400_000
    look_s = LOOK_S
    uses = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    warm_up_s = 45.0

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._tested = False
        self._looked_us: int | None = None
        self._indices: dict[Quantity, GasIndex] = {}
        self._forget()

    def _forget(self) -> None:
        self._indices = {quantity: GasIndex(gas) for quantity, gas in GASES.items() if quantity in self.measures}

    def setup(self) -> Talk[bool]:
        """True while what the indices have learnt still holds."""
        serial = yield from ask(SERIAL, 3, SERIAL_S)
        if serial in (bytes(6), b"\xff" * 6):
            raise WrongChip(f"expected {self.title.partition(':')[0]}, found the serial number {serial.hex()}")
        if not self._tested:
            yield from self._test()
        return self._looked_us is not None and self.at_us - self._looked_us <= FORGETS_AFTER_S * 1e6

    def _test(self) -> Talk[None]:
        """Heater and film, once: the test disturbs the measurement."""
        if (found := int.from_bytes((yield from ask(SELF_TEST, 1, SELF_TEST_S)), "big")) != SOUND:
            raise DeviceFault(f"the self-test of the gas sensor failed ({found:04X})")
        self._tested = True

    def answer(self, code: int, words: int, wait_s: float) -> Talk[list[int]]:
        """The raw ticks that this command gives, compensated for the air of the moment."""
        yield from tell(code, *compensation(self.known), wait_s=wait_s)
        answer = yield from hear(words)
        return [int.from_bytes(answer[at : at + 2], "big") for at in range(0, len(answer), 2)]

    def step_s(self) -> float:
        """The time since the last look, as the algorithm bears it; a long silence makes the indices begin anew."""
        before, self._looked_us = self._looked_us, self.at_us
        if before is None or self.at_us <= before:
            return LOOK_S
        if (passed_s := (self.at_us - before) / 1e6) > FORGETS_AFTER_S:
            self._forget()
            return LOOK_S
        return min(passed_s, LONGEST_STEP_S)

    def indexed(self, quantity: Quantity, ticks: int, step_s: float) -> list[Reading]:
        """The index of these ticks; nothing during the blackout."""
        index = self._indices[quantity]
        if not (value := index.process(ticks, step_s)):
            return []
        learns = index.uptime_s < LEARNS_S[quantity]
        flags = raw(quantity, ticks).flags
        return [Reading(quantity, float(value), flags=flags | Flag.WARMING if learns else flags)]

    def probe(self) -> Talk[bool]:
        try:
            return (yield from ask(SERIAL, 3, SERIAL_S)) not in (bytes(6), b"\xff" * 6)
        except DriverError:
            return False


def raw(quantity: Quantity, ticks: int) -> Reading:
    """Ticks as they came; flagged where the film cannot say so, and its index goes on with what it said before."""
    sound = TICKS_LOW < ticks < TICKS_HIGH
    return Reading(quantity, float(ticks), flags=Flag.NONE if sound else Flag.RANGE)


def compensation(known: Mapping[Quantity, float]) -> tuple[int, int]:
    """Humidity and temperature as ticks; the chip's own defaults where a neighbour does not know both."""
    humidity, temperature = known.get(Quantity.HUMIDITY), known.get(Quantity.TEMPERATURE)
    if humidity is None or temperature is None:
        return NO_HUMIDITY, NO_TEMPERATURE
    wet = max(0.0, min(100.0, humidity)) * 65535 / 100
    warm = (max(-45.0, min(130.0, temperature)) + 45) * 65535 / 175
    return int(wet), int(warm)
