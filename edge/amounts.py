"""Durations and sizes as people write them: "10s", "5m", "64MiB", read and spelled."""

from __future__ import annotations

import math
import re

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = 'must be a duration such as "10s", "5m" or "1h"'
UNITS_BYTES = {
    "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip


def milliseconds(value: object) -> int:
    """Milliseconds of "10s", "500ms", "5m", "1h", "2d", or of a number of seconds. ValueError says what is allowed."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * 1_000) if math.isfinite(value) else _amount(None, UNITS_MS, DURATION)
    return _amount(value, UNITS_MS, DURATION)


def size(value: object) -> int:
    """Bytes of "64MiB", or of a number of bytes. ValueError says what is allowed."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _amount(value, UNITS_BYTES, 'must be a size such as "64MiB"')


def spelled_duration(value: int) -> str:
    """The shortest way to write so many milliseconds: 300_000 is "5m"."""
    return _spelled(value, {unit: UNITS_MS[unit] for unit in ("d", "h", "m", "s", "ms")})


def spelled_size(value: int) -> str:
    """The shortest way to write so many bytes: 2_097_152 is "2MiB"."""
    return _spelled(value, {unit: UNITS_BYTES[unit] for unit in ("GiB", "MiB", "KiB", "B")})


def _spelled(value: int, units: dict[str, int]) -> str:
    unit = next(unit for unit, factor in units.items() if value % factor == 0)
    return f"{value // units[unit]}{unit}"


def _amount(value: object, units: dict[str, int], allowed: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", value) if isinstance(value, str) else None
    if not found or found[2] not in units:
        raise ValueError(allowed)
    amount = float(found[1]) * units[found[2]]
    if not math.isfinite(amount):
        raise ValueError(allowed)
    return round(amount)
