"""Sensirion SGP40: volatile organic compounds, as raw ticks and as an index.

Source: datasheet SGP40, version 1.2. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x59, as the SGP41's,
which does not hear the SGP40's commands. Set it `beside` a thermometer that knows the humidity: the film feels water,
too. An index of 100 is the usual air of this place, above it there is more to smell.
"""

from __future__ import annotations

from drivers.reading import Quantity, Reading
from drivers.sgp4x import LEARNS_S, SGP4x, raw
from drivers.talk import Talk

MEASURE, MEASURE_S = 0x260F, 0.030


class SGP40(SGP4x):
    """VOC in raw ticks and as an index (1 to 500)."""

    name = "sgp40"
    title = "Sensirion SGP40: VOC index"
    datasheet = "https://sensirion.com/resource/datasheet/sgp40"
    measures = (Quantity.VOC_RAW, Quantity.VOC_INDEX)
    warm_ups_s = LEARNS_S
    bus_bytes = 13  # write 1 + 8, read 1 + 3

    def read(self) -> Talk[list[Reading]]:
        (voc,) = yield from self.answer(MEASURE, 1, MEASURE_S)
        step_s = self.step_s()
        return [raw(Quantity.VOC_RAW, voc), *self.indexed(Quantity.VOC_INDEX, voc, step_s)]
