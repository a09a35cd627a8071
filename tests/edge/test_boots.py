"""Boot numbers: the same within a boot, never the same for two."""

from __future__ import annotations

import errno
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge.boots import FILE, begin, end
from simulators.disk import MemoryDisk


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from(["ok", "rot", "full"])), max_size=30),
       st.integers(0, 2**32))  # fmt: skip
def test_one_number_never_means_two_boots(lives: list[tuple[int, bool, str]], seed: int) -> None:
    disk, random = MemoryDisk(), Random(seed).random
    disk.create("segment-00000.journal", 512)
    meaning: dict[int, int] = {}
    number = 0
    for stay, clean, trouble in lives:
        number += stay > 0
        if trouble == "rot" and FILE in disk.names():
            disk.write_small(FILE, b"\x00rotten")
        if trouble == "full":
            disk.fail("write_small", errno.ENOSPC)
        boot = begin(disk, f"{number:032x}", random)
        assert meaning.setdefault(boot.ordinal, number) == number
        if clean:
            end(disk, boot)
        disk.heal()


def test_the_same_boot_keeps_its_number() -> None:
    disk, random = MemoryDisk(), Random(1).random
    first = begin(disk, "a" * 32, random)
    assert begin(disk, "a" * 32, random).ordinal == first.ordinal == 1
    assert begin(disk, "b" * 32, random).ordinal == 2


def test_how_the_last_run_ended_is_told() -> None:
    disk, random = MemoryDisk(), Random(1).random
    first = begin(disk, "a" * 32, random)
    assert first.unclean == ""
    assert "killed" in begin(disk, "a" * 32, random).unclean
    assert "power" in begin(disk, "b" * 32, random).unclean
    end(disk, begin(disk, "b" * 32, random))
    assert begin(disk, "c" * 32, random).unclean == ""
