"""What the tests of streaming drivers share: feeding them in pieces, and seeing what came out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from drivers.stream import StreamDriver

Values = dict[str, float]


def heard(driver: StreamDriver, pieces: Iterable[bytes]) -> list[Values]:
    """The readings that come out of these pieces, without the last flush."""
    return [{r.name: r.value for r in readings} for piece in pieces for readings in driver.feed(piece)]


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """The data in pieces, cut at these places (taken modulo the length)."""
    marks = [0, *sorted({place % (len(data) + 1) for place in at}), len(data)]
    return [data[begin:end] for begin, end in pairwise(marks)]
