"""A serial driver of somebody else in a process of its own, and what it must have read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.reading import Quantity
from simulators.chips.serial_chip import SerialChip
from tests.drivers.streams import Values

ROOT = Path(__file__).parent.parent.parent
UNPACKED = Path(os.environ.get("LANTAARN_ORACLES", ROOT / ".oracles"))
FOLDER = UNPACKED / "a"
FIRST = "tests.oracles.serial_witness"
NAMED = {quantity.value: quantity for quantity in Quantity}


class Witness:
    """A process that reads when it is asked."""

    def __init__(self, name: str, path: str, module: str = FIRST, folder: Path = FOLDER) -> None:
        if not folder.is_dir():
            pytest.skip(f"NOT TESTED: {name} is not there to read our chip; run `make setup` to unpack it")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.oracles.serial_witness", str(folder), module, name, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the other driver gave up; its complaint is above"
        return line.strip()

    def read(self, line: str = "") -> Values:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        values: Values = json.loads(self.line())
        return values


@contextmanager
def witness(name: str, path: str = "", module: str = FIRST, folder: Path = FOLDER) -> Iterator[Witness]:
    one = Witness(name, path, module, folder)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def felt(chip: SerialChip, place: float) -> dict[Quantity, float]:
    """A value for each quantity, each somewhere else in its span."""
    shares = {quantity: (place + 0.13 * number) % 1 for number, quantity in enumerate(chip.spans)}
    return {quantity: low + (high - low) * shares[quantity] for quantity, (low, high) in chip.spans.items()}


def agree(read: Values, values: Mapping[Quantity, float], chip: SerialChip) -> None:
    """What somebody read is what the chip felt; of channels, those that carry it."""
    assert read
    for name, value in read.items():
        quantity, _, channel = name.partition(".")
        if channel in ("", "t1", "l1"):
            allowed = chip.resolves.get(NAMED[quantity], 1.0)
            assert value == pytest.approx(values[NAMED[quantity]], abs=allowed), (name, read, values)
