"""Processes that help with a long task, and end without a word when it is interrupted.

A Ctrl-C at a terminal reaches every process of the command at once. The helpers must not answer it: whoever began them
is told, ends them and says so in one sentence. So they are begun while the signal is blocked, and inherit that from
their first moment on, before a line of Python runs in them.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.pool import Pool


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, and nothing of it goes on."""


@contextmanager
def interruptible() -> Iterator[None]:
    """A command that is interrupted within ends as such; the library of the command line would say nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """An interruption waits until this has ended; processes that begin here never hear one."""
    resource_tracker.ensure_running()  # for it unblocks the signal when it begins
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def helpers(jobs: int) -> Iterator[Pool]:
    """So many processes. However this ends, they end too."""
    with undisturbed():
        pool = get_context("spawn").Pool(jobs)
    try:
        yield pool
    finally:
        with undisturbed():
            pool.terminate()
            pool.join()
