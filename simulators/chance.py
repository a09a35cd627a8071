"""Chance without a random number generator: the same question always has the same answer.

A street of nodes in many processes must see one city. So noise is a function of the seed and of what is asked
(place, quantity, time), not of the order in which it is asked.
"""

from __future__ import annotations

import math
from hashlib import blake2b


def unit(*asked: object) -> float:
    """A number from 0 up to 1 that belongs to this question."""
    digest = blake2b(repr(asked).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def smooth(at: float, *asked: object) -> float:
    """Noise between -1 and 1 that wanders: one new turn for each whole step of `at`."""
    step = math.floor(at)
    part = at - step
    blend = part * part * (3 - 2 * part)
    here, there = (2 * unit(*asked, turn) - 1 for turn in (step, step + 1))
    return here + (there - here) * blend


def poisson(mean: float, *asked: object) -> int:
    """How many events fall into a window in which `mean` are expected (mean below 500)."""
    left, product, count = math.exp(-mean), unit(*asked, 0), 0
    while product > left:
        count += 1
        product *= unit(*asked, count)
    return count
