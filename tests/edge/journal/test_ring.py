"""Which segment is taken next, and which one goes."""

from __future__ import annotations

from edge.journal.layout import SECTOR, Mark
from edge.journal.ring import Gap, Head, Ring, Segment, segment_size

HEAD = Head(31, 300)


def ring_of(*firsts: int, unused: int = 0) -> Ring:
    """Ten readings in each record."""
    ring = Ring(cap_bytes=10_000, segment_bytes=1000)
    for place, first in enumerate(firsts):
        ring.used.append(Segment(f"s{place}", 1000, place + 1, place, first, (first - 1) * 10))
    ring.unused = [Segment(f"u{place}", 1000) for place in range(unused)]
    return ring


def names(segments: list[Segment]) -> list[str]:
    return [segment.name for segment in segments]


def test_a_segment_is_free_when_all_in_it_is_released() -> None:
    ring = ring_of(1, 11, 21)
    assert names(ring.free(10, HEAD)) == []
    assert names(ring.free(11, HEAD)) == ["s0"]
    assert names(ring.free(21, HEAD)) == ["s0", "s1"]
    assert names(ring.free(30, HEAD)) == ["s0", "s1"]


def test_an_empty_segment_is_free() -> None:
    assert names(ring_of(1, 11, 11, 21).free(1, HEAD)) == ["s1"]


def test_a_new_segment_comes_first_and_one_that_failed_last() -> None:
    ring = ring_of(1, 11, 21, unused=1)
    ring.used[0].failures = 1
    assert names(ring.free(21, HEAD)) == ["u0", "s1", "s0"]


def test_the_newest_is_free_only_when_another_follows() -> None:
    ring = ring_of(1, 11)
    spare = ring.used[0]
    assert names(ring.free(31, HEAD, target=spare)) == ["s1"]
    assert names(ring.free(30, HEAD, target=spare)) == []


def test_the_segment_that_holds_a_seq() -> None:
    ring = ring_of(5, 11, 11, 21)
    assert [s and s.name for s in map(ring.holding, (4, 5, 10, 11, 20, 21, 99))] == [
        None, "s0", "s0", "s2", "s2", "s3", "s3",
    ]  # fmt: skip


def test_the_oldest_goes_with_everything_back_to_the_last_ack() -> None:
    ring = ring_of(1, 11, 21)
    mark = Mark(total=300, acked=4, acked_total=40, lowest=5, released=40)
    first = ring.give_up(mark, HEAD, ring.used[-1], "full")
    assert first is not None
    assert first[0] == Gap(5, 10, 60, "full")
    assert first[1] == mark._replace(lowest=11, released=100)
    second = ring.give_up(first[1], HEAD, ring.used[-1], "full")
    assert second is not None
    assert second[0] == Gap(5, 20, 160, "full")


def test_of_two_segments_the_newest_goes_when_the_other_is_entered() -> None:
    ring = ring_of(1, 11)
    given_up = ring.give_up(Mark(300, 10, 100, 11, 100), HEAD, ring.used[0], "full")
    assert given_up is not None and given_up[0] == Gap(11, 30, 200, "full")


def test_one_segment_alone_is_never_given_up() -> None:
    ring = ring_of(1)
    assert ring.give_up(Mark(300), HEAD, ring.used[0], "full") is None


def test_names_are_taken_once() -> None:
    ring = ring_of()
    for number in range(3):
        name = ring.next_name()
        assert name == f"segment-{number:05}.journal"
        ring.unused.append(Segment(name, 1000))


def test_a_lower_cap_removes_free_segments_but_one() -> None:
    ring = ring_of(1, 11, 21, unused=2)
    ring.cap_bytes = 2000
    assert names(ring.surplus(21, HEAD)) == ["u1", "s0", "s1"]
    ring.cap_bytes = 4500
    assert names(ring.surplus(21, HEAD)) == ["u1"]
    assert names(ring.surplus(1, HEAD)) == ["u1"]


def test_segments_grow_with_the_cap_and_stay_whole_sectors() -> None:
    sizes = [segment_size(int(cap * 2**20)) for cap in (0.1, 4, 64, 300, 1024, 100_000)]
    assert sizes == sorted(sizes)
    assert [sizes[0], sizes[1], sizes[2], sizes[-1]] == [1 << 16, 1 << 19, 1 << 20, 8 << 20]
    assert all(size % 512 == 0 for size in sizes)


def test_segments_are_an_eighth_of_a_small_cap_and_never_more_than_eight_mebibytes() -> None:
    kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
    sizes = {100 * kib: 64 * kib, 2 * mib: 256 * kib, 8 * mib: mib, 128 * mib: mib, 256 * mib: 2 * mib,
             gib: 8 * mib, 90 * gib: 8 * mib, 1_000_001: 125_000 // SECTOR * SECTOR}  # fmt: skip
    assert {cap: segment_size(cap) for cap in sizes} == sizes
