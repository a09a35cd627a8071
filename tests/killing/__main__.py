"""`python -m tests.killing --broker nats|mosquitto|both --kills 200 --readings 1000000 [--seed S] [-o json]`.

One JSON object a line for each broker on stdout, what happens on the way on stderr. Exit code 0 when at every one of
them nothing was lost, nothing is there twice, and no kill of an agent cost more than one commit interval.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from fleet.servers import SERVERS
from tests.killing.ordeal import Ordeal
from tests.killing.town import Plan, Town


def ordeal(plan: Plan, folder: Path) -> dict[str, Any]:
    """Runs one in an empty folder; what came of it."""
    town = Town(plan, folder)
    try:
        run = Ordeal(town, lambda words: print(f"{plan.broker}: {words}", file=sys.stderr, flush=True))
        return run.verdict(run.run())
    finally:
        town.close()


def main() -> int:
    """Runs what is asked for."""
    wanted = argparse.ArgumentParser(prog="python -m tests.killing", description=__doc__)
    wanted.add_argument("--broker", choices=[*SERVERS, "both"], default="both")
    wanted.add_argument("--kills", type=int, default=200, help="in all; with both brokers half of them each")
    wanted.add_argument("--readings", type=int, default=1_000_000, help="at least so many, in all")
    wanted.add_argument("--seed", type=int, default=7)
    wanted.add_argument("--nodes", type=int, default=8)
    wanted.add_argument("--speed", type=float, default=10.0, help="simulated seconds in a real one")
    wanted.add_argument("--keep", type=Path, help="keep everything in this folder")
    wanted.add_argument("-o", "--output", choices=["json", "table"], default="table")
    told = wanted.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    brokers = list(SERVERS) if told.broker == "both" else [told.broker]
    whole = True
    for broker in brokers:
        share = len(brokers)
        plan = Plan(broker, told.kills // share, told.readings // share, told.seed, told.nodes, told.speed)
        with tempfile.TemporaryDirectory(prefix="lantaarn-", ignore_cleanup_errors=True) as folder:
            place = (told.keep or Path(folder)) / broker
            place.mkdir(parents=True)
            answer = ordeal(plan, place)
        whole = whole and answer["whole"]
        say(answer, told.output)
    return 0 if whole else 1


def say(answer: dict[str, Any], output: str) -> None:
    """One object a line, or a line for each figure."""
    if output == "json":
        print(json.dumps(answer), flush=True)
    else:
        print("\n".join(f"{key:<24} {value}" for key, value in answer.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
