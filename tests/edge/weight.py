"""What an object holds on to: all that can be reached from it and belongs to the agent, counted and weighed.

Exact where resident memory is not: the same life weighs the same on every machine, so five hours can be compared with
one to the object. What is handed in from outside (clock, disk, link, simulated ports) is not the agent's to answer for.
"""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import NamedTuple

OUTSIDE = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType)
OTHERS = ("simulators.", "tests.")


class Weight(NamedTuple):
    """Objects, and bytes of them."""

    objects: int
    size: int


def weigh(*roots: object) -> Weight:
    """The roots and everything of ours beneath them."""
    gc.collect()
    seen: set[int] = set()
    waiting, size = list(roots), 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or _foreign(one):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one)
        waiting.extend(gc.get_referents(one))
    return Weight(len(seen), size)


def _foreign(one: object) -> bool:
    if isinstance(one, MethodType):
        return _foreign(one.__self__)
    return isinstance(one, (*OUTSIDE, FrameType)) or type(one).__module__.startswith(OTHERS)
