"""What a run of mutmut came to: counts, a score, and the survivors that nobody has given a reason for."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

GOAL = 85.0
NAME = re.compile(r"[\w.ǁ]+__mutmut_\d+")
KINDS = ("killed", "timeout", "survived", "no tests")


@dataclass(frozen=True, slots=True)
class Tally:
    """One area. `unlisted`: survivors and untested mutants that the area's page does not name."""

    area: str
    counts: Counter[str]
    unlisted: list[str] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """All but those that were not run, such as what a sample left out."""
        return sum(self.counts.values()) - self.counts["not checked"] - self.counts["skipped"]

    @property
    def score(self) -> float:
        """Per cent. A mutant that hangs was noticed; one that ends in any other way was not."""
        return 100.0 * (self.counts["killed"] + self.counts["timeout"]) / self.judged if self.judged else 0.0


def verdicts(output: str) -> dict[str, str]:
    """What `mutmut results --all true` printed: the verdict of each mutant by its name."""
    lines = (line.strip().rsplit(": ", 1) for line in output.splitlines() if "__mutmut_" in line)
    return {parts[0]: parts[1] for parts in lines if len(parts) == 2}


def named(page: str) -> set[str]:
    """The mutants that a page names, in full or without what stands before the function."""
    return set(NAME.findall(page))


def tally(area: str, found: dict[str, str], page: str) -> Tally:
    known = named(page)
    alive = (name for name, verdict in found.items() if verdict in ("survived", "no tests"))
    return Tally(area, Counter(found.values()), sorted(name for name in alive if not _within(name, known)))


def _within(name: str, known: set[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[cut:]) in known for cut in range(len(parts)))


def sample(names: Iterable[str], size: int, seed: int) -> list[str]:
    """So many of them, the same ones for the same seed."""
    ordered = sorted(names)
    return sorted(random.Random(seed).sample(ordered, min(size, len(ordered))))


def table(tallies: Sequence[Tally]) -> str:
    """For people: one line each, then the survivors without a reason."""
    lines = [f"{'area':<9}{'mutants':>8}" + "".join(f"{kind:>10}" for kind in (*KINDS, "other", "score"))]
    for each in tallies:
        counts = [each.counts[kind] for kind in KINDS]
        cells = "".join(f"{count:>10}" for count in (*counts, each.judged - sum(counts)))
        lines.append(f"{each.area:<9}{each.judged:>8}{cells}{each.score:>9.1f}%")
    for each in tallies:
        if each.unlisted:
            lines.append(f"\nNot in docs/mutants/{each.area}.md:")
            lines.extend(f"  {name}" for name in each.unlisted)
    return "\n".join(lines)
