"""A process of its own that plays PMS5003s on real terminals, so that agent and peer open device files by their path.

Arguments: the paths. It says `ready`, and ends when its standard input does.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from random import Random

from drivers.reading import Quantity
from edge.clock import SystemClock
from simulators.chips.pms5003 import PMS5003
from simulators.uart import PtyDoor


def main(*paths: str) -> None:
    chance, clock = Random(7), SystemClock()

    def noise(quantity: Quantity) -> float:
        return chance.gauss(0.0, 0.6)

    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(PtyDoor(PMS5003(clock.boot_us, noise), Path(path)))
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
