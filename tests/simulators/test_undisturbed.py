"""Ctrl-C at a terminal: every process of the command gets it, and one sentence is all that is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.trouble import Trouble
from simulators.undisturbed import helpers
from tests.fleet.pole import wait_for

pytestmark = pytest.mark.once
SAID = "Interrupted; everything that was started has been stopped.\n"
STORY = ["story", "--seeds", "1:400", "--nodes", "2", "--days", "0.05", "--jobs", "2", "-o", "json"]
CRASH = ["crash", "journal", "--states", "900000000", "--jobs", "2", "-o", "json"]


def children(of: int) -> list[int]:
    """Helpers that this process began and that still run."""
    found = Path(f"/proc/{of}/task/{of}/children").read_text().split() if Path(f"/proc/{of}").exists() else []
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("command", [STORY, pytest.param(CRASH, marks=pytest.mark.deep)], ids=["story", "crash"])
@pytest.mark.parametrize("settled", [False, pytest.param(True, marks=pytest.mark.deep)], ids=["beginning", "settled"])
def test_an_interrupted_command_ends_with_one_sentence(command: list[str], settled: bool) -> None:
    process = subprocess.Popen([sys.executable, "-m", "simulators.cli", *command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
    try:
        wait_for(lambda: len(children(process.pid)) >= 2, "two helpers")
        begun = children(process.pid)
        if settled:
            wait_for(lambda: all(busy(each) for each in begun), "helpers at work")
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=50)[1]
    finally:
        process.kill()
    assert (process.returncode, said) == (130, SAID)
    assert not any(Path(f"/proc/{each}").exists() for each in begun)


def busy(process: int) -> bool:
    """Whether it has used a processor for two seconds: what it loads at first takes less."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) > 2 * os.sysconf("SC_CLK_TCK")


def test_what_helpers_find_comes_in_order_and_what_they_raise_too() -> None:
    with helpers(2) as pool:
        assert list(pool.imap(abs, [-3, 2, -1])) == [3, 2, 1]
        with pytest.raises(TypeError):
            list(pool.imap(int, [object()]))  # type: ignore[arg-type]


def test_a_helper_that_is_killed_ends_the_work_with_a_sentence() -> None:
    with helpers(2) as pool:
        assert list(pool.imap(abs, [-1, 2])) == [1, 2]
        with pytest.raises(Trouble, match="ended from outside"):
            list(pool.imap(_die, [signal.SIGKILL, signal.SIGKILL]))


def _die(how: int) -> None:
    os.kill(os.getpid(), how)
