"""SGP41: two films, of which one is conditioned, once, and never for longer than ten seconds."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import ChecksumError, DriverError, Nack
from drivers.reading import Flag, Quantity
from drivers.sgp41 import SGP41
from drivers.talk import Step, Write
from simulators.chips.sgp41 import SGP41 as Chip
from simulators.faults import Faults
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors
from tests.drivers.test_sgp40 import air, look

(PUBLISHED,) = vectors("vectors-i2c.json", "SGP41")
MOST_US = 10_000_000


def bench_of() -> tuple[Bench, Chip]:
    bench = Bench("sgp41")
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def test_published_measurement() -> None:
    vector: dict[str, Any] = PUBLISHED
    driver = SGP41()
    driver.known = air(vector)
    voc, nox = follow(driver.read(), f"w {vector['expected']['tx']['value']}\np 50\nr {vector['raw']['response']}")
    assert (voc.quantity, voc.value) == (Quantity.VOC_RAW, vector["expected"]["sraw_voc"]["value"])
    assert (nox.quantity, nox.value) == (Quantity.NOX_RAW, vector["expected"]["sraw_nox"]["value"])


def test_conditioned_once_and_briefly() -> None:
    bench, chip = bench_of()
    for _ in range(3):
        bench.set_up()
        look(bench, 5)
    chip.count()
    assert 7_000_000 < chip.conditioned_us <= MOST_US
    assert sum(isinstance(s, Write) and s.data[:2] == b"\x26\x12" for s in bench.steps) == 8


@pytest.mark.parametrize("knob", ["nack_next", "corrupt", "unplug", "stuck_busy"])
def test_never_too_long_whatever_fails_whenever(knob: str) -> None:
    bench, _ = bench_of()
    bench.set_up()
    for at in range(len(bench.steps)):
        bench, chip = bench_of()

        def turn(step: Step, bench: Bench = bench, at: int = at) -> None:
            if len(bench.steps) == at:
                bench.chip.faults.turn(knob)

        bench.before = turn  # type: ignore[method-assign]
        for _ in range(3):
            try:
                bench.set_up()
            except DriverError:
                bench.clock.advance(0.5)
                chip.faults = Faults()
                bench.clock.advance(0.5)
        look(bench)
        chip.count()
        assert chip.conditioned_us <= MOST_US, (knob, at)


def test_a_conversation_that_breaks_off_leaves_no_heater_on() -> None:
    bench, chip = bench_of()

    def fail(step: Step) -> None:
        if len(bench.steps) == 30:
            chip.faults.corrupt()

    bench.before = fail  # type: ignore[method-assign]
    with pytest.raises(ChecksumError):
        bench.set_up()
    assert not chip.heating
    chip.count()
    before = chip.conditioned_us
    bench.clock.advance(3_600)
    bench.set_up()
    chip.count()
    assert chip.conditioned_us == before <= MOST_US, "it is not conditioned a second time"


def test_both_indices_after_their_blackout_and_their_flags_by_their_own_time() -> None:
    bench, _ = bench_of()
    bench.set_up()
    assert set(look(bench, 40)) == {"voc_raw", "nox_raw"}
    found = look(bench, 360, every_s=10.0)
    assert abs(found["voc_index"][0] - 100.0) <= 2.0
    assert found["voc_index"][1] is Flag.NONE
    assert found["nox_index"] == (1.0, Flag.WARMING)
    assert look(bench, 1_810, every_s=10.0)["nox_index"] == (1.0, Flag.NONE)


def test_a_lorry_shows_in_nox_only() -> None:
    bench, chip = bench_of()
    bench.set_up()
    look(bench, 400)
    chip.feels[Quantity.NOX_RAW] = 18_000.0
    found = look(bench, 60)
    assert found["nox_index"][0] > 10.0
    assert abs(found["voc_index"][0] - 100.0) <= 3.0


def test_an_sgp40_does_not_hear_an_sgp41s_measurement() -> None:
    with pytest.raises(Nack):
        Bench("sgp40").talk(SGP41().read())


@pytest.mark.parametrize("byte", range(6))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.faults.corrupt(byte=byte, bit=5)
    with pytest.raises(ChecksumError):
        look(bench)
