"""The tally, which judges what agents lose, must lose nothing itself: each bus of a node counts in its own thread."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from simulators.tally import Tally


def count(tally: Tally, times: int) -> None:
    for _ in range(times):
        tally.add(1, 3)


def test_many_threads_count_to_the_last_one(tmp_path: Path) -> None:
    tally, each = Tally(tmp_path / "tally", 2), 20_000
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=count, args=(tally, each)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert (tally[0], tally[1]) == (0, 4 * 3 * each)
    again = Tally(tmp_path / "tally", 2)
    assert again[1] == 4 * 3 * each
