"""Sensirion SGP41: volatile organic compounds and nitrogen oxides, as raw ticks and as indices.

Source: datasheet SGP41, version 1.0. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x59, as the SGP40's,
which does not hear the SGP41's commands. Set it `beside` a thermometer that knows the humidity. An index of 100 is the
usual VOC of this place, an index of 1 the usual NOx.

The film for NOx is conditioned once, right after its heater comes on, and must not be for longer than 10 s: it would be
damaged. So the heater is switched off first, and a conversation that breaks off switches it off again and conditions
no more: without it the film only takes longer to settle.
"""

from __future__ import annotations

from drivers.errors import DriverError
from drivers.reading import Quantity, Reading
from drivers.sensirion import tell_if_heard
from drivers.setting import Chosen
from drivers.sgp4x import LEARNS_S, SGP4x, raw
from drivers.talk import Pause, Talk

CONDITION, MEASURE, HEATER_OFF = 0x2612, 0x2619, 0x3615
MEASURE_S, HEATER_S = 0.050, 0.001
CONDITIONING_S, SECOND_S = 8, 1.0  # of at most 10 s: room for a bus that fails in the last of them


class SGP41(SGP4x):
    """VOC and NOx in raw ticks and as indices (1 to 500)."""

    name = "sgp41"
    title = "Sensirion SGP41: VOC and NOx index"
    datasheet = "https://sensirion.com/resource/datasheet/sgp41"
    measures = (Quantity.VOC_RAW, Quantity.NOX_RAW, Quantity.VOC_INDEX, Quantity.NOX_INDEX)
    warm_ups_s = LEARNS_S
    bus_bytes = 16  # write 1 + 8, read 1 + 6

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._conditioned_s = 0

    def setup(self) -> Talk[bool]:
        held = yield from super().setup()
        if not self._conditioned_s:
            yield from tell_if_heard(HEATER_OFF, HEATER_S)
        try:
            while self._conditioned_s < CONDITIONING_S:
                self._conditioned_s += 1
                yield from self.answer(CONDITION, 1, MEASURE_S)
                yield Pause(SECOND_S - MEASURE_S)
            yield from self.answer(MEASURE, 2, MEASURE_S)  # ends the conditioning
        except DriverError:
            self._conditioned_s = CONDITIONING_S
            yield from tell_if_heard(HEATER_OFF, HEATER_S)
            raise
        return held

    def read(self) -> Talk[list[Reading]]:
        voc, nox = yield from self.answer(MEASURE, 2, MEASURE_S)
        step_s = self.step_s()
        return [
            raw(Quantity.VOC_RAW, voc), raw(Quantity.NOX_RAW, nox),
            *self.indexed(Quantity.VOC_INDEX, voc, step_s), *self.indexed(Quantity.NOX_INDEX, nox, step_s),
        ]  # fmt: skip
