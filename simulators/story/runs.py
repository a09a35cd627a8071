"""Telling stories one after the other: in a folder of their own, replayed, cut down when they fail, and kept.

A story that broke a promise is told again with half of its troubles left out, then a quarter, and so on, as long as it
still breaks the same one. What remains is written to a corpus file, which the tests tell for ever after.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from simulators.story.plan import Plan
from simulators.story.telling import Story, Told
from simulators.story.troubles import Trouble, read, script

MEMORY = Path("/dev/shm")
MOST_TRIES = 40


def tell(plan: Plan, troubles: Sequence[Trouble] | None = None) -> Told:
    """One story; the troubles of its seed unless others are given."""
    chosen = script(plan) if troubles is None else troubles
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="lantaarn-story-", dir=place) as folder:
        return Story(plan, chosen, Path(folder)).tell()


def shrink(told: Told, again: Callable[[Plan, Sequence[Trouble]], Told] = tell, most: int = MOST_TRIES) -> Told:
    """The same failure with as few troubles as `most` tries find."""
    broken = _broken(told)
    size = max(1, len(told.troubles) // 2)
    while most > 0:
        for part in _without(told.troubles, size):
            most -= 1
            tried = again(told.plan, part)
            if broken & _broken(tried):
                told = tried
                break
            if most <= 0:
                return told
        else:
            if size == 1:
                return told
            size = max(1, size // 2)
    return told


def _broken(told: Told) -> set[str]:
    return {name for name, verdict in told.invariants.items() if verdict != "holds"}


def _without(troubles: Sequence[Trouble], size: int) -> Iterator[Sequence[Trouble]]:
    for start in range(0, len(troubles), size):
        if part := [*troubles[:start], *troubles[start + size :]]:
            yield part


def keep(told: Told, file: Path) -> None:
    """A corpus file, which says what the story broke when it was found."""
    tree = {"seed": told.plan.seed, "nodes": told.plan.nodes, "days": told.plan.days,
            "broke": sorted(_broken(told)), "troubles": [trouble.tree() for trouble in told.troubles]}  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(tree, indent=1) + "\n")


def kept(file: Path) -> tuple[Plan, list[Trouble]]:
    """The story in a corpus file. Raises ValueError when it is none."""
    try:
        tree = json.loads(file.read_text())
        return Plan(tree["seed"], tree["nodes"], tree["days"]), read(tree["troubles"])
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{file} is no story: {error}") from None
