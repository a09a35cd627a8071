"""The arithmetic of Alphasense's four-electrode gas cells: from two voltages and a temperature to ppb.

A cell gives two small voltages: the working electrode sees the gas and everything else, the auxiliary one everything
else. How much of the second is to be taken from the first hangs on the temperature, in one of four ways that the
maker recommends by cell. Source: Alphasense Application Note 803, as several public transcriptions of it agree; the
factors are theirs, from -30 to 50 °C in tens, straight in between. The unit of algorithm 4's factor is told nowhere
clearly: mV is assumed. Sensitivities and zeros are never constants: each cell comes with a sheet of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

Factors = tuple[float, ...]
COLDEST_C, HOTTEST_C, STEP_C = -30.0, 50.0, 10.0

TABLE: dict[str, dict[int, Factors]] = {  # the first algorithm of a cell is the recommended one
    "CO-B4": {1: (0.7, 0.7, 0.7, 0.7, 1, 3, 3.5, 4, 4.5), 2: (0.2, 0.2, 0.2, 0.2, 0.3, 1, 1.2, 1.3, 1.5)},
    "NO2-B43F": {1: (1.3, 1.3, 1.3, 1.3, 1, 0.6, 0.4, 0.2, -1.5), 3: (1, 1, 1, 1, 1, 1, 0.4, -0.1, -4)},
    "OX-B431": {1: (0.9, 0.9, 1, 1.3, 1.5, 1.7, 2, 2.5, 3.7), 3: (0.5, 0.5, 0.5, 0.6, 0.6, 1, 2.8, 5, 5.3)},
    "NO-B4": {
        2: (1.8, 1.8, 1.4, 1.1, 1.1, 1, 0.9, 0.9, 0.8),
        3: (0.8, 0.8, 0.8, 0.8, 0.9, 1, 1.1, 1.2, 1.3),
        1: (2.9, 2.9, 2.2, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3),
    },
    "SO2-B4": {4: (-4, -4, -4, -4, -4, 0, 20, 140, 450), 1: (1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.9, 3, 5.8)},
    "CO-A4": {1: (1, 1, 1, 1, -0.2, -0.9, -1.5, -1.5, -1.5)},
    "NO2-A43F": {1: (0.8, 0.8, 1, 1.2, 1.6, 1.8, 1.9, 2.5, 3.6)},
    "OX-A431": {3: (0.1, 0.1, 0.2, 0.3, 0.7, 1, 1.7, 3, 4), 1: (1, 1.2, 1.2, 1.6, 1.7, 2, 2.1, 3.4, 4.6)},
    "NO-A4": {3: (0.7, 0.7, 0.7, 0.7, 0.8, 1, 1.2, 1.4, 1.6)},
    "SO2-A4": {4: (0, 0, 0, 0, 0, 0, 5, 25, 45)},
}


@dataclass(frozen=True, slots=True)
class Electrode:
    """The zeros of one electrode in mV: of its electronics, and of the cell in air without gas."""

    electronic_mv: float
    sensor_mv: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and the sheet that came with it. Raises ValueError for an algorithm that this cell does not have."""

    model: str
    algorithm: int  # 0: the recommended one
    we: Electrode
    ae: Electrode
    sensitivity_mv_per_ppb: float

    def __post_init__(self) -> None:
        if self.algorithm and self.algorithm not in TABLE[self.model]:
            there = ", ".join(map(str, sorted(TABLE[self.model])))
            raise ValueError(f"a {self.model} has the algorithms {there}, not {self.algorithm}")

    def factor(self, celsius: float) -> float:
        """Of the algorithm at this temperature; beyond the table that of its end."""
        factors = TABLE[self.model][self._chosen()]
        at = (max(COLDEST_C, min(HOTTEST_C, celsius)) - COLDEST_C) / STEP_C
        below = min(int(at), len(factors) - 2)
        return factors[below] + (factors[below + 1] - factors[below]) * (at - below)

    def corrected_mv(self, we_mv: float, ae_mv: float, celsius: float) -> float:
        """What of the working electrode's voltage is due to gas, in mV."""
        algorithm = self._chosen()
        factor = self.factor(celsius)
        we, ae = we_mv - self.we.electronic_mv, ae_mv - self.ae.electronic_mv
        if algorithm == 1:
            return we - factor * ae
        if algorithm == 2:
            return we - factor * self.we.sensor_mv / self.ae.sensor_mv * ae
        if algorithm == 3:
            return we - (self.we.sensor_mv - self.ae.sensor_mv) - factor * ae
        return we - self.we.sensor_mv - factor

    def _chosen(self) -> int:
        """The second algorithm is none for a cell whose auxiliary electrode has no zero: then the first."""
        algorithm = self.algorithm or next(iter(TABLE[self.model]))
        return 1 if algorithm == 2 and not self.ae.sensor_mv and 1 in TABLE[self.model] else algorithm


def within(celsius: float) -> bool:
    """Whether the factors are known at this temperature."""
    return COLDEST_C <= celsius <= HOTTEST_C
