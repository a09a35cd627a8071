"""What is judged with what: the code of an area, and the tests that know it without a network, a process or a bench.

The tests are those that are quick enough to be run once per mutant; that others would notice a mutant too is no
credit here. In `code` and `tests` stand paths from the root of the tree, `*` for many; `besides` are tests among them
that measure the code, and so would measure mutmut's changes to it, or that are long for how little they see alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Area:
    name: str
    code: tuple[str, ...]
    tests: tuple[str, ...]
    besides: tuple[str, ...] = ()

    @property
    def selection(self) -> list[str]:
        """For pytest."""
        return [*self.tests, *(f"--deselect={test}" for test in self.besides)]


def _edge(*names: str) -> tuple[str, ...]:
    return tuple(f"edge/{name}.py" for name in names)


def _tests(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/edge/test_{name}.py" for name in names)


JOURNAL = Area(
    "journal",
    _edge("journal/*", "commits", "needs", "epochs", "schemas"),
    ("tests/edge/journal", *_tests("commits", "epochs", "hindsight", "schemas", "full_journal", "open_windows", "fit")),
    ("tests/edge/journal/test_cost.py", "tests/edge/journal/test_life.py::test_many_random_lives",
     "tests/edge/journal/test_disk.py::test_a_journal_lives_in_a_folder"),
)  # fmt: skip
CHUNK = Area(
    "chunk",
    tuple(f"edge/wire/{name}.py" for name in (
        "chunks", "rice", "bits", "cells", "groups", "codec", "record", "packs", "kept", "schema", "stamps")),
    ("tests/edge/wire",),
)  # fmt: skip
UPLINK = Area(
    "uplink",
    _edge("uplink", "outbox", "flight", "window", "tokens", "allowance", "retry", "pace", "courier", "ranges",
          "delivery", "effects"),
    _tests("uplink", "sessions", "uplink_rules", "outbox", "pacing", "ranges", "retry", "courier", "delivery"),
)  # fmt: skip
TIME = Area(
    "time",
    _edge("timekeeper", "timekeeping", "timecheck", "timex", "floor", "clock", "boots", "wire/clocks"),
    _tests("timekeeper", "timekeeping", "time_rules", "timecheck", "clock", "floor", "boots", "fleets_word"),
    ("tests/edge/test_clock.py::test_asking_the_kernel_costs_little_memory",),
)
AREAS = {area.name: area for area in (JOURNAL, CHUNK, UPLINK, TIME)}


def chosen(name: str) -> list[Area]:
    """The area of that name, or all. ValueError names those there are."""
    if name == "all":
        return list(AREAS.values())
    if name not in AREAS:
        raise ValueError(f"there is no area {name!r}; there are: {', '.join(AREAS)}, all")
    return [AREAS[name]]
