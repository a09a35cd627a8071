"""Drivers from PyPI, which never heard of us, read our simulated chips and find what these were made to feel."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from drivers.catalog import CATALOG
from drivers.reading import Quantity
from simulators.chips.chip import Chip, I2CChip, Values
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock
from simulators.shelf import chip
from simulators.uart import PtyDoor
from tests.drivers.i2c_bench import vectors
from tests.oracles.listener import UNPACKED, agree, felt, witness

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
WITNESSES: list[dict[str, Any]] = tomllib.loads((HERE / "witnesses.toml").read_text())["witness"]
KEYS = {"name", "driver", "package", "set", "module", "bus", "only", "coarse", "spans", "settle_s", "reads", "by"}
ON_I2C = [w for w in WITNESSES if w["bus"] == "i2c" and "by" not in w]
ON_SERIAL = [w for w in WITNESSES if w["bus"] == "serial" and "by" not in w]
PLACES = (0.0, 0.013, 0.11, 0.29, 0.5, 0.632, 0.77, 0.95, 1.0)
AT_THE_PORT = (0.02, 0.35, 0.71)
SPEED = 5.0  # a frame every fifth of a second is soon enough to be waited for
Feels = list[dict[str, float]]


def told(one: dict[str, Any], feels: Feels, burnt: dict[str, str] | None = None) -> Feels:
    """What somebody else's driver reads of these climates."""
    folder = UNPACKED / one["set"]
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED: {one['name']} is not there to read our chip; run `make setup` to unpack it")
    asked = {"feels": feels, "burnt": burnt} | {key: one[key] for key in ("settle_s", "reads") if key in one}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.oracles.i2c_witness", str(folder), one["module"], one["name"], one["driver"]],
        input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert isinstance(found, list)
    return found


def readable(one: dict[str, Any], kind: type[Chip]) -> dict[str, tuple[float, float]]:
    """What is felt, and over which span: what the other can read at all."""
    spans = {quantity.value: span for quantity, span in kind.spans.items()}
    return spans | {name: (low, high) for name, (low, high) in one.get("spans", {}).items()}


def climates(one: dict[str, Any], kind: type[Chip]) -> list[dict[str, float]]:
    """Felt values over the whole span, each quantity at another place than its neighbours."""
    spans = readable(one, kind)

    def felt_at(at: int) -> dict[str, float]:
        places = (PLACES[(at + 2 * which) % len(PLACES)] for which in range(len(spans)))
        return {name: low + (high - low) * f for f, (name, (low, high)) in zip(places, spans.items(), strict=True)}

    return [felt_at(at) for at in range(len(PLACES))]


def reads_all(
    one: dict[str, Any], resolves: Values, feels: list[dict[str, float]], burnt: dict[str, str] | None = None
) -> None:
    found = told(one, feels, burnt)
    assert len(found) == len(feels)
    wanted = {q.value: r for q, r in resolves.items() if q.value in one.get("only", [q.value])}
    for felt_then, read in zip(feels, found, strict=True):
        assert set(read) >= set(wanted)
        for name, resolution in wanted.items():
            allowed = max(resolution * 1.000001, one.get("coarse", {}).get(name, 0.0))
            assert read[name] == pytest.approx(felt_then[name], abs=allowed), (name, felt_then, read)


@pytest.mark.parametrize("one", ON_I2C, ids=lambda one: one["name"])
def test_reads_what_our_i2c_chip_feels(one: dict[str, Any]) -> None:
    kind = chip(one["driver"])
    reads_all(one, kind.resolves, climates(one, kind))


@pytest.mark.parametrize("one", ON_SERIAL, ids=lambda one: one["name"])
def test_reads_what_our_serial_chip_feels(one: dict[str, Any], tmp_path: Path) -> None:
    made = chip(one["driver"])(PacedClock(SPEED).boot_us)
    assert isinstance(made, SerialChip)
    with (
        PtyDoor(made, tmp_path / "ttyUSB0") as door,
        witness(one["name"], str(door.path), one["module"], UNPACKED / one["set"]) as reader,
    ):
        for place in AT_THE_PORT:
            values = felt(made, place)
            door.feel(values)
            read = reader.read()
            agree({name: value for name, value in read.items() if name in one.get("only", [name])}, values, made)


CALIBRATED = [v for v in vectors("vectors-readings.json", "bme280") if len(v["door"].get("regs", {})) == 3]


@pytest.mark.parametrize("name", ["rpi_bme280", "adafruit_bme280"])
@pytest.mark.parametrize("vector", CALIBRATED, ids=lambda vector: vector["id"])
def test_reads_any_bme280(name: str, vector: dict[str, Any]) -> None:
    """With the calibrations of other chips, negative words among them, in a climate that all of them can tell."""
    kind = chip("bme280")
    assert issubclass(kind, I2CChip)
    (one,) = [witness for witness in WITNESSES if witness["name"] == name]
    burnt = {str(int(at, 16)): content for at, content in vector["door"]["regs"].items() if at != "0xF7"}
    climates = ((-5.0, 40.0, 98_000.0), (22.0, 55.0, 101_325.0))
    feels = [{"temperature": t, "humidity": h, "pressure": p} for t, h, p in climates]
    reads_all(one, kind.resolves, feels, burnt)


@pytest.mark.parametrize("one", WITNESSES, ids=lambda one: one["name"])
def test_the_list_of_witnesses_is_sound(one: dict[str, Any]) -> None:
    """An entry makes a driver gold: it must name a driver that there is, and be tested by somebody."""
    assert set(one) <= KEYS
    assert one["driver"] in CATALOG
    assert {quantity.upper() for quantity in one.get("only", [])} <= set(Quantity.__members__)
    locked = (ROOT / "requirements" / f"oracles-{one['set']}.txt").read_text().lower()
    assert f"\n{one['package'].lower().replace('.', '-')}==" in f"\n{locked}"
    if "by" in one:
        assert f'"{one["name"]}"' in (HERE / one["by"]).read_text()
