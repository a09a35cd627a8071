"""What the lamp shows, and gpiozero's own LED and Button on our pins over a chip that stands in for the kernel's."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import gpiod
import pytest
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero import LED, Button
from gpiozero.exc import GPIOPinInUse, PinInvalidPull, PinSetInput
from hypothesis import given
from hypothesis import strategies as st

from edge.buses.panel import open_panel
from edge.buses.pinfactory import GpiodPins
from edge.events import Event, Pressed
from edge.lamp import IDENTIFY_MS, Lamp, Shows, lit
from edge.wiring import JournalPlan, Site, Wiring
from simulators.clock import VirtualClock
from tests.edge.runners.hands import drive


class Line:
    """One requested line: its settings, its level, and a descriptor that is readable while edges wait."""

    def __init__(self, chip: Chip, offset: int, settings: gpiod.LineSettings) -> None:
        self.chip, self.offset, self.settings = chip, offset, settings
        self.fd, self.signal = os.pipe()
        self.released = False
        if settings.direction is Direction.OUTPUT:
            chip.levels[offset] = settings.output_value is Value.ACTIVE
        elif offset not in chip.driven:
            chip.levels[offset] = settings.bias is Bias.PULL_UP

    def get_value(self, line: int) -> Value:
        assert not self.released
        return Value.ACTIVE if self.chip.levels[line] else Value.INACTIVE

    def set_value(self, line: int, value: Value) -> None:
        assert not self.released
        assert self.settings.direction is Direction.OUTPUT
        self.chip.levels[line] = value is Value.ACTIVE

    def read_edge_events(self, max_events: int | None = None) -> Sequence[object]:
        return os.read(self.fd, 64)

    def release(self) -> None:
        assert not self.released, "released twice"
        self.released = True
        os.close(self.fd)
        os.close(self.signal)


class Chip:
    """A GPIO chip by the kernel's rule that matters here: a line is requested by one at a time."""

    def __init__(self) -> None:
        self.levels: dict[int, bool] = {}
        self.lines: dict[int, Line] = {}
        self.driven: set[int] = set()

    def request(self, offset: int, settings: gpiod.LineSettings) -> Line:
        assert offset not in self.held, "the kernel would say EBUSY"
        self.lines[offset] = Line(self, offset, settings)
        return self.lines[offset]

    @property
    def held(self) -> set[int]:
        return {offset for offset, line in self.lines.items() if not line.released}

    def drive(self, offset: int, level: bool) -> None:
        self.levels[offset] = level
        self.driven.add(offset)
        if self.lines[offset].settings.edge_detection is Edge.BOTH:
            os.write(self.lines[offset].signal, b"e")


@pytest.fixture
def chip() -> Chip:
    return Chip()


@pytest.fixture
def pins(chip: Chip) -> Iterator[GpiodPins]:
    factory = GpiodPins(chip.request, lambda: 0.0)
    yield factory
    factory.close()
    assert not chip.held


class Light:
    """A light that notes when it was switched."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.switched: list[tuple[int, bool]] = []
        self.closed = False

    def on(self) -> None:
        self.switched.append((self._clock.boot_ms(), True))

    def off(self) -> None:
        self.switched.append((self._clock.boot_ms(), False))

    def close(self) -> None:
        self.closed = True


@given(st.sampled_from(Shows), st.integers(0, 10**12))
def test_a_lamp_changes_exactly_when_it_says(shows: Shows, now_ms: int) -> None:
    is_lit, next_ms = lit(shows, now_ms)
    if next_ms is None:
        assert shows is Shows.HEALTHY
        assert is_lit
    else:
        assert next_ms > now_ms
        assert lit(shows, next_ms - 1)[0] is is_lit
        assert lit(shows, next_ms)[0] is not is_lit


def test_the_four_can_be_told_apart() -> None:
    pictures = {shows: [lit(shows, ms)[0] for ms in range(0, 4_000, 25)] for shows in Shows}
    assert all(pictures[Shows.HEALTHY])
    flashes = {s: sum(1 for a, b in pairwise(p) if b and not a) for s, p in pictures.items()}
    assert flashes[Shows.OFFLINE] < flashes[Shows.IDENTIFY] < flashes[Shows.FAULT]


def test_identify_lasts_a_minute_and_then_it_shows_what_it_showed() -> None:
    clock = VirtualClock()
    lamp = Lamp(light := Light(clock), Shows.HEALTHY)
    drive(lamp, clock, 5)
    assert light.switched == [(0, True)]
    assert lamp.next_due_ms() is None
    lamp.identify(clock.boot_ms())
    drive(lamp, clock, 120, steps=300)
    assert abs(len(light.switched) - 4 * IDENTIFY_MS // 1_000) <= 4
    assert light.switched[-1][1]
    lamp.show(Shows.FAULT)
    drive(lamp, clock, 121)
    assert len(light.switched) > 240 + 7
    lamp.close()
    assert (light.switched[-1][1], light.closed) == (False, True)


def test_gpiozeros_led_on_our_pins(chip: Chip, pins: GpiodPins) -> None:
    led = LED(22, pin_factory=pins)
    seen = [chip.levels[22]]
    for act in (led.on, led.toggle, led.toggle):
        act()
        assert led.value == chip.levels[22]
        seen.append(chip.levels[22])
    assert seen == [False, True, False, True]
    with pytest.raises(GPIOPinInUse):
        LED(22, pin_factory=pins)
    led.close()
    assert not chip.held
    LED(22, active_high=False, pin_factory=pins).close()
    assert chip.levels[22]


def test_gpiozeros_button_on_our_pins(chip: Chip, pins: GpiodPins) -> None:
    pressed, released = threading.Event(), threading.Event()
    button = Button(23, pull_up=True, bounce_time=0.05, pin_factory=pins)
    button.when_pressed, button.when_released = pressed.set, released.set
    settings = chip.lines[23].settings
    assert (settings.bias, settings.edge_detection) == (Bias.PULL_UP, Edge.BOTH)
    assert settings.debounce_period.total_seconds() == 0.05
    assert not button.is_pressed
    chip.drive(23, False)
    assert pressed.wait(10)
    assert button.is_pressed
    assert not released.is_set()
    chip.drive(23, True)
    assert released.wait(10)
    button.close()
    assert not chip.held
    assert not any(thread.name == "button" for thread in threading.enumerate())


def test_a_pin_refuses_what_it_is_not(pins: GpiodPins) -> None:
    pin = pins.pin(5)
    assert pin is pins.pin("5")
    with pytest.raises(PinSetInput):
        pin.state = 1
    with pytest.raises(PinInvalidPull):
        pin.pull = "sideways"


def wiring(lamp_pin: int | None, button_pin: int | None) -> Wiring:
    return Wiring("pole-1", Site(), None, JournalPlan("j"), (), lamp_pin, button_pin, "/dev/gpiochip7")


def test_a_board_with_neither_has_no_panel() -> None:
    assert open_panel(wiring(None, None), VirtualClock(), lambda event: None) is None


def test_the_panel_of_a_board(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.buses.pinfactory.chip_lines", lambda path: chip.request)
    events: list[Event] = []
    heard = threading.Event()

    def put(event: Event) -> None:
        events.append(event)
        heard.set()

    panel = open_panel(wiring(22, 23), VirtualClock(), put)
    assert panel is not None
    assert panel.lamp is not None
    gc.collect()
    chip.drive(23, False)
    assert heard.wait(10)
    assert events == [Pressed()]
    panel.lamp.step(0)
    assert chip.levels[22] is True
    panel.lamp.close()
    panel.close()
    assert not chip.held
    assert chip.levels[22] is False
