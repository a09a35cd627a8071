"""Drivers from PyPI reach devices through our simulated mux, expander and serial bridge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.sds011 import SDS011
from tests.oracles.listener import UNPACKED

ROOT = Path(__file__).parents[2]


def told(name: str) -> dict[str, Any]:
    folder = UNPACKED / "a"
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED: {name} is not there to read our chip; run `make setup` to unpack it")
    ran = subprocess.run([sys.executable, "-m", "tests.oracles.lodgers", str(folder), name], capture_output=True,
                         text=True, cwd=ROOT, timeout=60)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_mux_keeps_two_sensors_apart() -> None:
    found = told("adafruit_tca9548a")
    assert found["read"] == {"1": pytest.approx(-5.0, abs=0.03), "6": pytest.approx(35.0, abs=0.03)}
    assert found["mask"] == 0


def test_an_expander_sets_a_pin_and_latches_a_pulse() -> None:
    found = told("adafruit_mcp230xx")
    assert found["output"] == ["fd", "02"]
    assert (found["flags"], found["captured"], found["now"], found["after"]) == ([3], 1, False, [])


def test_a_bridge_hears_a_device() -> None:
    found = told("sc16is750")
    assert (found["baud"], found["alive"], found["before"]) == (9_600, True, False)
    assert len(SDS011().feed(bytes.fromhex(found["frame"]))) == 1
