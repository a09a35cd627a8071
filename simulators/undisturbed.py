"""Processes that help with a long task, and end without a word when it is interrupted.

A Ctrl-C at a terminal reaches every process of the command at once. The helpers must not answer it: whoever began them
is told, ends them and says so in one sentence. So they are begun while the signal is blocked, and inherit that from
their first moment on, before a line of Python runs in them. One that is killed from outside takes its work with it, and
the library would wait for that for ever: so it is looked for.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import TimeoutError as NothingYet
from multiprocessing import active_children, get_context, resource_tracker
from multiprocessing.pool import Pool
from typing import TypeVar

from fleet.trouble import Trouble

LOOK_S = 1.0
Item = TypeVar("Item")
Found = TypeVar("Found")


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


class Helpers:
    """Processes at work side by side."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._begun = pool, _children()

    def imap(self, work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
        """What they find, in the order of the items. Raises what they raise; Trouble when one was killed."""
        found = self._pool.imap(work, items)
        while True:
            try:
                yield found.next(LOOK_S)
            except StopIteration:
                return
            except NothingYet:
                self._look()

    def _look(self) -> None:
        if self._begun - _children():
            raise Trouble("A process that helped was ended from outside, perhaps for want of memory.",
                          "What it worked on is not known; nothing else was changed.",
                          "run the same command again, with fewer --jobs")  # fmt: skip


def _children() -> set[int | None]:
    return {child.pid for child in active_children()}


@contextmanager
def helpers(jobs: int) -> Iterator[Helpers]:
    """So many processes. However this ends, they end too."""
    with undisturbed():
        pool = get_context("spawn").Pool(jobs)
    try:
        yield Helpers(pool)
    finally:
        with undisturbed():
            pool.terminate()
            pool.join()
