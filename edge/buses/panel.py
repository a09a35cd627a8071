"""The lamp and the button of a board, through gpiozero, which is loaded only when a board names one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.errors import BusFault
from edge.clock import Clock
from edge.events import Event, Pressed
from edge.lamp import Lamp
from edge.wiring import Wiring

if TYPE_CHECKING:
    from gpiozero import Button

    from edge.buses.pinfactory import GpiodPins


class Panel:
    """What a board has of the two. Keep it as long as the button shall be heard; close it after the lamp's thread."""

    def __init__(self, lamp: Lamp | None, close: Callable[[], None]) -> None:
        self.lamp, self.close = lamp, close


def open_panel(wiring: Wiring, clock: Clock, put_event: Callable[[Event], None]) -> Panel | None:
    """The lamp and button that the board names, None when it names neither. Loads gpiozero. Raises BusFault."""
    if wiring.lamp_pin is None and wiring.button_pin is None:
        return None
    from gpiozero import LED, Button

    from edge.buses.pinfactory import GpiodPins, chip_lines

    pins = GpiodPins(chip_lines(wiring.gpio_chip), lambda: clock.boot_us() / 1e6)
    try:
        lamp = Lamp(LED(wiring.lamp_pin, pin_factory=pins)) if wiring.lamp_pin is not None else None
        button = None
        if wiring.button_pin is not None:
            button = Button(wiring.button_pin, pull_up=True, bounce_time=0.05, pin_factory=pins)
            button.when_pressed = lambda: put_event(Pressed())
    except OSError as error:
        pins.close()
        raise BusFault(f"lamp or button on {wiring.gpio_chip}: {error.strerror or error}") from error
    return Panel(lamp, closing(button, pins))


def closing(button: Button | None, pins: GpiodPins) -> Callable[[], None]:
    """How to give the lines back, and at the same time what keeps the button from being forgotten."""

    def close() -> None:
        if button is not None:
            button.close()
        pins.close()

    return close
