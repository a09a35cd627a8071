"""pypms reads our SPS30 at a terminal. It expects frames without a stuffed byte, so it is shown what needs none."""

from __future__ import annotations

from pathlib import Path

from simulators.chips.sps30_uart import SPS30UART
from simulators.clock import PacedClock
from simulators.uart import PtyDoor
from tests.oracles.listener import agree, witness

SPEED = 5.0
ROUND = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


def test_pypms_reads_what_our_sps30_feels(tmp_path: Path) -> None:
    chip = SPS30UART(PacedClock(SPEED).boot_us)
    values = dict(zip(SPS30UART.spans, ROUND, strict=True))
    chip.feels.update(values)
    with (
        PtyDoor(chip, tmp_path / "ttyUSB0") as door,
        witness("pypms_sps30", str(door.path), "tests.oracles.sensirion_serial") as reader,
    ):
        read = reader.read()
    assert set(read) == {quantity.value for quantity in SPS30UART.spans}
    agree(read, values, chip)
