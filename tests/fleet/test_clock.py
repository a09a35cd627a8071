"""When the office may tell others what time it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.wire.version import BUILT_MS
from fleet.clock import TIME_ERROR, kernel_state, sure_ms

FORBIDDEN = -1


class At:
    """The office's clock, which stands still."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def wall_ms(self) -> int:
        return self.now_ms


@pytest.mark.parametrize(
    ("state", "flag", "said", "sure"),
    [
        *((state, flag, "", True) for state in range(TIME_ERROR) for flag in (False, True)),
        (TIME_ERROR, True, "", False),  # it was synchronised once
        (FORBIDDEN, True, "", True),
        (FORBIDDEN, False, "", False),
        (TIME_ERROR, False, "sure", True),
        (TIME_ERROR, False, "perhaps", False),
    ],
)
def test_the_office_tells_the_time_only_when_it_is_sure(
    state: int, flag: bool, said: str, sure: bool, tmp_path: Path
) -> None:
    if flag:
        (tmp_path / "synchronized").touch()
    environment = {"FLEET_CLOCK": said} if said else {}
    now_ms = BUILT_MS + 5
    told = sure_ms(At(now_ms), lambda: state, tmp_path / "synchronized", environment)
    assert told == (now_ms if sure else None)


def test_an_office_that_lives_in_1970_or_2099_tells_nothing(tmp_path: Path) -> None:
    for wall_ms in (0, BUILT_MS - 1, 4_070_908_800_000):
        assert sure_ms(At(wall_ms), lambda: 0, tmp_path, {"FLEET_CLOCK": "sure"}) is None


def test_this_kernel_can_be_asked_or_refuses() -> None:
    assert kernel_state() in range(-1, TIME_ERROR + 1)
    assert sure_ms(state=lambda: 0, environment={}) is not None
