"""What a card may hold after a crash: all that POSIX allows of a few steps, and nothing else."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.crash.card import SECTOR, Card
from simulators.disk import MemoryDisk
from simulators.recording import RecordingDisk

pytestmark = pytest.mark.once
OLD, NEW = b"o" * SECTOR, b"n" * SECTOR


def card_of(disk: RecordingDisk, steps: int | None = None) -> Card:
    card = Card(disk.base)
    for step in disk.log[:steps]:
        card.take(step)
    return card


def drawn(card: Card, torn: bool = False, times: int = 200) -> set[tuple[tuple[str, bytes], ...]]:
    return {tuple(sorted(card.drawn(Random(seed), torn).items())) for seed in range(times)}


def test_any_sectors_that_were_not_synced_may_be_there() -> None:
    disk = RecordingDisk({"a": OLD * 3})
    disk.open("a").pwrite(NEW * 2, SECTOR)
    card = card_of(disk)
    ends = [(OLD, OLD), (OLD, NEW), (NEW, OLD), (NEW, NEW)]
    assert drawn(card) == {(("a", b"".join((OLD, *end))),) for end in ends}
    assert card.lost() == {"a": OLD * 3} and card.kept() == {"a": OLD + NEW + NEW}
    assert not card.certain and card.choices == 2


def test_after_a_sync_all_is_certain() -> None:
    disk = RecordingDisk({"a": OLD * 3})
    file = disk.open("a")
    file.pwrite(NEW, 0)
    file.datasync()
    card = card_of(disk)
    assert card.certain and card.lost() == card.kept() == {"a": NEW + OLD + OLD}
    assert drawn(card, torn=True) == {(("a", NEW + OLD + OLD),)}


def test_a_torn_sector_is_new_then_old_or_rubbish() -> None:
    disk = RecordingDisk({"a": OLD})
    disk.open("a").pwrite(NEW, 0)
    found = {content for ((_, content),) in drawn(card_of(disk), torn=True, times=400)}
    split = {content for content in found if content.lstrip(b"n").strip(b"o") == b""}
    assert {OLD, NEW} < split and len(split) > 50
    assert len(found - split) > 10 and all(len(content) == SECTOR for content in found)


def test_a_small_file_is_old_or_new_at_every_step_when_it_is_replaced_as_it_should_be() -> None:
    disk = RecordingDisk({"f": b"old"})
    disk.write_small("f", b"new" * 400)
    for steps in range(len(disk.log) + 1):
        for state in drawn(card_of(disk, steps), torn=True):
            assert dict(state)["f"] in (b"old", b"new" * 400)
    assert card_of(disk).lost() == {"f": b"new" * 400}


def test_names_that_were_not_synced_are_kept_in_order() -> None:
    disk = RecordingDisk({"a": b"1"})
    disk._sync_folder = lambda name: None  # type: ignore[method-assign]
    disk.write_small("b", b"2")
    disk.remove("a")
    names = {frozenset(dict(state)) for state in drawn(card_of(disk))}
    assert names == {frozenset("a"), frozenset(("a", "b.new")), frozenset("ab"), frozenset("b")}


def test_a_file_without_its_sync_may_be_empty_short_or_full_of_zeros() -> None:
    disk = RecordingDisk()
    disk._sync = lambda inode: None  # type: ignore[method-assign]
    disk.write_small("f", NEW * 2)
    found = {dict(state)["f"] for state in drawn(card_of(disk))}
    assert found == {b"", NEW, NEW + bytes(SECTOR), bytes(SECTOR) + NEW, bytes(2 * SECTOR), NEW * 2}


def test_a_file_set_aside_is_here_or_there_never_both_never_neither() -> None:
    disk = RecordingDisk({"a": b"1"})
    disk.set_aside("a")
    disk.write_small("a", b"2")
    disk.set_aside("a")
    assert disk.files == {"quarantine/a.0": b"1", "quarantine/a.1": b"2"}
    for steps in range(4):
        for state in drawn(card_of(disk, steps)):
            assert state in ((("a", b"1"),), (("quarantine/a.0", b"1"),))


def test_a_half_made_file_of_before_is_made_anew() -> None:
    disk = RecordingDisk({"f.new": b"left behind" * 100, "f": b"old"})
    disk.write_small("f", b"new")
    assert disk.files == {"f": b"new"} and card_of(disk).lost() == {"f": b"new"}
    assert disk.names() == ["f"]


def test_a_copy_goes_its_own_way() -> None:
    disk = RecordingDisk({"a": OLD})
    disk.open("a").pwrite(NEW, 0)
    card = card_of(disk)
    copy = card.copy()
    disk.open("a").datasync()
    copy.take(disk.log[-1])
    assert (card.lost(), copy.lost()) == ({"a": OLD}, {"a": NEW})


WRITES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 1_500), st.binary(max_size=1_200), st.booleans()), max_size=12
)


@given(WRITES)
def test_it_keeps_and_loses_what_the_disk_in_memory_keeps_and_loses(writes: list[tuple[int, int, bytes, bool]]) -> None:
    """Two models of a card, written apart, agree where nothing is left to chance."""
    recording, memory = RecordingDisk(), MemoryDisk()
    for disk in (recording, memory):
        for number in range(5):
            disk.create(f"f{number}", 1_000 * number)
        for number, at, data, sync in writes:
            file = disk.open(f"f{number}")
            if data and at + len(data) <= file.size():
                file.pwrite(data, at)
            if sync:
                file.datasync()
    card = card_of(recording)
    kept, lost = card.kept(), card.lost()
    assert kept == recording.files == {name: memory.content(name) for name in memory.names()}
    memory.crash("lost", Random(1))
    assert lost == {name: memory.content(name) for name in memory.names()}
