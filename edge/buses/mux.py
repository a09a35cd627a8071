"""The segments behind muxes, reached over their one bus so that each turn leaves the bus as if there were no mux.

A turn is: open the channels on the way, see that they are open, transfer, close them again; under the lock of the bus
(`edge/shared.py`), so that nothing comes between. Channels are not left open for the next turn, although that would
save a millisecond: a chip that hangs on an open channel holds the whole bus, and the mux can not even hear that it
should close. As it is, a chip can do so only while it is itself spoken to.

When it does, everything is tried to leave the bus usable: the channels are closed, else RESET is pulled where the board
names its pin, and only then are the others asked to suffer (`recover` of the bus gives clocks by hand, as on any bus).
A mux that may still have a channel open is remembered, and closed before the next turn of anybody.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from drivers.errors import BusFault, DeviceFault, DriverError, FramingError, Nack
from drivers.tca9548a import closed, release, select
from edge.buses.port import I2CPort
from edge.buses.segment import Segment, segment
from edge.buses.turn import lead

Hops = tuple[tuple[int, int], ...]


@runtime_checkable
class Resettable(Protocol):
    """A bus whose muxes can be reset by a wire."""

    def reset_muxes(self) -> bool:
        """Pull their RESET; False when there is no such wire. Raises BusFault."""
        ...


class Muxes:
    """What is known of the muxes of one bus. Not for several threads: whoever holds the bus holds this."""

    def __init__(self) -> None:
        self._known: set[Hops] = set()  # muxes by the way to them: the hops before, then (address, 0)
        self._doubtful: set[Hops] = set()  # may have a channel open

    def transfer(self, port: I2CPort, hops: Hops, address: int, data: bytes | None, count: int) -> bytes:
        """One transfer on the segment at the end of `hops`, or on the bus itself. Raises Nack, BusFault."""
        straight = not hops and not self._doubtful
        try:
            return port.transfer(address, data, count) if straight else self._led(port, hops, address, data, count)
        finally:
            if self._known:
                self._touched(hops, address)

    def _led(self, port: I2CPort, hops: Hops, address: int, data: bytes | None, count: int) -> bytes:
        """The way there, the transfer and the way back."""
        self._meet(hops)
        self._clean(port)
        opened: list[int] = []
        try:
            for mux, channel in hops:
                opened.append(mux)
                _select(port, mux, channel)
            return port.transfer(address, data, count)
        except BusFault as fault:
            if hops:
                raise BusFault(f"{fault} (behind {'/'.join(f'0x{mux:02x}.{way}' for mux, way in hops)})") from fault
            raise
        finally:
            self._leave(port, hops[: len(opened)])

    def _touched(self, hops: Hops, address: int) -> None:
        """Whoever spoke to a mux directly may have opened it."""
        if (way := (*hops, (address, 0))) in self._known:
            self._doubtful.add(way)

    def doubt(self) -> None:
        """Nobody knows any more which channels are open."""
        self._doubtful = set(self._known)

    def open_path(self, port: I2CPort, hops: Hops) -> None:
        """Leave the way to a segment open, as far as that goes, for clocks to reach it. The bus is doubtful then."""
        self.doubt()
        try:
            for mux, channel in hops:
                _select(port, mux, channel)
        except DriverError:
            pass

    def _meet(self, hops: Hops) -> None:
        for depth, (mux, _) in enumerate(hops):
            way = (*hops[:depth], (mux, 0))
            if way not in self._known:
                self._known.add(way)
                self._doubtful.add(way)

    def _leave(self, port: I2CPort, hops: Hops) -> None:
        """Close what was opened, the farthest first; what can not be closed is doubtful."""
        try:
            for mux, _ in reversed(hops):
                lead(release(), port, mux)
        except DriverError:
            self._doubtful |= {(*hops[:depth], (mux, 0)) for depth, (mux, _) in enumerate(hops)}
            self._rescue(port)

    def _rescue(self, port: I2CPort) -> None:
        try:
            self._clean(port)
        except BusFault:
            pass  # told to whoever comes next

    def _clean(self, port: I2CPort) -> None:
        """Close all doubtful muxes; by RESET when the bus hangs. Raises BusFault when it can not be used."""
        try:
            self._close_doubtful(port)
        except BusFault:
            if not (isinstance(port, Resettable) and port.reset_muxes()):
                raise
            self._close_doubtful(port)

    def _close_doubtful(self, port: I2CPort) -> None:
        for way in sorted(self._doubtful, key=len):
            try:
                if len(way) == 1:
                    lead(closed(), port, way[0][0])
                else:
                    self._close_behind(port, way)
                self._doubtful.discard(way)
            except (Nack, DeviceFault, FramingError):
                continue  # it is not there, or not now: it is asked again before the next turn

    def _close_behind(self, port: I2CPort, way: Hops) -> None:
        """A mux behind others: open the way to it, close it, and the way again. The nearer ones are closed already."""
        nearer, (mux, _) = way[:-1], way[-1]
        try:
            for hop in nearer:
                _select(port, *hop)
            lead(closed(), port, mux)
        finally:
            for near, _ in reversed(nearer):
                lead(closed(), port, near)


def _select(port: I2CPort, mux: int, channel: int) -> None:
    try:
        lead(select(channel), port, mux)
    except Nack as nack:
        raise Nack(f"the mux at 0x{mux:02x} does not acknowledge") from nack
    except (DeviceFault, FramingError) as error:
        raise BusFault(f"the mux at 0x{mux:02x}: {error}") from error


def way_to(path: str) -> Segment:
    """The bus and the hops of a path that a board may name. Raises BusFault."""
    try:
        return segment(path)
    except ValueError as error:
        raise BusFault(f"{path} {error}") from error
