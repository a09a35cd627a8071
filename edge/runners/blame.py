"""What is told of an exception that is not ours: its type and the place, never its text.

Events and health leave the pole, and the text of a foreign exception may quote what was being read: `int()` quotes the
whole of what is no number, and in a telegram of a meter that is its serial number. So only what the programmer wrote
goes on, a name and a line. Whoever stands at the pole may `overhear` the exception itself, as `--debug` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath

Listener = Callable[[BaseException], None]

_listeners: list[Listener] = []


def overhear(listener: Listener) -> Callable[[], None]:
    """Have every blamed exception handed over, here on the node; call what comes back to end it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def blame(error: BaseException) -> str:
    """`ValueError at drivers/dsmr.py:88`; what the system said of itself is told in the system's own words."""
    for listener in _listeners:
        listener(error)
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno:
        name = f"{name} ({os.strerror(error.errno)})"
    return f"{name} at {place}" if (place := _place(error)) else name


def _place(error: BaseException) -> str:
    """The innermost line, by folder and file."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    path = PurePath(trace.tb_frame.f_code.co_filename)
    return f"{'/'.join(path.parts[-2:])}:{trace.tb_lineno}"
