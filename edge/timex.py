"""Whether the kernel believes that its clock follows a source of time: whoever disciplines it (chrony, ntpd,
systemd-timesyncd, a GPS daemon) tells the kernel so, and the kernel forgets it when they fall silent for some hours.

Asked by `adjtimex` with no mode bit set, which changes nothing and needs no right. A container may forbid even that:
then nobody knows, which is an answer too. Source: adjtimex(2), linux/timex.h.
"""

from __future__ import annotations

import struct

STA_UNSYNC = 0x40
TIME_ERROR = 5  # what the call returns for a clock that is not synchronised
ROOM = 512  # bytes; the struct takes 208 on 64-bit kernels
TIMEX = struct.Struct("@I4li")  # modes; offset, frequency, largest error, estimated error; status


def synchronised() -> bool | None:
    """What the kernel says now; None when it cannot be asked."""
    try:
        import ctypes  # a hardened system may refuse it the memory that it wants when it is loaded

        call = ctypes.CDLL(None).adjtimex
    except (ImportError, MemoryError, OSError, AttributeError):
        return None
    answer = ctypes.create_string_buffer(ROOM)
    return judged(call(answer), answer.raw)


def judged(state: int, answer: bytes) -> bool | None:
    """What the call's result and the filled struct mean; None for a refusal (-1)."""
    if state < 0:
        return None
    status: int = TIMEX.unpack_from(answer)[-1]
    return state != TIME_ERROR and not status & STA_UNSYNC
