"""What the kernel says of its clock: the time, whether it follows a source, and how far it may be off.

Whoever disciplines the clock (chrony, ntpd, systemd-timesyncd, a GPS daemon) tells the kernel so. The largest error
that they leave there grows by half a millisecond a second while they are silent, and at 16 s the kernel gives up by
itself. Well before that we call it holdover: nobody has spoken to it for hours.

Asked by `adjtimex` with no mode bit set, which changes nothing and needs no right. The answer holds the time of day
and the state of the same instant, so that a step between two questions cannot give us the old time with the new
assurance. A container may forbid even that: then nobody knows, which is an answer too. Source: adjtimex(2),
linux/timex.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge.wire.clocks import ClockQuality

STA_INS, STA_DEL, STA_UNSYNC, STA_NANO = 0x10, 0x20, 0x40, 0x2000
TIME_OOP, TIME_ERROR = 3, 5  # the call returns: now is a leap second; the clock is not synchronised
ROOM = 512  # bytes; the struct takes 208 on 64-bit kernels
# modes; offset, frequency, largest error, estimated error; status; constant, precision, tolerance, seconds, their parts
TIMEX = struct.Struct("@I4li5l")
LEAST_ERROR_MS = 10  # some leave an error of 0 there, which no clock has
HOLDOVER_MS = 5_000  # so much error, and it has been let alone for hours


@dataclass(frozen=True, slots=True)
class Said:
    """What a system's clock says of the time and of itself, at one instant.

    Quality SYNCED, HOLDOVER, or UNKNOWN where it follows nobody; `error_ms` is one-sided and means something only for
    the first two; `leap` tells of a leap second that is announced or under way, in words.
    """

    wall_ms: int
    quality: ClockQuality
    error_ms: int = LEAST_ERROR_MS
    leap: str = ""


def asked() -> Said | None:
    """What the kernel says now; None when it cannot be asked."""
    try:
        import ctypes  # a hardened system may refuse it the memory that it wants when it is loaded

        call = ctypes.CDLL(None).adjtimex
    except (ImportError, MemoryError, OSError, AttributeError):
        return None
    answer = ctypes.create_string_buffer(ROOM)
    return judged(call(answer), answer.raw)


def judged(state: int, answer: bytes) -> Said | None:
    """What the call's result and the filled struct mean; None for a refusal (-1)."""
    if state < 0:
        return None
    _, _, _, largest, estimated, status, _, _, _, seconds, parts = TIMEX.unpack_from(answer)
    wall_ms = seconds * 1_000 + parts // (1_000_000 if status & STA_NANO else 1_000)
    error_ms = max(LEAST_ERROR_MS, -(-max(largest, estimated) // 1_000))
    if state == TIME_ERROR or status & STA_UNSYNC:
        return Said(wall_ms, ClockQuality.UNKNOWN, error_ms)
    quality = ClockQuality.SYNCED if error_ms <= HOLDOVER_MS else ClockQuality.HOLDOVER
    return Said(wall_ms, quality, error_ms, _leap(state, status))


def _leap(state: int, status: int) -> str:
    if state == TIME_OOP:
        return "this is a leap second"
    if status & (STA_INS | STA_DEL):
        what = "have one second more" if status & STA_INS else "have one second less"
        return f"this day (UTC) will {what}"
    return ""
