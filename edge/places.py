"""Whether sensors fit beside each other: on one bus, on one port, on the pins of one board, and in one second.

Two things on one address answer at once and neither is understood; two programs on one port tear each other's frames.
Nothing of that is told by the wiring itself, only by values that are wrong now and then, so it is found here. A mux
separates addresses but not its own, and what hangs before it is heard behind it. Pins serve their buses, too: on a
Raspberry Pi the first I2C bus takes GPIO 2 and 3 whether anybody writes that down or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from drivers.driver import Driver, SerialDriver, SerialLine
from drivers.stream import StreamDriver
from edge.buses.segment import MUX_ADDRESSES, Segment, lodging, segment
from edge.fit import Fitted, device
from edge.mistake import Mistake, shown

MINI_UART = "/dev/ttyS0"
MAYBE_MINI = ("/dev/serial0", "/dev/serial1")
BUS_PINS = {  # of a Raspberry Pi's header
    "/dev/i2c-1": {2: "SDA of i2c-1", 3: "SCL of i2c-1"},
    "/dev/i2c-0": {0: "SDA of i2c-0", 1: "SCL of i2c-0"},
}
PORT_PINS = {14: "TXD of the serial port", 15: "RXD of the serial port"}
ONE_WIRE_PINS = {4: "the 1-Wire bus, unless its overlay says otherwise"}
HEADER_PORTS = ("/dev/serial0", "/dev/ttyS0", "/dev/ttyAMA0")
HEADER = "/dev/gpiochip0"
EXPANDER_LINES = 16

Resolve = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Use:
    """Something that is taken: by whom, and where in the file that is written."""

    key: str  # "sensor[2].address"
    value: str
    owner: str  # "sensor[1] (air)"
    segment: Segment | None = None
    address: int = 0
    shares: str = ""  # what may sit beside others of its kind
    claims: tuple[str, ...] = ()


def clashes(
    fits: Sequence[Fitted], pins: Mapping[str, tuple[str, int]], simulated: bool, resolve: Resolve = os.path.realpath
) -> list[Mistake]:
    """Every way in which these do not fit beside each other; `pins` are those of the lamp, the button and the buses."""
    ports = [*_ports(fits, simulated, resolve)]
    return [*_names(fits), *_loops(fits), *_addresses(fits), *ports, *_pins(fits, pins), *_files(fits)]


def _owner(fit: Fitted) -> str:
    return f"{fit.key} ({fit.table.name})"


def _names(fits: Sequence[Fitted]) -> Iterator[Mistake]:
    uses = [Use(f"{fit.key}.name", shown(fit.table.name), _owner(fit)) for fit in fits]
    yield from _same(uses, lambda use: use.value)


def _same(uses: Sequence[Use], place: Callable[[Use], object]) -> Iterator[Mistake]:
    """One mistake for each use of a place that is taken already, unless the two may share it."""
    seen: dict[object, list[Use]] = {}
    for use in uses:
        before = seen.setdefault(place(use), [])
        if taken := next((other for other in before if not _may_share(use, other)), None):
            yield _taken(use, taken)
        before.append(use)


def _may_share(one: Use, other: Use) -> bool:
    return bool(one.shares) and one.shares == other.shares and not set(one.claims) & set(other.claims)


def _taken(use: Use, other: Use) -> Mistake:
    if use.shares and use.shares == other.shares:
        both = ", ".join(sorted(set(use.claims) & set(other.claims)))
        return Mistake(use.key, use.value, f"{both} is already read by {other.owner}", "Give each sensor its own.")
    return Mistake(use.key, use.value, f"already taken by {other.owner}", "Give each sensor its own.")


# I2C


def _hangs(path: str) -> Segment | None:
    try:
        return segment(device(path))
    except ValueError:  # told by `edge.fit`
        return None


def _lodges(path: str | None) -> tuple[Segment, int] | None:
    try:
        found = lodging(device(path)) if path else None
    except ValueError:
        return None
    return (found.segment, found.address) if found else None


def _segments(fits: Sequence[Fitted]) -> Iterator[tuple[str, str, str, Segment]]:
    """Key, value, owner and segment of everything that hangs on I2C."""
    for fit in fits:
        table = fit.table
        for name, path in (("bus", table.bus), ("port", table.port), ("chip", table.chip if table.pins else None)):
            if name == "bus" and path and fit.speaks == "i2c" and (there := _hangs(path)):
                yield f"{fit.key}.bus", shown(path), _owner(fit), there
            elif name != "bus" and path and (found := _lodges(path)):
                yield f"{fit.key}.{name}", shown(path), _owner(fit), found[0]


def _loops(fits: Sequence[Fitted]) -> Iterator[Mistake]:
    """A mux behind itself: its address would be heard on both sides of it."""
    for key, value, _, there in _segments(fits):
        muxes = [address for address, _ in there.hops]
        for address in muxes:
            if address not in MUX_ADDRESSES:
                yield Mistake(key, value, f"a TCA9548A answers at 0x70 to 0x77, not at 0x{address:02x}")
        if twice := {address for address in muxes if muxes.count(address) > 1}:
            found = ", ".join(f"0x{address:02x}" for address in sorted(twice))
            yield Mistake(key, value, f"a loop: the mux at {found} stands behind itself", "Name each mux once.")


def _addresses(fits: Sequence[Fitted]) -> Iterator[Mistake]:
    uses = [*_muxes(fits), *_chips(fits)]
    told: set[str] = set()
    for earlier, use in combinations(uses, 2):
        same = earlier.address == use.address and earlier.segment and use.segment
        if not same or use.key in told or _may_share(use, earlier):
            continue
        assert earlier.segment is not None and use.segment is not None
        if earlier.segment.seen_from(use.segment):
            told.add(use.key)
            far = earlier.segment != use.segment
            yield _through_a_mux(use, earlier) if far else _taken(use, earlier)


def _through_a_mux(use: Use, other: Use) -> Mistake:
    return Mistake(use.key, use.value, f"{other.owner} answers there too: what hangs before a mux is heard behind it",
                   "Give one of them another address, or a channel of its own.")  # fmt: skip


def _muxes(fits: Sequence[Fitted]) -> Iterator[Use]:
    seen: set[tuple[str, int]] = set()
    for key, value, _, there in _segments(fits):
        for parent, (address, _channel) in zip(there.parents, there.hops, strict=True):
            if (str(parent), address) not in seen:
                seen.add((str(parent), address))
                yield Use(key, value, f"the mux at 0x{address:02x} on {parent}", parent, address, shares="mux")


def _chips(fits: Sequence[Fitted]) -> Iterator[Use]:
    for fit in fits:
        table = fit.table
        if fit.speaks == "i2c" and table.bus and fit.address is not None and (there := _hangs(table.bus)):
            assert fit.made is not None
            for address in (fit.address, *getattr(fit.made, "answers_too", ())):
                yield Use(f"{fit.key}.address", f"0x{address:02x}", _owner(fit), there, address,
                          fit.made.shares, fit.made.claims)  # fmt: skip
        for name, path, what in (("port", table.port, "uart"), ("chip", table.chip if table.pins else None, "lines")):
            if path and (lodges := _lodges(path)):
                yield Use(f"{fit.key}.{name}", shown(path), _owner(fit), *lodges, shares=what)


# Serial ports and files


def _ports(fits: Sequence[Fitted], simulated: bool, resolve: Resolve) -> Iterator[Mistake]:
    mine = [(fit, fit.made) for fit in fits if fit.speaks == "uart" and fit.table.port and fit.made is not None]

    def real(path: str) -> str:
        return path if simulated or "://" in path else resolve(device(path))

    uses = [
        Use(f"{fit.key}.port", shown(fit.table.port), _owner(fit), shares=made.shares, claims=made.claims)
        for fit, made in mine
    ]
    places = {use.key: real(str(fit.table.port)) for use, (fit, _) in zip(uses, mine, strict=True)}
    yield from _same(uses, lambda use: places[use.key])
    yield from _lines_differ(mine, real)
    for fit, made in mine:
        yield from _mini_uart(fit, line_of(made), real(str(fit.table.port)))


def line_of(made: Driver) -> SerialLine | None:
    """How a driver wants its port."""
    return made.line if isinstance(made, SerialDriver | StreamDriver) else None


def spelled(line: SerialLine) -> str:
    """9600 8N1"""
    return f"{line.baud} {line.bits}{line.parity}{line.stop}"


def _lines_differ(mine: Sequence[tuple[Fitted, Driver]], real: Resolve) -> Iterator[Mistake]:
    """Sensors that share a port must want it opened the same way."""
    first: dict[str, tuple[Fitted, SerialLine]] = {}
    for fit, made in mine:
        line, path = line_of(made), str(fit.table.port)
        if line is None or not made.shares:
            continue
        other, theirs = first.setdefault(real(path), (fit, line))
        if theirs != line and "://" not in path:
            yield Mistake(f"{fit.key}.port", shown(path), f"{fit.table.name} wants it at {spelled(line)}, "
                          f"{_owner(other)} at {spelled(theirs)}", "Set both to the same baud and parity.")  # fmt: skip


def _mini_uart(fit: Fitted, line: SerialLine | None, real: str) -> Iterator[Mistake]:
    if line is None or line.parity == "N":
        return
    path = device(str(fit.table.port))
    if MINI_UART in (path, real) or (path in MAYBE_MINI and real == path):
        yield Mistake(f"{fit.key}.port", shown(fit.table.port), f"{fit.table.driver} needs {spelled(line)}, and the "
                      "mini-UART of a Raspberry Pi has no parity", 'Add dtoverlay=disable-bt to config.txt and write '
                      'port = "/dev/ttyAMA0", or use a USB adapter.')  # fmt: skip


def _files(fits: Sequence[Fitted]) -> Iterator[Mistake]:
    uses = [Use(f"{fit.key}.file", shown(fit.table.file), _owner(fit)) for fit in fits if fit.table.file]
    yield from _same(uses, lambda use: use.value)


# Pins


def _pins(fits: Sequence[Fitted], others: Mapping[str, tuple[str, int]]) -> Iterator[Mistake]:
    taken: dict[tuple[str, int], str] = {**_of_buses(fits)}
    for key, (chip, pin) in others.items():
        if owner := taken.get((device(chip), pin)):
            yield Mistake(key, str(pin), f"already taken by {owner}", "Give each its own pin.")
        taken.setdefault((device(chip), pin), key.split(".")[0])
    for fit in fits:
        for role, pin in fit.table.pins.items():
            chip, key = device(fit.table.chip), f"{fit.key}.pins.{role}"
            if _lodges(chip) and pin >= EXPANDER_LINES:
                yield Mistake(key, str(pin), "an MCP23017 has the lines 0 to 15")
            if owner := taken.get((chip, pin)):
                yield Mistake(key, str(pin), f"already taken by {owner}", "Give each its own pin.")
            taken.setdefault((chip, pin), _owner(fit))


def _of_buses(fits: Sequence[Fitted]) -> dict[tuple[str, int], str]:
    """The header's pins that the buses of this board take."""
    found: dict[int, str] = {}
    for _, _, _, there in _segments(fits):
        found |= BUS_PINS.get(there.root, {})
    for fit in fits:
        if fit.speaks == "uart" and device(fit.table.port or "") in HEADER_PORTS:
            found |= PORT_PINS
        if fit.speaks == "file" and (fit.table.file or "").startswith("/sys/bus/w1/"):
            found |= ONE_WIRE_PINS
    return {(HEADER, pin): owner for pin, owner in found.items()}
