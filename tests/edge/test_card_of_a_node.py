"""What a node of the demonstration writes in a day, counted by the kernel at the block device of its card."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.wear import DAY_MS, POOREST, years
from simulators.boards import board
from simulators.node import BOARD, Place, SimulatedNode
from simulators.streets import spots
from tests.bench.card import card, missing
from tests.bench.flash import IMAGE

SETTLING, SECONDS = 70, 120
GATE = 2  # people, counted by the window, and the air
MOST_DAY_BYTES = 150_000_000  # as much as an application that commits rows to SQLite, with a tenth of the readings


def live(node: SimulatedNode, seconds: int) -> None:
    until_ms = node.clock.boot_ms() + seconds * 1_000
    while node.clock.boot_ms() < until_ms:
        node.agent.step(1_000)


@pytest.mark.deep
@pytest.mark.skipif(bool(missing()), reason=f"NOT TESTED: bytes at the block layer: {missing()}")
def test_the_demonstration_wears_its_card_slowly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with card(tmp_path, "card", IMAGE) as here:
        spot = spots(1, GATE + 1)[GATE]
        (here.folder / BOARD).write_text(board(GATE, "demo-003", spot, "mqtt://localhost:1", commit_every="10s"))
        place = Place(1, GATE, 1.0, 1_767_225_600_000, time.monotonic_ns(), "1" * 32, str(tmp_path / "tally"))
        place.write(here.folder)
        node = SimulatedNode(here.folder)
        node.agent.start()
        live(node, SETTLING)
        here.sync()
        before = here.written()
        live(node, SECONDS)
        here.sync()
        written = here.written().since(before)
        status = node.agent.node.status(node.clock.boot_ms())
        node.agent.node.stop_sensors(node.agent.hear)
        node.agent.node.end()
        node.disk.close()
    day = written.size * DAY_MS / 1_000 / SECONDS
    with capsys.disabled():
        print(f"\n{written.size} bytes in {SECONDS} s: {day / 1e6:.0f} MB a day, {years(POOREST, day):.0f} years of "
              f"{POOREST.name}; the node itself says: {status['card']}")  # fmt: skip
    assert "MB a day" in str(status["card"]) and "the kernel on loop" in str(status["card"])
    assert day < MOST_DAY_BYTES
    assert years(POOREST, day) > 50
