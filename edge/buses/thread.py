"""A bus in its own thread: step the runner, put its events on the queue, wait. Nothing is decided here.

It waits for the next due time, for the port's file descriptor, or to be woken through a pipe, so that it ends within a
moment when told to. A port that stays readable although the runner reads it can not make it spin: it is given time
to gather between steps.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

from edge.clock import Clock
from edge.events import Event
from edge.runners.runner import Counting, Runner

LONGEST_WAIT_MS = 60_000


class BusThread:
    """Runs one runner. `put_event` may block; when the agent stops, it must let go."""

    def __init__(self, runner: Runner, clock: Clock, put_event: Callable[[Event], None]) -> None:
        self.runner, self._clock, self._put = runner, clock, put_event
        self._ending = threading.Event()
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pipe = threading.Lock()  # held while the pipe is written or closed
        self._polls: dict[int | None, select.poll] = {}  # the pipe, alone or with the descriptor of the port
        self._open = True
        self._thread = threading.Thread(target=self._run, name="-".join(("bus", *runner.sensors))[:60], daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Step now, whatever the timetable says."""
        with self._pipe, suppress(BlockingIOError):  # it is being woken already
            if self._open:
                os.write(self._wake, b"!")

    def ask(self, sensor: str) -> None:
        """Have this sensor read at once."""
        self.runner.ask(sensor)
        self.wake()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End, and close the port; False when the thread is stuck in a device and was left behind."""
        self._ending.set()
        self.wake()
        if self._thread.ident is None:
            self._let_go()
        else:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                for event in self.runner.step(self._clock.boot_ms()):
                    self._put(event)
                self._wait()
            if isinstance(self.runner, Counting):
                with suppress(Exception):  # a driver that can not say what it holds must not keep the port open
                    for event in self.runner.opened(self._clock.boot_ms()):
                        self._put(event)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self.runner.close()
        with self._pipe:
            if self._open:
                self._open = False
                os.close(self._woken)
                os.close(self._wake)

    def _wait(self) -> None:
        due_ms, now_ms = self.runner.next_due_ms(), self._clock.boot_ms()
        wait_ms = LONGEST_WAIT_MS if due_ms is None else min(due_ms - now_ms, LONGEST_WAIT_MS)
        if wait_ms > 0 and self._waited(wait_ms, self.runner.fd):
            self._waited(min(self.runner.gather_ms, max(0, wait_ms)), None)

    def _waited(self, wait_ms: int, fd: int | None) -> bool:
        """Wait so long in the clock's time, or until woken or `fd` is readable; True when it is readable."""
        poll = self._polls.get(fd) or self._polls.setdefault(fd, self._poll(fd))
        ready = [number for number, _ in poll.poll(self._clock.real_s(wait_ms) * 1_000)]
        if self._woken in ready:
            os.read(self._woken, 512)
        return fd in ready if not self._ending.is_set() else False

    def _poll(self, fd: int | None) -> select.poll:
        """By the number of the descriptor alone: a port that is opened again with the same number is watched by it."""
        poll = select.poll()
        for number in (self._woken, fd):
            if number is not None:
                poll.register(number, select.POLLIN)
        return poll
