"""w1thermsensor, which reads millions of DS18B20s through Linux, reads our simulated one where it stands in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.reading import Quantity
from simulators.chips.ds18b20 import DS18B20
from simulators.clock import VirtualClock
from simulators.files import printed_to
from tests.oracles.listener import FOLDER, ROOT
from tests.oracles.onewire import FOLDER as PLACE

FELT = [-55.0, -10.13, -0.06, 0.0, 0.07, 21.4, 84.0, 99.9, 125.0]


class Reader:
    """The other's driver in a process of its own, and the chip whose print it reads."""

    def __init__(self, name: str, devices: Path) -> None:
        if not FOLDER.is_dir():
            pytest.skip(f"NOT TESTED: {name} is not there to read our chip; run `make setup` to unpack it")
        clock = VirtualClock()
        self.chip, self.slave = DS18B20(clock.boot_us), devices / PLACE / "w1_slave"
        clock.advance(60)
        printed_to(self.slave, self.chip)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.oracles.onewire", str(FOLDER), name, str(devices)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def read(self) -> dict[str, Any]:
        printed_to(self.slave, self.chip)
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def end(self) -> None:
        self.process.communicate(timeout=30)


def test_w1thermsensor_reads_what_our_chip_feels(tmp_path: Path) -> None:
    reader = Reader("w1thermsensor", tmp_path)
    for bits, step in ((12, 1 / 16), (11, 1 / 8), (10, 1 / 4), (9, 1 / 2)):
        reader.chip.write(b"%d\n" % bits)
        for felt in FELT:
            reader.chip.feels[Quantity.TEMPERATURE] = felt
            read = reader.read()
            assert read["temperature"] == pytest.approx(felt, abs=step / 2 * 1.0001)
            assert read["bits"] == bits
    reader.end()


def test_w1thermsensor_refuses_what_we_refuse(tmp_path: Path) -> None:
    reader = Reader("w1thermsensor", tmp_path)
    for knob, why in (("brown_out", "ResetValueError"), ("corrupt", "SensorNotReadyError")):
        reader.chip.faults.turn(knob)
        assert reader.read() == {"error": why}
        assert reader.read()["temperature"] == 20.0
    reader.chip.faults.sda_stuck = True
    assert reader.read() == {"error": "SensorNotReadyError"}
    reader.end()
