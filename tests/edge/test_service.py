"""The systemd unit: what it promises is checked line by line, and scored by systemd itself where there is one."""

from __future__ import annotations

import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "edge.service"
WORST_EXPOSURE = 30  # tenths


@pytest.fixture
def service() -> dict[str, str]:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",), inline_comment_prefixes=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert parser["Install"]["WantedBy"] == "multi-user.target"
    return dict(parser["Service"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"), ("WatchdogSec", "60"), ("Restart", "always"), ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"), ("DevicePolicy", "closed"), ("CapabilityBoundingSet", ""),
        ("User", "lantaarn"), ("StateDirectory", "lantaarn"),
    ],
)  # fmt: skip
def test_it_is_what_it_promises(service: dict[str, str], key: str, value: str) -> None:
    assert service[key] == value


def test_it_runs_our_command_and_may_still_look_at_its_host(service: dict[str, str]) -> None:
    assert service["ExecStart"].split()[1:] == ["run", "/var/lib/lantaarn/node.toml"]
    assert "ProcSubset" not in service  # would hide /proc/meminfo from the vitals
    assert int(service["TimeoutStopSec"]) > 5  # the last words take two seconds, stuck buses one each


def test_it_may_ask_the_kernel_whether_the_clock_is_synchronised(service: dict[str, str]) -> None:
    """The last filter stands; @privileged before it holds @clock, and ProtectClock= would forbid it again."""
    assert {"adjtimex", "clock_adjtime"} <= set(service["SystemCallFilter"].split())
    assert "ProtectClock" not in service
    assert service["CapabilityBoundingSet"] == "" and service["NoNewPrivileges"] == "yes"  # so it cannot set it


def test_the_user_is_made_by_sysusers() -> None:
    assert "u lantaarn -" in UNIT.with_name("lantaarn.sysusers.conf").read_text()


def test_systemd_finds_it_little_exposed() -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("NOT TESTED: needs systemd-analyze (Debian's systemd)")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={WORST_EXPOSURE}", str(UNIT)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout[-300:] + run.stderr
