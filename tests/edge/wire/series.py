"""Seeded series as a pole measures them: what chunk sizes and speeds are stated for.

A walk per quantity at its stored resolution, a little rougher than the published entropy floors: temperature moves
0.02 °C a sample, humidity 0.035 %RH, pressure 1.5 Pa, CO2 1 ppm, PM2.5 0.6 µg/m³ at a resolution of 0.1, and an energy
counter grows by 3 ± 1 Wh. Stamps are shared, on a timetable from which each sample is up to 3 ms off.
"""

import random

from edge.wire.chunks import Column, Schema, Strip

AIR = (("temperature", 2), ("humidity", 2), ("pressure", 0), ("co2", 0), ("pm2_5", 1), ("energy_import", 3))
STARTS = (1_734, 6_512, 101_325, 431, 87, 1_284_310)
SPREADS = (2.0, 3.5, 1.5, 1.0, 6.0)
BOOT_MS = 3 * 86_400_000  # the node has been up for three days


def schema(columns: int = 6) -> Schema:
    return Schema(
        tuple(Column("air", *AIR[index % 6][:1], str(index // 6 or ""), AIR[index % 6][1]) for index in range(columns))
    )


def strips(samples: int, period_ms: int, seed: int = 1, columns: int = 6) -> list[Strip]:
    chance = random.Random(seed)
    times = [BOOT_MS + index * period_ms + chance.randint(-3, 3) for index in range(samples)]
    return [Strip(column, times, _walk(chance, column % 6, samples), [0] * samples) for column in range(columns)]


def _walk(chance: random.Random, column: int, samples: int) -> list[int]:
    at, out = float(STARTS[column]), []
    for _ in range(samples):
        out.append(round(at))
        at += chance.choice((2, 3, 3, 3, 4)) if column == 5 else chance.gauss(0, SPREADS[column])
    return out
