"""`python -m tests.bench`: every figure beside its peer, in one run.

It measures, and always ends with 0: a missed goal is said aloud, but a figure of one machine is no verdict on a change.
First comes what needs a quiet machine; then the flash at true pace, and while its recorders sleep the agent's day.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fleet.trouble import Trouble
from tests.bench import against, agent, backlog, collector, flash, virtual, wire
from tests.bench.figure import Findings, Line, Skipped, machine
from tests.bench.report import as_json, as_table, progress

PARTS = ("wire", "collector", "start", "tls", "backlog", "agent", "day", "flash")


BACKLOG = backlog.Sizes()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how often."""

    chunks: int = 60
    collector_chunks: int = 100
    collector_runs: int = 5
    starts: int = 7
    steady_s: float = 120.0
    flash_s: int = 300
    day_s: int = 3_605
    priced_s: int = 600
    backlog: backlog.Sizes = BACKLOG


QUICK = Sizes(chunks=10, collector_chunks=10, collector_runs=1, starts=3, steady_s=20.0, flash_s=20, day_s=605,
              priced_s=60, backlog=backlog.Sizes(32, 1_000_000, 5.0))  # fmt: skip


def measure(sizes: Sizes, parts: Sequence[str], scratch: Path) -> Iterator[Line]:
    """All lines, as they come to be known."""
    if "wire" in parts:
        yield from wire.measure(sizes.chunks)
    if "collector" in parts:
        yield from collector.measure(scratch, sizes.collector_chunks, sizes.collector_runs)
    if "start" in parts:
        yield from _tried("agent: start to hello", lambda: agent.measure_starts(scratch, sizes.starts))
    if "tls" in parts:
        yield from _tried("what TLS costs", lambda: agent.measure_tls(scratch, sizes.steady_s / 2, sizes.starts))
    if "backlog" in parts:
        yield from _tried("backlog", lambda: backlog.measure(scratch, sizes.backlog))
    if "day" in parts:
        yield from virtual.measure(sizes.day_s, sizes.priced_s)
    with ExitStack() as stack:
        run = flash.begin(stack, scratch, sizes.flash_s) if "flash" in parts else None
        if "agent" in parts:
            yield from _tried("agent: CPU and memory", lambda: agent.measure_steady(scratch, sizes.steady_s))
        if isinstance(run, flash.Run):
            yield from flash.figures(run.finish(), sizes.flash_s)
        elif run is not None:
            yield run


def _tried(what: str, measured: Callable[[], Iterable[Line]]) -> list[Line]:
    """One part that fails does not take the others along."""
    try:
        return list(measured())
    except (RuntimeError, OSError, Trouble) as error:
        return [Skipped(what, f"{type(error).__name__}: {error}")]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Figures beside their peers.")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes: not for quoting")
    parser.add_argument("--seconds", type=int, help="of flash writing (default 300)")
    parser.add_argument("--hours", type=float, help="of the simulated day of forty sensors (default 1)")
    parser.add_argument("--against", metavar="COMMIT", help="measure the agent of this tree beside that one")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be given again")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    sizes = QUICK if options.quick else Sizes()
    if options.seconds:
        sizes = replace(sizes, flash_s=options.seconds)
    if options.hours:
        sizes = replace(sizes, day_s=round(options.hours * 3_600) + 5)
    findings = Findings(machine())
    with TemporaryDirectory(prefix="lantaarn-bench-") as scratch:
        lines = measure(sizes, options.only or PARTS, Path(scratch))
        if options.against:
            what = f"the agent beside {options.against}"
            lines = iter(_tried(what, lambda: against.measure(options.against, Path(scratch), options.quick)))
        for line in lines:
            print(progress(line), file=sys.stderr, flush=True)
            findings.lines.append(line)
    print(as_json(findings) if options.output == "json" else as_table(findings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
