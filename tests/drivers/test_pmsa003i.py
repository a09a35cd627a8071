"""PMSA003I: the family's frame, asked for instead of waited for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, FramingError, Nack, NotReady
from drivers.pms5003 import MASS, NUMBER
from drivers.pmsa003i import PMSA003I
from drivers.reading import Flag, Quantity
from drivers.talk import Read
from simulators.chips.pms5003 import framed
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "PMSA003I")}
GOOD = RAW["pmsa003i-01"]["raw"]["read"]
KEYS = ("pm1p0_std", "pm2p5_std", "pm10p0_std", "pm1p0_env", "pm2p5_env", "pm10p0_env")
COUNTS = ("n0p3", "n0p5", "n1p0", "n2p5", "n5p0", "n10p0")


def test_raw_vectors() -> None:
    assert set(RAW) == {"pmsa003i-01", "pmsa003i-04"}
    found = {r.quantity: r.value for r in follow(PMSA003I().read(), f"r {GOOD}")}
    expected = {key: one["value"] for key, one in RAW["pmsa003i-01"]["expected"].items()}
    assert [found[quantity] for quantity in MASS] == [expected[key] for key in KEYS]
    assert [found[quantity] * 100 for quantity in NUMBER] == pytest.approx([expected[key] for key in COUNTS])
    with pytest.raises(ChecksumError):
        follow(PMSA003I().read(), f"r {RAW['pmsa003i-04']['raw']['read']}")


def test_any_single_flipped_bit_is_noticed() -> None:
    for byte in range(32):
        for bit in range(8):
            frame = bytearray.fromhex(GOOD)
            frame[byte] ^= 1 << bit
            with pytest.raises((ChecksumError, FramingError)):
                follow(PMSA003I().read(), f"r {frame.hex()}")


@given(st.lists(st.integers(0, 0xFFFF), min_size=12, max_size=12).filter(any), st.integers(0, 0xFF))
def test_every_frame_is_told_word_by_word(words: list[int], error: int) -> None:
    """Whatever the error byte says: it is documented nowhere."""
    frame = framed(b"".join(word.to_bytes(2, "big") for word in words) + bytes([0x97, error]))
    found = follow(PMSA003I().read(), f"r {frame.hex()}")
    assert [r.quantity for r in found] == [*MASS, *NUMBER]
    assert [r.value for r in found] == [float(w) for w in words[:6]] + [w / 100 for w in words[6:]]
    assert [bool(r.flags & Flag.RANGE) for r in found] == [w >= 1000 for w in words[:6]] + [
        w == 0xFFFF for w in words[6:]
    ]


@pytest.mark.parametrize("answer", ["ff" * 32, "00" * 32, GOOD[2:] + "42", "424d0014" + GOOD[8:]])
def test_what_is_no_frame(answer: str) -> None:
    with pytest.raises(FramingError):
        follow(PMSA003I().read(), f"r {answer}")


@pytest.mark.parametrize("count", [0, 4, 31, 33])
def test_an_answer_of_another_length(count: int) -> None:
    talk = PMSA003I().read()
    assert next(talk) == Read(32)
    with pytest.raises(FramingError):
        talk.send((bytes.fromhex(GOOD) + b"\0")[:count])


@pytest.mark.parametrize(("refused", "asked"), [(0, 1), (1, 2), (2, 3)])
def test_a_few_refusals_are_forgiven(refused: int, asked: int) -> None:
    bench = Bench("pmsa003i")
    bench.set_up()
    bench.steps.clear()
    bench.chip.faults.nack_next(refused)
    assert bench.values()[Quantity.PM2_5] == 9.0
    assert len([step for step in bench.steps if isinstance(step, Read)]) == asked


def test_three_refusals_are_an_error() -> None:
    bench = Bench("pmsa003i")
    bench.set_up()
    bench.chip.faults.nack_next(3)
    with pytest.raises(Nack):
        bench.read()
    assert bench.read()


def test_nothing_measured_after_power_was_lost() -> None:
    bench = Bench("pmsa003i")
    bench.set_up()
    assert bench.values()[Quantity.PM2_5] == 9.0
    bench.chip.faults.brown_out()
    with pytest.raises(NotReady):
        bench.read()
    bench.clock.advance(1)
    assert bench.values()[Quantity.PM2_5] == 9.0


def test_no_particle_at_all_is_no_air() -> None:
    frame = framed(bytes(24) + b"\x97\x00")
    with pytest.raises(NotReady):
        follow(PMSA003I().read(), f"r {frame.hex()}")


def test_it_warms_up_anew_after_each_setup() -> None:
    bench = Bench("pmsa003i")
    assert bench.talk(bench.driver.setup()) is None
    assert bench.driver.warm_up_s == 30.0


def test_the_highest_is_only_a_bound() -> None:
    bench = Bench("pmsa003i")
    bench.chip.faults.saturate = True
    bench.set_up()
    assert {reading.flags for reading in bench.read()} == {Flag.RANGE}
