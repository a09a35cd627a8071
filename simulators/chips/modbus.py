"""A simulated Modbus device of any kind: by default the thermo-hygrometer XY-MD02, else the map that it is laid out to.

`laid_out` takes the map of a board's driver, so that a street can have what a board describes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from drivers.driver import Driver
from drivers.modbus_map import RegisterDriver
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.modbus_unit import ModbusUnit

INTEGERS = {"u16": (2, False), "s16": (2, True), "u32": (4, False), "s32": (4, True)}


class Place(Protocol):
    """One row of a board's map."""

    @property
    def quantity(self) -> Quantity: ...
    @property
    def address(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def scale(self) -> float: ...
    @property
    def offset(self) -> float: ...


class Modbus(ModbusUnit):
    """What it was laid out to; temperature and humidity in tenths, unless told."""

    name = "modbus"
    first = 1
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 125.0), Quantity.HUMIDITY: (0.0, 100.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.1, Quantity.HUMIDITY: 0.1}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}
    places: ClassVar[Sequence[Place]] = ()

    def suit(self, reader: Driver) -> None:
        super().suit(reader)
        if isinstance(reader, RegisterDriver) and reader.map:
            laid = laid_out(reader.map)
            vars(self).update({name: vars(laid)[name] for name in ("places", "first", "spans", "resolves", "rests")})
            self.feels = {**laid.rests, **{q: felt for q, felt in self.feels.items() if q in laid.rests}}

    def inputs(self) -> Mapping[int, int]:
        if self.places:
            return self._laid("input")
        tenths = {1: Quantity.TEMPERATURE, 2: Quantity.HUMIDITY}
        return {address: round(self.sense(quantity) * 10) & 0xFFFF for address, quantity in tenths.items()}

    def holdings(self) -> Mapping[int, int]:
        return self._laid("holding")

    def _laid(self, kind: str) -> dict[int, int]:
        found: dict[int, int] = {}
        for place in self.places:
            if place.kind == kind:
                found |= dict(enumerate(encoded(place, self.sense(place.quantity)), place.address))
        return found


def laid_out(places: Sequence[Place]) -> type[Modbus]:
    """A device that holds these places, and feels what they tell."""
    spans = {place.quantity: span(place) for place in places}
    return type("LaidOut", (Modbus,), {
        "places": tuple(places), "first": places[0].address, "spans": spans,
        "resolves": {place.quantity: max(abs(place.scale), place.quantity.resolution) for place in places},
        "rests": {quantity: low + (high - low) / 3 for quantity, (low, high) in spans.items()},
    })  # fmt: skip


def encoded(place: Place, value: float) -> list[int]:
    """The words that tell this value."""
    raw, name = (value - place.offset) / place.scale, place.type.removesuffix("le")
    if name == "float32":
        data = struct.pack(">f", raw)
    else:
        size, signed = INTEGERS[name]
        lowest, count = -(1 << (8 * size - 1)) if signed else 0, 1 << 8 * size
        data = max(lowest, min(lowest + count - 1, round(raw))).to_bytes(size, "big", signed=signed)
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return words[::-1] if place.type.endswith("le") else words


def span(place: Place) -> tuple[float, float]:
    """What this place can tell of its quantity."""
    quantity, name = place.quantity, place.type.removesuffix("le")
    if name not in INTEGERS:
        return quantity.low, quantity.high
    size, signed = INTEGERS[name]
    lowest = -(1 << (8 * size - 1)) if signed else 0
    ends = sorted((raw * place.scale + place.offset) for raw in (lowest, lowest + (1 << 8 * size) - 1))
    return max(ends[0], quantity.low), min(ends[1], quantity.high)
