"""The fault matrix, cell by cell: no wrong value marked good, no neighbour disturbed, recovered in time, never silent.

What freezes must be watched for as long as it may stand still, which is an hour of simulated time and more: those cells
are for `make test-deep`, and a few stand here for them. The judge itself is seen to find what is planted.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.errors import DriverError
from drivers.reading import Quantity, Reading
from drivers.sht31 import SHT31
from drivers.talk import Talk
from edge.runners.seat import Seat
from simulators.matrix.faults import FAULTS
from simulators.matrix.trial import Cell, cells_of, rows, trial

FROZEN = "freeze"
STANDING_FOR_THEM = ("sht31", "sds011", "mhz19")


def cells(frozen: bool) -> Iterator[object]:
    for name, windowed in rows():
        for fault in cells_of(name):
            if (fault.name == FROZEN) is frozen:
                yield pytest.param(name, fault.name, windowed, id=f"{name}{'-window' * windowed}-{fault.name}")


def holds(cell: Cell) -> None:
    assert not cell.wrong, cell
    assert not cell.disturbed, cell
    assert cell.outcomes or cell.untold, cell
    assert cell.recovered_s is not None and cell.recovered_s <= cell.allowed_s, cell
    assert cell.holds


@pytest.mark.once
@pytest.mark.parametrize(("name", "fault", "windowed"), [*cells(False)])
def test_the_promise_holds(name: str, fault: str, windowed: bool) -> None:
    holds(trial(name, FAULTS[fault], windowed))


@pytest.mark.deep
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("name", "fault", "windowed"), [*cells(True)])
def test_what_freezes_is_found_out(name: str, fault: str, windowed: bool) -> None:
    holds(trial(name, FAULTS[fault], windowed))


@pytest.mark.once
@pytest.mark.parametrize("name", STANDING_FOR_THEM)
def test_what_freezes_is_found_out_for_a_few(name: str) -> None:
    cell = trial(name, FAULTS[FROZEN])
    holds(cell)
    assert cell.outcomes["flagged"]
    assert not cell.untold


def test_every_driver_is_in_the_matrix() -> None:
    by_bus = {name: {fault.name for fault in cells_of(name)} for name, _ in rows()}
    assert all(len(faults) >= 4 for faults in by_bus.values()), by_bus
    assert set().union(*by_bus.values()) == set(FAULTS)


# Planted: a driver that lies, one that never comes back, one that takes the bus with it, one that says nothing.


class Liar(SHT31):
    """Says what it last said when it can not read."""

    last: list[Reading]

    def read(self) -> Talk[list[Reading]]:
        try:
            self.last = yield from super().read()
        except DriverError:
            if not hasattr(self, "last"):
                raise
        return self.last


class Sulker(SHT31):
    """Was once refused, and never speaks again."""

    sulks = False

    def read(self) -> Talk[list[Reading]]:
        try:
            if self.sulks:
                raise DriverError("no")
            return (yield from super().read())
        except DriverError:
            self.sulks = True
            raise


class Offset(SHT31):
    """Is a degree off, always."""

    def read(self) -> Talk[list[Reading]]:
        found = yield from super().read()
        return [Reading(r.quantity, r.value + (r.quantity is Quantity.TEMPERATURE)) for r in found]


def planted(monkeypatch: pytest.MonkeyPatch, kind: type[SHT31], fault: str) -> Cell:
    monkeypatch.setattr("drivers.sht31.SHT31", kind)
    return trial("sht31", FAULTS[fault])


def test_a_liar_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = planted(monkeypatch, Liar, "nack address")
    assert not cell.holds
    assert "never so" in cell.wrong[0]


def test_who_is_always_off_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not planted(monkeypatch, Offset, "brown-out").holds


def test_who_does_not_come_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = planted(monkeypatch, Sulker, "nack address")
    assert cell.recovered_s is None
    assert not cell.holds


def test_a_disturbed_neighbour_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners that let a neighbour wait for whoever failed."""
    real = Seat.wants_ms

    def waits(self: Seat, stepped_ms: int) -> int:
        return real(self, stepped_ms) + (5_000 if self.name == "neighbour" and stepped_ms % 30_000 > 15_000 else 0)

    monkeypatch.setattr(Seat, "wants_ms", waits)
    assert trial("sht31", FAULTS["nack address"]).disturbed
