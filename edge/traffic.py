"""Whether a bus can carry what its sensors say: bytes, clock and intervals, before any of them is asked.

A bus that is asked for more than it carries does not break; it falls behind, and whoever is asked last is asked late.
So the share of each second that a bus would be busy is added up from what its drivers say of themselves (`bus_bytes`),
and a board that would use more than two thirds of it is sent back, with the greediest sensors named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drivers.driver import I2CDriver
from edge.buses.segment import segment
from edge.fit import Fitted, device
from edge.mistake import Mistake
from edge.places import line_of
from edge.wiring import BusPlan

MOST = 0.67  # of the time
I2C_BITS = 9  # a byte and its acknowledge
SILENCE_S = 0.005  # between two talks on one serial line
TURN_S = 0.01  # a device thinks before it answers


@dataclass(frozen=True, slots=True)
class Share:
    """What one sensor takes of a bus."""

    fit: Fitted
    part: float


def crowds(fits: Sequence[Fitted], buses: Mapping[str, BusPlan], keys: Mapping[str, str]) -> list[Mistake]:
    """Buses that are asked for too much, and buses that are faster than their chips; `keys` are those of [[bus]]."""
    shares: dict[str, list[Share]] = {}
    for fit in fits:
        if (found := _share(fit, buses)) is not None:
            shares.setdefault(found[0], []).append(found[1])
    crowded = [mistake for bus, on_it in shares.items() for mistake in _crowded(bus, on_it)]
    return crowded + list(_too_fast(fits, buses, keys))


def _share(fit: Fitted, buses: Mapping[str, BusPlan]) -> tuple[str, Share] | None:
    made = fit.made
    if made is None or not made.bus_bytes:
        return None
    if isinstance(made, I2CDriver) and fit.table.bus:
        bus = root(fit.table.bus)
        hz = buses[bus].hz if bus in buses else 100_000
        busy_s = made.bus_bytes * I2C_BITS / hz
    elif (line := line_of(made)) and fit.table.port:
        bus = device(fit.table.port)
        bits = 2 + line.bits + line.stop - 1 + (line.parity != "N")
        busy_s = made.bus_bytes * bits / line.baud + TURN_S + SILENCE_S
    else:
        return None
    return bus, Share(fit, busy_s / (fit.asked_ms / 1_000))


def root(path: str) -> str:
    """The bus that this segment hangs on."""
    try:
        return segment(device(path)).root
    except ValueError:
        return device(path)


def _crowded(bus: str, on_it: Sequence[Share]) -> Iterator[Mistake]:
    busy = sum(share.part for share in on_it)
    if busy <= MOST:
        return
    greedy = max(on_it, key=lambda share: share.part)
    where = "bus" if isinstance(greedy.fit.made, I2CDriver) else "port"
    told = ", ".join(f"{share.fit.table.name} {share.part:.0%}"
                     for share in sorted(on_it, key=lambda share: -share.part)[:3])  # fmt: skip
    yield Mistake(f"{greedy.fit.key}.{where}", f'"{bus}"', f"{bus} would be busy {busy:.0%} of the time, {MOST:.0%} is "
                  f"the most ({told})", "Ask less often, raise the clock of the bus, or use a second one.")  # fmt: skip


def _too_fast(fits: Sequence[Fitted], buses: Mapping[str, BusPlan], keys: Mapping[str, str]) -> Iterator[Mistake]:
    for fit in fits:
        if not isinstance(fit.made, I2CDriver) or not fit.table.bus:
            continue
        bus = buses.get(root(fit.table.bus))
        if bus is not None and bus.hz > fit.made.max_hz:
            yield Mistake(f"{keys[bus.name]}.hz", str(bus.hz), f"{fit.table.name} ({fit.made.name}) takes at most "
                          f"{fit.made.max_hz}", f"Write hz = {fit.made.max_hz}.")  # fmt: skip
