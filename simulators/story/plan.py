"""How big a story is and how fine its grain; what is not said follows from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from edge.wiring import JournalPlan, OfficePlan, SensorPlan, Site, Wiring

START_MS = 1_830_297_600_000  # the first of January 2028, when a story begins
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
COARSE_FROM = DAY // 2  # what is longer is told in coarser steps


@dataclass(frozen=True, slots=True)
class Plan:
    """A story of `nodes` lampposts for so many `days`; times in ms."""

    seed: int
    nodes: int = 5
    days: float = 1 / 12

    @property
    def lasts_ms(self) -> int:
        """Until everything is healed; a quiet phase follows."""
        return round(self.days * DAY)

    @property
    def coarse(self) -> bool:
        return self.lasts_ms >= COARSE_FROM

    def chance(self, *whose: object) -> Random:
        """Dice of their own for whoever throws some, so that one throw more here changes nothing there."""
        return Random("/".join(map(str, (self.seed, *whose))))

    def names(self) -> list[str]:
        return [f"pole-{number:03}" for number in range(self.nodes)]

    def wiring(self, number: int) -> Wiring:
        """The board of one node. Its grain and the room of its journal differ from node to node."""
        dice = self.chance("board", number)
        commit_ms = dice.choice((300_000, 300_000, 600_000) if self.coarse else (60_000, 60_000, 60_000, 20_000))
        publish_ms = dice.choice((0, commit_ms, 2 * commit_ms))
        cap = dice.choice((128, 192, 256) if self.coarse else (128, 128, 256)) << 10
        sample_ms = dice.choice((60_000, 120_000, 120_000) if self.coarse else (20_000, 30_000))
        return Wiring(
            self.names()[number], Site(), OfficePlan("mqtt://story:1883", "", publish_ms=publish_ms),
            JournalPlan("", commit_ms, cap), _sensors(sample_ms, number),
        )  # fmt: skip


def _sensors(sample_ms: int, number: int) -> tuple[SensorPlan, ...]:
    air = SensorPlan("air", "sht31", "i2c", "/dev/i2c-1", 0x44, interval_ms=sample_ms)
    light = SensorPlan("light", "bh1750", "i2c", "/dev/i2c-1", 0x23, interval_ms=3 * sample_ms)
    road = SensorPlan("road", "pulse_counter", "gpio", "/dev/gpiochip0", pins={"line": 22}, interval_ms=5 * sample_ms)
    return (air, road) if number % 2 else (air, light, road)
