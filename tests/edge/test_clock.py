"""The node's own clock: what the kernel says of it, and who is asked when the kernel may not be."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.timex import ROOM, STA_UNSYNC, TIME_ERROR, TIMEX, judged, synchronised
from edge.wire.clocks import ClockQuality

PROGRAM = """
#include <stddef.h>
#include <stdio.h>
#include <sys/timex.h>
int main(void) {
    printf("%zu %zu %zu %d %d", sizeof(struct timex), offsetof(struct timex, status), offsetof(struct timex, maxerror),
           STA_UNSYNC, TIME_ERROR);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("kernel", "flag", "quality"),
    [
        (True, False, ClockQuality.SYNCED),  # chrony
        (False, True, ClockQuality.UNKNOWN),  # was synchronised once, and fell silent
        (None, True, ClockQuality.SYNCED),
        (None, False, ClockQuality.UNKNOWN),
    ],
)
def test_the_kernel_is_asked_before_anybody_else(
    kernel: bool | None, flag: bool, quality: ClockQuality, tmp_path: Path
) -> None:
    if flag:
        (tmp_path / "synchronized").touch()
    clock = SystemClock(kernel=lambda: kernel, flag=tmp_path / "synchronized")
    assert clock.quality() is quality


@given(st.integers(0, 4), st.integers(0, 0xFFFF), st.integers(-(10**9), 10**9))
def test_the_status_of_the_kernel_is_the_last_word(state: int, status: int, offset: int) -> None:
    answer = TIMEX.pack(0, offset, 0, 16_000_000, 16_000_000, status).ljust(ROOM, b"\0")
    assert judged(state, answer) is (not status & STA_UNSYNC)
    assert judged(TIME_ERROR, answer) is False
    assert judged(-1, answer) is None


def test_this_kernel_answers_as_it_answers_others() -> None:
    """Behind the status lie the time of day and the tick: right only if all is."""
    answer = ctypes.create_string_buffer(ROOM)
    state = ctypes.CDLL(None).adjtimex(answer)
    if state < 0:
        pytest.skip("NOT TESTED: this container forbids adjtimex")
    assert synchronised() is judged(state, answer.raw)
    fields = struct.unpack_from("@I4li3lqql", answer.raw)
    assert fields[9] == pytest.approx(time.time(), abs=60)
    assert 9_000 <= fields[11] <= 11_000


def test_the_struct_is_the_c_librarys(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("NOT TESTED: no C compiler to ask")
    (tmp_path / "ask.c").write_text(PROGRAM)
    subprocess.run(["cc", "-o", tmp_path / "ask", tmp_path / "ask.c"], check=True, timeout=60)
    said = subprocess.run([tmp_path / "ask"], check=True, capture_output=True, text=True, timeout=10).stdout
    size, status, error, unsync, wrong = map(int, said.split())
    assert size <= ROOM and status == TIMEX.size - struct.calcsize("i") and error == struct.calcsize("@I2l")
    assert (unsync, wrong) == (STA_UNSYNC, TIME_ERROR)


def test_asking_the_kernel_costs_little_memory() -> None:
    program = (
        "import argparse, struct, sys, edge.lean\n"
        "def kib(): return int(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])\n"
        "assert 'ctypes' not in sys.modules\nbefore = kib()\n"
        "import edge.timex\nedge.timex.synchronised()\nprint(kib() - before)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert 0 < int(said.stdout) < 1_536, said.stdout
    print(f"asking the kernel: {said.stdout.strip()} KiB")
