"""A small pin factory for gpiozero over gpiod: enough for a LED and a button, and without lgpio.

lgpio has no wheel for Python 3.13 and costs 4 MB of memory; gpiod we have anyway, because we count with it. A pin here
is one requested line of the kernel's character device; changing its function or pull requests it anew. A button's edges
are debounced by the kernel and waited for in one thread a pin. Pins are named by their offset on the chip, which on a
Raspberry Pi is the GPIO number. This module loads gpiozero: import it only when the board names a lamp or a button.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol
from weakref import WeakMethod, ref

import gpiod
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero import Factory, Pin
from gpiozero.exc import GPIOPinInUse, PinInvalidFunction, PinInvalidPull, PinSetInput

PULLS = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
EDGES = {"none": Edge.NONE, "rising": Edge.RISING, "falling": Edge.FALLING, "both": Edge.BOTH}


class Request(Protocol):
    """As much of gpiod's `LineRequest` as one pin needs."""

    @property
    def fd(self) -> int: ...
    def get_value(self, line: int) -> Value: ...
    def set_value(self, line: int, value: Value) -> None: ...
    def read_edge_events(self, max_events: int | None = None) -> Sequence[object]: ...
    def release(self) -> None: ...


RequestLine = Callable[[int, gpiod.LineSettings], Request]


@dataclass(frozen=True)
class PinName:
    """What gpiozero asks of a pin's `info`."""

    name: str


class GpiodPins(Factory):  # type: ignore[misc]
    """The pins of one GPIO chip."""

    def __init__(self, request_line: RequestLine, ticks_s: Callable[[], float]) -> None:
        super().__init__()
        self._request_line, self._ticks_s = request_line, ticks_s
        self._pins: dict[int, GpiodPin] = {}
        self._owners: dict[int, ref[Any]] = {}

    def reserve_pins(self, requester: Any, *names: int | str) -> None:
        for name in names:
            owner = self._owners[int(name)]() if int(name) in self._owners else None
            if owner is not None and owner is not requester:
                raise GPIOPinInUse(f"pin {name} is already in use by {owner!r}")
            self._owners[int(name)] = ref(requester)

    def release_pins(self, reserver: Any, *names: int | str) -> None:
        for name in names:
            if int(name) in self._owners and self._owners[int(name)]() in (reserver, None):
                del self._owners[int(name)]

    def release_all(self, reserver: Any) -> None:
        self.release_pins(reserver, *list(self._owners))

    def pin(self, name: int | str) -> GpiodPin:
        return self._pins.setdefault(int(name), GpiodPin(self, int(name), self._request_line))

    def close(self) -> None:
        for pin in self._pins.values():
            pin.close()
        self._pins.clear()

    def ticks(self) -> float:
        return self._ticks_s()

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier


class GpiodPin(Pin):  # type: ignore[misc]
    """One line, requested as gpiozero last wanted it."""

    def __init__(self, factory: GpiodPins, offset: int, request_line: RequestLine) -> None:
        self._factory, self._offset = factory, offset
        self._request_line = request_line
        self._request: Request | None = None
        self._function, self._pull, self._edges = "input", "floating", "none"
        self._bounce: float | None = None
        self._output = Value.INACTIVE
        self._told: Callable[[], Callable[[float, int], None] | None] = lambda: None
        self._watch: Watch | None = None

    def close(self) -> None:
        """Give the line back to the kernel."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        request, self._request = self._request, None
        if request is not None:
            request.release()

    def output_with_state(self, state: int) -> None:
        self._output = Value.ACTIVE if state else Value.INACTIVE
        self._request_anew("output")

    def input_with_pull(self, pull: str) -> None:
        self._pull = checked(pull, PULLS, PinInvalidPull)
        self._request_anew("input")

    def _get_info(self) -> PinName:
        return PinName(str(self._offset))

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        self._request_anew(checked(value, {"input": 0, "output": 1}, PinInvalidFunction))

    def _get_state(self) -> int:
        if self._request is None:
            self._request_anew(self._function)
        assert self._request is not None
        return 1 if self._request.get_value(self._offset) is Value.ACTIVE else 0

    def _set_state(self, value: int) -> None:
        if self._function != "output" or self._request is None:
            raise PinSetInput(f"pin {self._offset} is an input")
        self._output = Value.ACTIVE if value else Value.INACTIVE
        self._request.set_value(self._offset, self._output)

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        self.input_with_pull(value)

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        self._bounce = value
        self._request_anew(self._function)

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value
        self._request_anew(self._function)

    def _get_when_changed(self) -> Callable[[float, int], None] | None:
        return self._told()

    def _set_when_changed(self, value: Callable[[float, int], None] | None) -> None:
        """Held weakly when it is a method, so that a device that nobody holds any more can go."""
        bound = getattr(value, "__self__", None) is not None
        self._told = WeakMethod(value) if value is not None and bound else lambda: value
        self._request_anew(self._function)

    def _request_anew(self, function: str) -> None:
        self.close()
        self._function = function
        self._request = self._request_line(self._offset, self._settings())
        if function == "input" and self._edges != "none" and self._told() is not None:
            self._watch = Watch(self._request, self._changed)

    def _settings(self) -> gpiod.LineSettings:
        if self._function == "output":
            return gpiod.LineSettings(direction=Direction.OUTPUT, output_value=self._output)
        return gpiod.LineSettings(
            direction=Direction.INPUT,
            bias=PULLS[self._pull],
            edge_detection=EDGES[self._edges],
            debounce_period=timedelta(seconds=self._bounce or 0),
        )

    def _changed(self) -> None:
        if told := self._told():
            told(self._factory.ticks(), self._get_state())


class Watch:
    """Waits in a thread for the edges of one request."""

    def __init__(self, request: Request, changed: Callable[[], None]) -> None:
        self._request, self._told = request, changed
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """May be called from the callback itself."""
        with suppress(OSError):  # it ended by itself
            os.write(self._wake, b"!")
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        poll.register(self._request.fd, select.POLLIN)
        try:
            while not any(number == self._woken for number, _ in poll.poll()):
                self._request.read_edge_events()
                self._told()
        except OSError:
            pass  # the chip is gone, and the button with it
        finally:
            os.close(self._woken)
            os.close(self._wake)


def checked(value: str, known: dict[str, Any], error: type[Exception]) -> str:
    """The value, if this pin can be so."""
    if value not in known:
        raise error(f"{value!r} is none of {', '.join(known)}")
    return value


def chip_lines(chip: str) -> RequestLine:
    """Request single lines of this chip from the kernel."""
    return partial(_requested, chip)


def _requested(chip: str, offset: int, settings: gpiod.LineSettings) -> Request:
    return gpiod.request_lines(chip, {offset: settings}, "lantaarn")
