"""The node's own clock: what the kernel says of it, who else is asked, and both clocks at one instant."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.clock import (
    CLOSE_US,
    LOOKS,
    SystemClock,
    boot_minus_monotonic_us,
    chance,
    look,
    pause,
)
from edge.timex import (
    HOLDOVER_MS,
    LEAST_ERROR_MS,
    ROOM,
    STA_DEL,
    STA_INS,
    STA_NANO,
    STA_UNSYNC,
    TIME_ERROR,
    TIME_OOP,
    TIMEX,
    Said,
    asked,
    judged,
)
from edge.wire.clocks import ClockQuality
from simulators.clock import VirtualClock

WALL_MS = 1_800_000_000_123
PROGRAM = """
#include <stddef.h>
#include <stdio.h>
#include <sys/timex.h>
int main(void) {
    printf("%zu %zu %zu %zu %zu %d %d %d %d %d %d", sizeof(struct timex), offsetof(struct timex, status),
           offsetof(struct timex, maxerror), offsetof(struct timex, esterror), offsetof(struct timex, time),
           STA_UNSYNC, STA_INS, STA_DEL, STA_NANO, TIME_OOP, TIME_ERROR);
    return 0;
}
"""


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("quality", [ClockQuality.SYNCED, ClockQuality.HOLDOVER, ClockQuality.UNKNOWN])
def test_the_kernel_is_asked_before_anybody_else(quality: ClockQuality, flag: bool, tmp_path: Path) -> None:
    if flag:
        (tmp_path / "synchronized").touch()
    said = Said(WALL_MS, quality, 17)
    assert SystemClock(kernel=lambda: said, flag=tmp_path / "synchronized").said() == said


@pytest.mark.parametrize(("flag", "quality"), [(False, ClockQuality.UNKNOWN), (True, ClockQuality.SYNCED)])
def test_where_the_kernel_may_not_be_asked_timesyncd_is(flag: bool, quality: ClockQuality, tmp_path: Path) -> None:
    if flag:
        (tmp_path / "synchronized").touch()
    said = SystemClock(kernel=lambda: None, flag=tmp_path / "synchronized").said()
    assert (said.quality, said.error_ms) == (quality, 1_000)
    assert abs(said.wall_ms - time.time_ns() // 1_000_000) < 60_000


def answer(wall_us: int = 0, largest: int = 0, estimated: int = 0, status: int = 0, nano: bool = False) -> bytes:
    """The struct as the kernel fills it."""
    parts = wall_us % 1_000_000 * (1_000 if nano else 1)
    status |= STA_NANO if nano else 0
    return TIMEX.pack(0, 7, 8, largest, estimated, status, 2, 1, 32_768_000, wall_us // 1_000_000, parts).ljust(ROOM)


@given(st.integers(0, 4), st.integers(0, 0xFFFF), st.integers(0, 2**51), st.integers(0, 10**8), st.integers(0, 10**8))
def test_the_status_of_the_kernel_is_the_last_word(
    state: int, status: int, wall_us: int, largest: int, estimated: int
) -> None:
    said = judged(state, answer(wall_us, largest, estimated, status & ~STA_NANO, bool(status & STA_NANO)))
    assert said is not None and said.wall_ms == wall_us // 1_000
    assert said.error_ms >= max(largest, estimated, LEAST_ERROR_MS * 1_000) / 1_000 > said.error_ms - 1
    assert (said.quality is ClockQuality.UNKNOWN) is bool(status & STA_UNSYNC)
    if not status & STA_UNSYNC:
        assert (said.quality is ClockQuality.SYNCED) is (said.error_ms <= HOLDOVER_MS)
    wrong = judged(TIME_ERROR, answer(wall_us, largest, estimated))
    assert wrong is not None and wrong.quality is ClockQuality.UNKNOWN
    assert judged(-1, answer(wall_us)) is None


def test_a_kernel_that_is_let_alone_is_in_holdover_before_it_gives_up() -> None:
    """The kernel adds half a millisecond of error a second, and gives up at 16 s."""
    words = [judged(0, answer(0, seconds * 500)) for seconds in range(0, 32_000, 10)]
    qualities = [said.quality for said in words if said is not None]
    assert qualities == sorted(qualities)
    assert 9_000 < 10 * qualities.index(ClockQuality.HOLDOVER) < 11_000


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [(0, 0, ""), (1, STA_INS, "this day (UTC) will have one second more"),
     (2, STA_DEL, "this day (UTC) will have one second less"), (TIME_OOP, STA_INS, "this is a leap second"),
     (4, 0, ""), (1, STA_INS | STA_UNSYNC, "")],
)  # fmt: skip
def test_a_leap_second_is_told(state: int, status: int, words: str) -> None:
    said = judged(state, answer(status=status))
    assert said is not None and said.leap == words


@pytest.mark.parametrize("nano", [False, True])
def test_the_last_millisecond_of_a_second_is_told_as_such(nano: bool) -> None:
    said = judged(0, answer(1_800_000_000_999_000, 12_001, nano=nano))
    assert said is not None and (said.wall_ms, said.error_ms) == (1_800_000_000_999, 13)
    assert type(said.wall_ms) is type(said.error_ms) is int  # they go on the wire


def test_five_seconds_of_error_are_still_synced() -> None:
    for largest_us, quality in ((5_000_000, ClockQuality.SYNCED), (5_000_001, ClockQuality.HOLDOVER)):
        said = judged(0, answer(0, largest_us))
        assert said is not None and said.quality is quality


def test_this_kernel_answers_as_it_answers_others() -> None:
    """Behind the status lie the time of day and the tick: right only if all is."""
    filled = ctypes.create_string_buffer(ROOM)
    state = ctypes.CDLL(None).adjtimex(filled)
    if state < 0:
        pytest.skip("NOT TESTED: this container forbids adjtimex")
    said, again = judged(state, filled.raw), asked()
    assert said is not None and again is not None and said.quality is again.quality
    assert 0 <= again.wall_ms - said.wall_ms < 60_000
    assert abs(again.wall_ms - time.time_ns() // 1_000_000) < 60_000
    fields = struct.unpack_from("@I4li3lqql", filled.raw)
    assert 9_000 <= fields[11] <= 11_000


@pytest.mark.once
def test_a_library_that_lacks_the_call_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise OSError("no")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert asked() is None


@pytest.mark.once
def test_the_struct_is_the_c_librarys(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("NOT TESTED: no C compiler to ask")
    (tmp_path / "ask.c").write_text(PROGRAM)
    subprocess.run(["cc", "-o", tmp_path / "ask", tmp_path / "ask.c"], check=True, timeout=60)
    said = subprocess.run([tmp_path / "ask"], check=True, capture_output=True, text=True, timeout=10).stdout
    size, status, largest, estimated, seconds, *numbers = map(int, said.split())
    assert size <= ROOM and status == struct.calcsize("@I4l")
    assert (largest, estimated) == (struct.calcsize("@I2l"), struct.calcsize("@I3l"))
    assert seconds == TIMEX.size - struct.calcsize("@2l")
    assert numbers == [STA_UNSYNC, STA_INS, STA_DEL, STA_NANO, TIME_OOP, TIME_ERROR]


@pytest.mark.once
def test_asking_the_kernel_costs_little_memory() -> None:
    program = (
        "import argparse, struct, sys, dataclasses, edge.lean, edge.wire.clocks\n"
        "def kib(): return int(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])\n"
        "assert 'ctypes' not in sys.modules\nbefore = kib()\n"
        "import edge.timex\nedge.timex.asked()\nprint(kib() - before)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert 0 < int(said.stdout) < 1_536, said.stdout
    print(f"asking the kernel: {said.stdout.strip()} KiB")


class Interrupted(VirtualClock):
    """Something takes so many microseconds between its looks."""

    def __init__(self, delays_us: Iterator[int]) -> None:
        super().__init__(now_us=5_000_000)
        self.delays_us, self.asked = delays_us, 0

    def said(self) -> Said:
        self.asked += 1
        delay_us = next(self.delays_us)
        self.now_us += delay_us // 2
        said = super().said()
        self.now_us += delay_us - delay_us // 2
        return said


@given(st.lists(st.integers(0, 10**7), min_size=LOOKS, max_size=LOOKS))
@example([9_000, 5_000, 7_000, 8_000, 6_000])
@example([CLOSE_US + 1, CLOSE_US, 0, 0, 0])
def test_both_clocks_are_looked_at_together_however_often_we_are_interrupted(delays_us: list[int]) -> None:
    clock = Interrupted(iter(delays_us))
    seen = look(clock)
    tried = delays_us[: clock.asked]
    assert clock.asked == LOOKS or tried[-1] <= CLOSE_US
    assert all(delay > CLOSE_US for delay in tried[:-1])
    assert seen.apart_ms == min(tried) // 2_000
    wrong_ms = seen.said.wall_ms - seen.boot_ms - clock.start_wall_ms
    assert abs(wrong_ms) <= 1  # it was interrupted as long before as after


def test_the_machine_itself_is_asked() -> None:
    clock = SystemClock()
    assert len(clock.boot_id) == 32 and int(clock.boot_id, 16) >= 0
    first_us, first_ms = clock.boot_us(), clock.boot_ms()
    pause(0)
    assert first_us // 1_000 <= first_ms + 1 and first_us <= clock.boot_us()
    assert abs(look(clock).said.wall_ms - clock.wall_ms()) < 60_000
    assert clock.real_s(1_500) == 1.5 and clock.real_s(-1) == 0
    assert boot_minus_monotonic_us() >= -1_000


@pytest.mark.parametrize(
    ("ours", "theirs", "unit_ns"),
    [(SystemClock().boot_us, lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME), 10**3),
     (SystemClock().boot_ms, lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME), 10**6),
     (SystemClock().wall_ms, time.time_ns, 10**6)],
    ids=["boot_us", "boot_ms", "wall_ms"],
)  # fmt: skip
def test_our_clocks_are_the_kernels(ours: Callable[[], int], theirs: Callable[[], int], unit_ns: int) -> None:
    """However long it takes: what we say lies between two looks of others."""
    before, said, after = theirs(), ours(), theirs()
    assert before // unit_ns <= said <= after // unit_ns and type(said) is int


def test_how_long_the_node_slept_is_the_difference_of_two_clocks() -> None:
    def ns(clock: int) -> int:
        return time.clock_gettime_ns(clock)

    boot_before, mono_before = ns(time.CLOCK_BOOTTIME), ns(time.CLOCK_MONOTONIC)
    slept_us = boot_minus_monotonic_us()
    mono_after, boot_after = ns(time.CLOCK_MONOTONIC), ns(time.CLOCK_BOOTTIME)
    assert (boot_before - mono_after) // 1_000 <= slept_us <= (boot_after - mono_before) // 1_000
    assert type(slept_us) is int


def test_the_dice_fall_everywhere_between_0_and_1() -> None:
    """One run in 10^25 sees none above one half."""
    thrown = [chance() for _ in range(200)]
    assert 0 <= min(thrown) < 0.25 and 0.75 < max(thrown) < 1 and len(set(thrown)) == 200
