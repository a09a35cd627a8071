"""How often somebody may ask: so many times at once, and then once in a while. Any thread may use it.

The memory is bounded: when too many ask, whoever has not asked for longest is forgotten, and begins anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST = 4096


class Patience:
    """`burst` questions of one name at once, and one more every `every_ms`."""

    def __init__(self, burst: int, every_ms: int, most: int = MOST) -> None:
        self.burst, self.every_ms, self.most = burst, every_ms, most
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._left)

    def allows(self, name: str, now_ms: int) -> bool:
        """Whether `name` may ask once more at `now_ms`, of any clock."""
        with self._lock:
            left, since_ms = self._left.pop(name, (float(self.burst), now_ms))
            left = min(self.burst, left + max(0, now_ms - since_ms) / self.every_ms)
            self._left[name] = (left - 1 if left >= 1 else left, now_ms)
            while len(self._left) > self.most:
                self._left.popitem(last=False)
            return left >= 1
