"""The broker of ten thousand nodes restarts: how hard they knock, and when the last of them is back.

The uplinks are the real ones, with their dice and their patience; of the rest of the nodes nothing is there. A fair
share is what the broker would see if the fleet spread its knocks evenly over the cap between two of them: nodes / cap.
Knocks at a broker that is still away count too. They are counted over ten seconds, because over one second chance
alone makes hills of a quarter. Of a small fleet chance makes higher ones: what so many nodes, each for itself, would
hardly ever reach at once is allowed too.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, sqrt
from random import Random
from typing import Any

from edge.effects import Committed, Connect, Effect, Tick
from edge.events import Connected, Lost
from edge.pace import Pace
from edge.uplink import Uplink

AWAY_S = (1, 10, 60, 300, 1_800)  # how long the broker is gone
BIN_S = 10
SETTLED_MS = 600_000  # the fleet has been connected for so long
NOTICED_MS = 1_000  # a connection that breaks is noticed within
ANSWER_MS = 50
LATE_S = 60
MOST = 2  # fair shares
KNOCKS = 4 / 3  # of a node within a cap, see edge.retry
HARDLY_EVER = 1e-6  # that chance alone goes beyond what is allowed, in a whole outage


@dataclass(frozen=True, slots=True)
class Gust:
    """One outage: the highest rate of knocks, and when after the broker's return the last node was back."""

    away_s: int
    peak_per_s: float
    back_s: float


@dataclass(frozen=True, slots=True)
class Storm:
    """All outages of one fleet."""

    nodes: int
    cap_s: float
    gusts: tuple[Gust, ...]

    @property
    def fair_per_s(self) -> float:
        """Knocks a second if they were spread evenly."""
        return self.nodes / self.cap_s

    @property
    def ok(self) -> bool:
        """Whether no outage brought more than twice that, and all were back in time."""
        late = self.cap_s + LATE_S
        return all(gust.peak_per_s <= self.most_per_s(gust) and gust.back_s <= late for gust in self.gusts)

    def most_per_s(self, gust: Gust) -> float:
        """Knocks a second that are allowed: two fair shares, or a hill that chance may make."""
        bins = 1 + (gust.away_s + self.cap_s) / BIN_S
        return max(MOST * self.fair_per_s, _hill(KNOCKS * self.fair_per_s * BIN_S, HARDLY_EVER / bins) / BIN_S)

    def tree(self) -> dict[str, Any]:
        """As `sim story --storm -o json` prints it."""
        return {"nodes": self.nodes, "cap_s": self.cap_s, "fair_per_s": round(self.fair_per_s, 2),
                "gusts": [asdict(gust) for gust in self.gusts], "ok": self.ok}  # fmt: skip

    def words(self) -> str:
        """As it is printed for people."""
        again = f"{self.nodes:,} nodes, each knocks again within {self.cap_s:g} s"
        lines = [f"{again}: a fair share is {self.fair_per_s:.1f} knocks a second."]
        for gust in self.gusts:
            shares = gust.peak_per_s / self.fair_per_s
            lines.append(f"broker away for {gust.away_s:>5} s: at most {gust.peak_per_s:6.1f} knocks a second, "
                         f"{shares:.2f} shares; all back after {gust.back_s:.0f} s")  # fmt: skip
        most = max((self.most_per_s(gust) for gust in self.gusts), default=0.0) / self.fair_per_s
        bound = "twice the share" if most <= MOST else f"{most:.1f} shares, which chance alone may bring of so few"
        return "\n".join([*lines, "It held." if self.ok else f"That is more than {bound}, or too late."])


def _hill(mean: float, rarely: float) -> int:
    """The number that a Poisson count of this mean exceeds with at most this probability."""
    number, likely = 0, exp(-mean) if mean < 700 else 0.0
    if not likely:
        return int(mean + 6 * sqrt(mean))  # far from where it matters
    beyond = 1 - likely
    while beyond > rarely:
        number += 1
        likely *= mean / number
        beyond -= likely
    return number


def storm(nodes: int, seed: int, pace: Pace | None = None, away_s: Sequence[int] = AWAY_S) -> Storm:
    """What happens when the broker of so many nodes is away for each of these times."""
    chosen = pace or Pace()
    gusts = tuple(_gust(nodes, seed, chosen, away) for away in away_s)
    return Storm(nodes, chosen.retry_cap_ms / 1_000, gusts)


def _gust(nodes: int, seed: int, pace: Pace, away_s: int) -> Gust:
    back_ms = SETTLED_MS + away_s * 1_000
    knocks: Counter[int] = Counter()
    last_ms = back_ms
    heap = [_joined(number, Random(f"{seed}/{away_s}/{number}"), pace) for number in range(nodes)]
    heapq.heapify(heap)
    while heap:
        now_ms, number, uplink = heapq.heappop(heap)
        if not _knocks(uplink.handle(Tick(), now_ms)):
            heapq.heappush(heap, (_due(uplink, now_ms), number, uplink))
            continue
        knocks[now_ms // (BIN_S * 1_000)] += 1
        answered_ms = now_ms + ANSWER_MS
        if now_ms >= back_ms:
            uplink.handle(Connected(), answered_ms)
            last_ms = max(last_ms, answered_ms)
        else:
            uplink.handle(Lost("connection refused"), answered_ms)
            heapq.heappush(heap, (_due(uplink, answered_ms), number, uplink))
    return Gust(away_s, max(knocks.values()) / BIN_S, (last_ms - back_ms) / 1_000)


def _joined(number: int, dice: Random, pace: Pace) -> tuple[int, int, Uplink]:
    """A node that had been connected for long when the broker went."""
    uplink = Uplink(Committed(1, 1, 1), dice.random, pace)
    uplink.handle(Tick(), 0)
    uplink.handle(Connected(), ANSWER_MS)
    lost_ms = SETTLED_MS + int(dice.random() * NOTICED_MS)
    uplink.handle(Lost("the broker is gone"), lost_ms)
    return _due(uplink, lost_ms), number, uplink


def _knocks(effects: Sequence[Effect]) -> bool:
    return any(isinstance(effect, Connect) for effect in effects)


def _due(uplink: Uplink, now_ms: int) -> int:
    due_ms = uplink.due_ms
    assert due_ms is not None
    return max(due_ms, now_ms + 1)
