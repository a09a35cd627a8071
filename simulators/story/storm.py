"""The broker of ten thousand nodes restarts: how hard they knock, and when the last of them is back.

The uplinks are the real ones, with their dice and their patience; of the rest of the nodes nothing is there. A fair
share is what the broker would see if the fleet spread its knocks evenly over the cap between two of them: nodes / cap.
Knocks at a broker that is still away count too. They are counted over ten seconds, because over one second chance
alone makes hills of a quarter.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
        most, late = MOST * self.fair_per_s, self.cap_s + LATE_S
        return all(gust.peak_per_s <= most and gust.back_s <= late for gust in self.gusts)

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
        return "\n".join([*lines, "It held." if self.ok else "That is more than twice the share, or too late."])


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
