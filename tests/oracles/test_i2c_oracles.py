"""Drivers from PyPI, which never heard of us, read our simulated chips and find what these were made to feel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip
from simulators.shelf import chip
from tests.drivers.i2c_bench import vectors

ROOT = Path(__file__).parent.parent.parent
UNPACKED = Path(os.environ.get("LANTAARN_ORACLES", ROOT / ".oracles"))
SETS = {"sensirion_sps30": "b"}
PLACES = (0.0, 0.013, 0.11, 0.29, 0.5, 0.632, 0.77, 0.95, 1.0)
COARSE = {"adafruit_bme280": {Quantity.TEMPERATURE: 0.02, Quantity.HUMIDITY: 0.15, Quantity.PRESSURE: 4.0}}


def witness(name: str, feels: list[dict[str, float]], burnt: dict[str, str] | None = None) -> list[dict[str, float]]:
    folder = UNPACKED / SETS.get(name, "a")
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED: {name} is not there to read our chip; run `make setup` to unpack it")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.oracles.i2c_witness", str(folder), name],
        input=json.dumps({"feels": feels, "burnt": burnt}), capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert isinstance(found, list)
    return found


def climates(kind: type[I2CChip]) -> list[dict[str, float]]:
    """Felt values over the whole span, each quantity at another place than its neighbours."""

    def felt(at: int) -> dict[str, float]:
        places = (PLACES[(at + 2 * which) % len(PLACES)] for which in range(len(kind.spans)))
        return {q.value: low + (high - low) * f for f, (q, (low, high)) in zip(places, kind.spans.items(), strict=True)}

    return [felt(at) for at in range(len(PLACES))]


def agree(name: str, kind: type[I2CChip], feels: list[dict[str, float]], burnt: dict[str, str] | None = None) -> None:
    found = witness(name, feels, burnt)
    assert len(found) == len(feels)
    for felt, read in zip(feels, found, strict=True):
        assert set(read) == {quantity.value for quantity in kind.resolves}
        for quantity, resolution in kind.resolves.items():
            allowed = max(resolution, COARSE.get(name, {}).get(quantity, 0.0))
            assert read[quantity.value] == pytest.approx(felt[quantity.value], abs=allowed), (quantity, felt, read)


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("rpi_bme280", "bme280"),
        ("adafruit_bme280", "bme280"),
        ("sensirion_sht3x", "sht31"),
        ("sensirion_scd4x", "scd4x"),
        ("sensirion_sps30", "sps30"),
    ],
)
def test_reads_what_our_chip_feels(name: str, driver: str) -> None:
    kind = chip(driver)
    assert issubclass(kind, I2CChip)
    agree(name, kind, climates(kind))


CALIBRATED = [v for v in vectors("vectors-readings.json", "bme280") if len(v["door"].get("regs", {})) == 3]


@pytest.mark.parametrize("name", ["rpi_bme280", "adafruit_bme280"])
@pytest.mark.parametrize("vector", CALIBRATED, ids=lambda vector: vector["id"])
def test_reads_any_bme280(name: str, vector: dict[str, Any]) -> None:
    """With the calibrations of other chips, negative words among them, in a climate that all of them can tell."""
    kind = chip("bme280")
    assert issubclass(kind, I2CChip)
    burnt = {str(int(at, 16)): content for at, content in vector["door"]["regs"].items() if at != "0xF7"}
    climates = ((-5.0, 40.0, 98_000.0), (22.0, 55.0, 101_325.0))
    feels = [{"temperature": t, "humidity": h, "pressure": p} for t, h, p in climates]
    agree(name, kind, feels, burnt)
