"""Durations and sizes as people write them: "10s", "5m", "64MiB"."""

from __future__ import annotations

import re

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
UNITS_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def milliseconds(value: object) -> int:
    """Milliseconds of "10s", "500ms", "5m", "1h", "2d", or of a number of seconds. ValueError says what is allowed."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * 1_000)
    return _amount(value, UNITS_MS, 'must be a duration such as "10s", "5m" or "1h"')


def size(value: object) -> int:
    """Bytes of "64MiB", or of a number of bytes. ValueError says what is allowed."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _amount(value, UNITS_BYTES, 'must be a size such as "64MiB"')


def _amount(value: object, units: dict[str, int], allowed: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", value) if isinstance(value, str) else None
    if not found or found[2] not in units:
        raise ValueError(allowed)
    return round(float(found[1]) * units[found[2]])
