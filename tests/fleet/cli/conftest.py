"""What the commands about identity are tried in."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.clock import SystemClock
from tests.fleet.cli.counter import Town


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    made = Town(tmp_path / "home")
    monkeypatch.setattr(SystemClock, "wall_ms", lambda self: made.time.now_ms)
    return made
