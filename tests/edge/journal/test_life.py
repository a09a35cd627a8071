"""Whatever happens to a journal, it agrees with the book; and a planted bug does not go unseen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge.journal.layout
from simulators.disk import Inode, MemoryDisk
from tests.edge.journal.life import Life, Op, some_ops

NUMBERS = st.integers(0, 100), st.integers(0, 1500)
OPS = st.lists(
    st.one_of(*(st.tuples(st.just(name), *NUMBERS) for name in ("append", "forget", "crash", "cut", "fail"))),
    max_size=40,
)


@given(OPS, st.integers(0, 9))
@settings(max_examples=150)
def test_nothing_confirmed_is_lost_and_nothing_wrong_is_read(ops: list[Op], seed: int) -> None:
    Life(MemoryDisk(), seed).play(ops)


@given(OPS, st.integers(0, 9), st.integers(2, 5))
@settings(max_examples=60)
def test_neither_on_a_disk_that_is_full(ops: list[Op], seed: int, segments: int) -> None:
    Life(MemoryDisk(capacity=segments * 16 * 512), seed).play(ops)


def test_many_random_lives() -> None:
    for seed in range(80):
        Life(MemoryDisk(), seed).play(some_ops(seed, 80))


@pytest.mark.deep
def test_very_many_random_lives() -> None:
    for seed in range(20_000):
        Life(MemoryDisk(), seed).play(some_ops(seed, 150))


def lives_until_caught(disk: type[MemoryDisk]) -> None:
    for seed in range(60):
        Life(disk(), seed).play(some_ops(seed, 60))


class WithoutDataSync(MemoryDisk):
    def _sync(self, inode: Inode) -> None:
        self._step()


class WithoutDirectorySync(MemoryDisk):
    def _sync_names(self) -> None:
        self._step()


class HalfASync(MemoryDisk):
    """Now and then a sync carries nothing over, as on a card that lies."""

    _chance = Random(1)

    def _sync(self, inode: Inode) -> None:
        if self._chance.random() < 0.9:
            super()._sync(inode)


@pytest.mark.parametrize("disk", [WithoutDataSync, WithoutDirectorySync, HalfASync])
def test_a_sync_that_is_left_out_is_caught(disk: type[MemoryDisk]) -> None:
    with pytest.raises(AssertionError):
        lives_until_caught(disk)


def test_a_checksum_that_is_not_looked_at_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.journal.layout, "crc32", lambda data, start=0: len(data) + start)
    with pytest.raises(AssertionError):
        lives_until_caught(MemoryDisk)
