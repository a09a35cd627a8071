"""The gas index against the published runs and against somebody else's port of the published algorithm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gas_index import BLACKOUT_S, NOX, VOC, Gas, GasIndex, sigmoid
from tests.drivers.i2c_bench import vectors

ROOT = Path(__file__).parents[2]
ORACLES = Path(os.environ.get("LANTAARN_ORACLES", ROOT / ".oracles")) / "a"
GASES = {"voc": VOC, "nox": NOX}
RUNS = {v["raw"]["algorithm"]: v for v in vectors("vectors-i2c.json", "GasIndexAlgorithm")}
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from adafruit_sgp41.gas_index_algorithm import GasIndexAlgorithm
algorithm = GasIndexAlgorithm(int(sys.argv[2]))
json.dump([algorithm.process(raw) for raw in json.load(sys.stdin)], sys.stdout)
"""


def published(gas: str) -> list[int]:
    if gas == "voc":
        return [30_000 + (i * 37) % 101 - 50 - (2_500 if 3_000 <= i < 3_300 else 0) for i in range(5_000)]
    return [15_000 + (i * 29) % 61 - 30 + (3_000 if 4_000 <= i < 4_400 else 0) for i in range(6_000)]


def indices(gas: Gas, ticks: list[int]) -> list[int]:
    index = GasIndex(gas)
    return [index.process(raw) for raw in ticks]


def theirs(gas: str, ticks: list[int]) -> list[int]:
    if not ORACLES.is_dir():
        pytest.skip("NOT TESTED: adafruit_sgp41 is not there to compare with; run `make setup` to unpack it")
    ran = subprocess.run(
        [sys.executable, "-c", ASK, str(ORACLES), "0" if gas == "voc" else "1"],
        input=json.dumps(ticks), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("gas", ["voc", "nox"])
def test_the_published_runs(gas: str) -> None:
    vector: dict[str, Any] = RUNS[gas]
    ticks = published(gas)
    assert len(ticks) == vector["raw"]["samples"]
    found = indices(GASES[gas], ticks)
    for at, expected in vector["expected"]["index_at"]["value"].items():
        assert abs(found[int(at)] - expected) <= 1, at


def stormy(gas: str, times: int) -> list[int]:
    """Steps, ramps, impossible samples, the ends of the scale, seldom quiet: `times` quarters of an hour of it."""
    base = 30_000 if gas == "voc" else 15_000
    quiet = [base + (i * 7919) % 201 - 100 for i in range(200 * times)]
    ramp = [base - i // 2 for i in range(150 * times)]
    broken = [0, 65_000, 70_000, 1, 64_999] * 10
    high, low = [base + 9_000] * (40 * times), [base - 9_000] * (60 * times)
    return [*quiet, *ramp, *quiet[:100], *broken, *high, *quiet, *low, *quiet]


@pytest.mark.parametrize("times", [3, pytest.param(60, marks=pytest.mark.deep)])
@pytest.mark.parametrize("gas", ["voc", "nox"])
def test_as_somebody_else_does_it(gas: str, times: int) -> None:
    ticks = stormy(gas, times)
    ours, other = indices(GASES[gas], ticks), theirs(gas, ticks)
    assert max(abs(mine - that) for mine, that in zip(ours, other, strict=True)) <= 2
    assert len(set(ours)) > 20


@pytest.mark.parametrize("gas", [VOC, NOX])
def test_says_nothing_for_the_first_45_seconds_however_they_are_cut(gas: Gas) -> None:
    for dt_s in (0.5, 1.0, 5.0):
        index, said = GasIndex(gas), 0
        while not said:
            said = index.process(30_000, dt_s)
        assert BLACKOUT_S < index.uptime_s <= BLACKOUT_S + 2 * dt_s


@pytest.mark.parametrize("gas", [VOC, NOX])
def test_usual_air_is_usual_at_any_pace(gas: Gas) -> None:
    for dt_s in (1.0, 1.3, 10.0):
        index = GasIndex(gas)
        for at in range(int(7_200 / dt_s)):
            said = index.process(30_000 + at % 3, dt_s)
        assert abs(said - gas.usual) <= 2


@given(st.lists(st.tuples(st.integers(-5, 70_000), st.floats(0.5, 10.0)), max_size=400))
@pytest.mark.parametrize("gas", [VOC, NOX])
def test_any_samples_give_an_index(gas: Gas, samples: list[tuple[int, float]]) -> None:
    index = GasIndex(gas)
    assert all(0 <= index.process(raw, dt_s) <= 500 for raw, dt_s in samples)


def test_sigmoid_ends() -> None:
    assert (sigmoid(-1e6, 0.0, 1.0), sigmoid(1e6, 0.0, 1.0), sigmoid(0.0, 0.0, 1.0)) == (1.0, 0.0, 0.5)
