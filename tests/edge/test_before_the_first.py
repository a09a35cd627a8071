"""Before the first certificate: the agent as its own process samples and journals; and what the desk says of the time
raises the floor, or nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events import Claimed
from edge.floor import MARGIN_MS, read
from edge.identity import KEY
from edge.timekeeper import ASKED_MS, Timekeeper
from edge.wire.clocks import ClockQuality, credible
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.signing import DAY_MS, Office
from tests.edge.test_cli import BOARD, NODE, agent, counters, edge, status_of, stop, wait

TOLD = Claimed("unreachable", unix_ms=BUILT_MS + 100 * DAY_MS, at_ms=40_000)


def keeper(disk: MemoryDisk | None = None) -> Timekeeper:
    clock = VirtualClock(50_000_000, start_wall_ms=0, believed=ClockQuality.UNKNOWN)
    found = Timekeeper(clock, disk or MemoryDisk())
    found.look()
    return found


def test_the_office_raises_the_floor_over_its_own_line_for_this_life_and_the_next() -> None:
    disk = MemoryDisk()
    one = keeper(disk)
    assert one.moment().unix_ms is None and one.moment().floor_ms == BUILT_MS
    assert one.hears(TOLD, 50_000)
    told_ms = TOLD.unix_ms or 0
    assert one.moment().floor_ms == pytest.approx(told_ms - MARGIN_MS + 10_000, abs=10)
    one.look()
    assert one.belief.quality is ClockQuality.FLOOR
    kept = read(disk)
    assert kept is not None and kept.unix_ms == told_ms - MARGIN_MS
    assert keeper(disk).moment().floor_ms >= told_ms - MARGIN_MS
    assert not one.hears(TOLD, 51_000), "it is no news any more"


@given(st.integers(-10, 2**62) | st.integers(BUILT_MS - DAY_MS, BUILT_MS + 8_000 * DAY_MS), st.integers(-10, 2**40),
       st.integers(0, 2_000 * DAY_MS))  # fmt: skip
def test_it_is_never_lowered_and_nothing_impossible_or_old_is_believed(unix_ms: int, at_ms: int, risen_ms: int) -> None:
    one, now_ms = keeper(), 50_000
    one.hears(Claimed("granted", unix_ms=BUILT_MS + risen_ms, at_ms=now_ms), now_ms)
    before = one.moment().floor_ms
    rose = one.hears(Claimed("granted", unix_ms=unix_ms, at_ms=at_ms), now_ms)
    assert (one.moment().floor_ms > before) == rose and one.moment().floor_ms >= before
    assert not rose or (credible(unix_ms) and now_ms - ASKED_MS <= at_ms <= now_ms)
    assert not one.hears(Claimed("granted"), now_ms)


def put(folder: Path, desk: int) -> Path:
    office = '[office]\nurl = "mqtts://127.0.0.1:1"\npublish_every = "0s"\nback_within = "2s"'
    board = folder / "node.toml"
    board.write_text(BOARD.format(office=office, interval="1s"))
    card = {"node": NODE, "url": "mqtts://127.0.0.1:1", "enrol": f"https://127.0.0.1:{desk}", "token": "the-token",
            "trust": Office().trust}  # fmt: skip
    (folder / "credentials.json").write_text(json.dumps(card))
    (folder / "credentials.json").chmod(0o600)
    return board


def certificate(board: Path) -> str:
    status = status_of(board)
    checks = status["checks"] if status else []
    assert isinstance(checks, list)
    return next((check["reason"] for check in checks if check["name"] == "certificate"), "")


def test_a_node_whose_desk_is_away_samples_journals_and_asks_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    board = put(tmp_path, port)
    with agent(board) as process:
        wait(lambda: counters(board).get("journalled", 0) >= 4)
        wait(lambda: "Connection refused" in certificate(board))
        key = (tmp_path / "identity" / KEY).read_bytes()
        assert stop(process) == 0
    assert (tmp_path / "identity" / KEY).stat().st_mode & 0o777 == 0o600
    assert edge("enrol", board).returncode == 5
    assert (tmp_path / "identity" / KEY).read_bytes() == key, "made once"


def test_a_desk_that_never_answers_holds_nobody_up_and_the_child_ends_with_the_agent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        board = put(tmp_path, mute.getsockname()[1])
        with agent(board) as process:
            child, _ = mute.accept()
            with child:
                before = counters(board).get("journalled", 0)
                wait(lambda: counters(board).get("journalled", 0) >= before + 8)
                assert stop(process) == 0
                child.settimeout(20)
                while child.recv(4_096):
                    pass  # until the child is gone, which was killed and had no time to say so
