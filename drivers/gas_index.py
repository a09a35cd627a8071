"""From the raw ticks of a metal-oxide gas sensor to an index: how the air compares with what is usual here.

The sensor has no zero and drifts for years, so its ticks mean nothing by themselves. The algorithm (Sensirion's gas
index algorithm, version 3, restated here in floating point) learns the mean and the spread of the last twelve hours,
and says how far the air of this moment lies from that: 100 is usual for VOC, 1 for NOx, up to 500. During the first
45 s it says nothing; for an hour (VOC) or six (NOx) it still learns fast and deserves doubt. An event is not learnt
as usual: learning is gated while the index is high, but not for ever (three hours, twelve for NOx).

It knows no clock: each sample comes with the time since the one before, 1 s as a rule, 10 s at most. Source: the
published algorithm (BSD-3, Sensirion), whose constants these are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BLACKOUT_S = 45.0
TICKS_LOW, TICKS_HIGH, TICKS_SPAN = 0, 65_000, 32_767
GAIN, STD_INITIAL, STD_BONUS_VOC, STD_NOX = 230.0, 50.0, 220.0, 2000.0
TAU_HOURS, TAU_INITIAL_VARIANCE_S, INIT_SLOPE = 12.0, 2500.0, 0.01
GATING_INITIAL, GATING_SLOPE, GATING_RATIO = 510.0, 0.09, 0.3
TOP, FAST_S, SLOW_S, ALPHA = 500.0, 20.0, 500.0, -0.2
SCALING, MEAN_SCALING, UPTIME_LIMIT_S, REBASE = 64.0, 8.0, 32_767.0, 100.0
STD_LIMIT = 1440.0


@dataclass(frozen=True, slots=True)
class Gas:
    """What differs between the two gases."""

    usual: float
    ticks_min: int
    gating_max_min: float
    init_mean_s: float
    init_variance_s: float
    gating_threshold: float
    tau_initial_mean_s: float
    sigmoid_middle: float
    sigmoid_slope: float
    spread_fixed: bool


VOC = Gas(100.0, 20_000, 180.0, 0.75 * 3600, 1.45 * 3600, 340.0, 20.0, 213.0, -0.0065, False)
NOX = Gas(1.0, 10_000, 720.0, 4.75 * 3600, 5.70 * 3600, 30.0, 1200.0, 614.0, -0.0101, True)


def sigmoid(sample: float, middle: float, slope: float) -> float:
    """Between 1 (far below the middle, for a positive slope) and 0."""
    exponent = slope * (sample - middle)
    if exponent < -50.0:
        return 1.0
    return 0.0 if exponent > 50.0 else 1.0 / (1.0 + math.exp(exponent))


class Usual:
    """Learns the mean and the spread of the ticks."""

    def __init__(self, gas: Gas) -> None:
        self._gas = gas
        self.begun = False
        self._mean = self._offset = 0.0
        self.std = STD_INITIAL
        self._learning_s = self._gating_s = self._gated_min = 0.0

    @property
    def mean(self) -> float:
        """In ticks above the gas's minimum."""
        return self._mean + self._offset

    def learn(self, ticks: float, index: float, dt_s: float) -> None:
        """One sample, and the index that it has just been given."""
        if not self.begun:
            self.begun, self._offset, self._mean = True, ticks, 0.0
            return
        if abs(self._mean) >= REBASE:
            self._offset, self._mean = self._offset + self._mean, 0.0
        gamma_mean, gamma_variance = self._gammas(index, dt_s)
        distance = (ticks - self._offset - self._mean) / SCALING
        reach = self.std + abs(distance)
        scale = (reach / STD_LIMIT) ** 2 if reach > STD_LIMIT else 1.0
        kept = math.sqrt(scale * (SCALING - gamma_variance))
        self.std = kept * math.sqrt(
            self.std * self.std / (SCALING * scale) + gamma_variance * distance * distance / scale
        )
        self._mean += gamma_mean * distance / MEAN_SCALING

    def _gammas(self, index: float, dt_s: float) -> tuple[float, float]:
        """How fast mean and variance follow at this moment; advances the counters of time."""
        gas, hours = self._gas, dt_s / 3600.0
        if self._learning_s < UPTIME_LIMIT_S - dt_s:
            self._learning_s += dt_s
        if self._gating_s < UPTIME_LIMIT_S - dt_s:
            self._gating_s += dt_s
        slow = SCALING * hours / (TAU_HOURS + hours)
        early_mean = sigmoid(self._learning_s, gas.init_mean_s, INIT_SLOPE)
        early_variance = sigmoid(self._learning_s, gas.init_variance_s, INIT_SLOPE)
        quick_mean = MEAN_SCALING * SCALING * dt_s / (gas.tau_initial_mean_s + dt_s)
        quick_variance = SCALING * dt_s / (TAU_INITIAL_VARIANCE_S + dt_s)
        mean = MEAN_SCALING * slow + (quick_mean - MEAN_SCALING * slow) * early_mean
        variance = slow + (quick_variance - slow) * (early_variance - early_mean)
        open_mean, open_variance = self._gate(index, gas.init_mean_s), self._gate(index, gas.init_variance_s)
        self._count_gated(open_mean, dt_s)
        return open_mean * mean, open_variance * variance

    def _gate(self, index: float, init_s: float) -> float:
        """1 while the air is usual, 0 during an event."""
        threshold = self._gas.gating_threshold
        threshold += (GATING_INITIAL - threshold) * sigmoid(self._gating_s, init_s, INIT_SLOPE)
        return sigmoid(index, threshold, GATING_SLOPE)

    def _count_gated(self, open_mean: float, dt_s: float) -> None:
        gated = (1.0 - open_mean) * (1.0 + GATING_RATIO) - GATING_RATIO
        self._gated_min = max(0.0, self._gated_min + dt_s / 60.0 * gated)
        if self._gated_min > self._gas.gating_max_min:
            self._gating_s = 0.0


class Smooth:
    """A low pass that lets large steps through at once and smooths the small ones."""

    def __init__(self) -> None:
        self._fast = self._slow = self._out = 0.0
        self._begun = False

    def pass_on(self, value: float, dt_s: float) -> float:
        if not self._begun:
            self._begun, self._fast, self._slow, self._out = True, value, value, value
        self._fast += dt_s / (FAST_S + dt_s) * (value - self._fast)
        self._slow += dt_s / (SLOW_S + dt_s) * (value - self._slow)
        tau = (SLOW_S - FAST_S) * math.exp(ALPHA * abs(self._fast - self._slow)) + FAST_S
        self._out += dt_s / (dt_s + tau) * (value - self._out)
        return self._out


class GasIndex:
    """One sensor's index. `process` is called with each raw sample."""

    def __init__(self, gas: Gas) -> None:
        self.gas = gas
        self.uptime_s = 0.0
        self._blackout_s = 0.0
        self._ticks = 0.0
        self._index = 0.0
        self._usual, self._smooth = Usual(gas), Smooth()
        self._mean, self._std = self._usual.mean, self._usual.std  # as of the sample before

    def process(self, raw: int, dt_s: float = 1.0) -> int:
        """The index, 1 to 500; 0 during the blackout. `raw` in ticks, `dt_s` since the sample before."""
        self.uptime_s += dt_s
        if self._blackout_s <= BLACKOUT_S:
            self._blackout_s += dt_s
            return int(self._index + 0.5)
        self._accept(raw)
        value = self._raw_index() if self._usual.begun or not self.gas.spread_fixed else self.gas.usual
        self._index = max(self._smooth.pass_on(value, dt_s), 0.5)
        if self._ticks > 0:
            self._usual.learn(self._ticks, self._index, dt_s)
            self._mean, self._std = self._usual.mean, self._usual.std
        return int(self._index + 0.5)

    def _accept(self, raw: int) -> None:
        """A sample that the sensor can not have given leaves the one before in force."""
        if TICKS_LOW < raw < TICKS_HIGH:
            low = self.gas.ticks_min
            self._ticks = float(max(low + 1, min(low + TICKS_SPAN, raw)) - low)

    def _raw_index(self) -> float:
        """How far these ticks lie from what is usual, on the scale of 0 to 500."""
        gas, away = self.gas, self._ticks - self._mean
        value = away / STD_NOX * GAIN if gas.spread_fixed else -away / (self._std + STD_BONUS_VOC) * GAIN
        exponent = gas.sigmoid_slope * (value - gas.sigmoid_middle)
        if exponent < -50.0:
            return TOP
        if exponent > 50.0:
            return 0.0
        if value < 0.0:
            return TOP / (1.0 + math.exp(exponent))
        shift = TOP / (TOP - 1.0) * (1.0 - gas.usual) if gas.spread_fixed else (TOP - 5.0 * gas.usual) / 4.0
        return (TOP + shift) / (1.0 + math.exp(exponent)) - shift
