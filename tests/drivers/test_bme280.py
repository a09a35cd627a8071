"""BME280: without a checksum, so that doubt is the driver's main business."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bme280 import BME280, Calibration
from drivers.errors import BusFault, ChecksumError, DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.reading import Quantity
from drivers.talk import Step, Write, WriteRead
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench

LOW, HIGH = "706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017", "7201001329031e"
SETUP = f"""
x d0 60
w e0b6
p 2
x f3 01               # still copying its calibration
p 2
x f3 00
x 88 {LOW}
x 88 {LOW}
x a1 4b
x a1 4b
x e1 {HIGH}
x e1 {HIGH}
w f201 f500 f424
"""
READ = """
x f2 01002400
w f425
p 9.3
p 2
x f3 08
p 2
x f3 00
x f7 655ac07eed007530
x f7 655ac07eed007530
"""


def test_transcript() -> None:
    driver = BME280()
    follow(driver.setup(), SETUP)
    values = {reading.name: reading.value for reading in follow(driver.read(), READ)}
    assert values["temperature"] == pytest.approx(25.08, abs=0.005)
    assert values["pressure"] == pytest.approx(100653.27, abs=0.5)
    assert values["humidity"] == pytest.approx(56.206, abs=0.01)


def test_needs_setup() -> None:
    with pytest.raises(NotReady):
        follow(BME280().read(), "")


@pytest.mark.parametrize(("chip_id", "found"), [(0x56, "BMP280"), (0x58, "BMP280"), (0x61, "BME680"), (0x00, "id 00")])
def test_says_who_answers_instead(chip_id: int, found: str) -> None:
    with pytest.raises(WrongChip, match=found):
        follow(BME280().setup(), f"x d0 {chip_id:02x}")
    assert follow(BME280().probe(), f"x d0 {chip_id:02x}") is False


def test_probe() -> None:
    assert follow(BME280().probe(), "x d0 60") is True
    assert follow(BME280().probe(), "x d0 00 !nack") is False


@pytest.mark.parametrize("block", [(0x88, 26), (0xE1, 7)])
@pytest.mark.parametrize("filling", ["00", "ff"])
def test_empty_calibration_is_a_dead_bus(block: tuple[int, int], filling: str) -> None:
    bench = Bench("bme280")
    bench.chip.load({"regs": {hex(block[0]): filling * block[1]}})
    with pytest.raises(BusFault):
        bench.set_up()


def test_dead_bus_in_the_middle() -> None:
    bench = Bench("bme280")
    bench.set_up()
    bench.chip.load({"regs": {"0xf7": "ff" * 8}})
    with pytest.raises(BusFault):
        bench.read()


def test_calibration_of_zero_pressure_gives_no_value() -> None:
    bench = Bench("bme280")
    bench.chip.load({"regs": {"0x88": LOW[:12] + "0000" + LOW[16:]}})
    bench.set_up()
    with pytest.raises(NotMeasured):
        bench.read()


@pytest.mark.parametrize("data", ["8000007eed007530", "655ac08000007530", "655ac07eed008000"])
def test_a_skipped_channel_is_no_number(data: str) -> None:
    bench = Bench("bme280")
    bench.set_up()
    bench.chip.load({"regs": {"0xf7": data}})
    with pytest.raises(NotMeasured):
        bench.read()


@pytest.mark.parametrize("status", ["01", "08", "09", "ff"])
def test_a_conversion_that_never_ends(status: str) -> None:
    bench = Bench("bme280")
    bench.set_up()
    bench.chip.load({"regs": {"0xf3": status}})
    with pytest.raises(NotReady):
        bench.read()


def test_stuck_busy() -> None:
    bench = Bench("bme280")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


def test_any_single_flipped_bit_is_noticed() -> None:
    """In any data or calibration byte, on any one of its transfers: an error, or the value as if nothing happened."""
    clean = Bench("bme280")
    clean.set_up()
    wanted = clean.values()
    reads = [at for at, step in enumerate(clean.steps) if isinstance(step, WriteRead)]
    flips = [(at, byte, bit) for at in reads for byte in range(24) for bit in (0, 3, 7)]
    outcomes = [_with_flip(at, byte, bit) for at, byte, bit in flips]
    assert all(found is None or found == wanted for found in outcomes)
    assert outcomes.count(None) > len(outcomes) / 2


def _with_flip(at: int, byte: int, bit: int) -> dict[Quantity, float] | None:
    bench = Bench("bme280")

    def hurt(step: Step) -> None:
        if len(bench.steps) == at:
            bench.chip.faults.corrupt(byte=byte, bit=bit)

    bench.before = hurt  # type: ignore[method-assign]
    try:
        bench.set_up()
        return bench.values()
    except DriverError:
        return None


def test_two_readings_that_differ_name_the_bus() -> None:
    with pytest.raises(ChecksumError, match="flips bits"):
        follow(BME280().setup(), SETUP[: SETUP.index("x a1")] + "x a1 4b\nx a1 4a")


def test_power_lost_between_readings_is_noticed() -> None:
    bench = Bench("bme280")
    bench.set_up()
    before = bench.values()
    bench.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        bench.read()
    bench.set_up()
    assert bench.values() == before


word20, word16 = st.integers(0, 0xFFFFF), st.integers(0, 0xFFFF)
burnt = st.tuples(st.binary(min_size=24, max_size=24), st.integers(0, 255), st.binary(min_size=7, max_size=7))


@given(burnt=burnt, temperature=word20, pressure=word20, humidity=word16)
def test_compensation_is_finite(
    burnt: tuple[bytes, int, bytes], temperature: int, pressure: int, humidity: int
) -> None:
    trim = Calibration.decode(*burnt)
    fine = trim.fine(temperature)
    assert math.isfinite(fine)
    assert 0.0 <= trim.percent(humidity, fine) <= 100.0
    try:
        assert math.isfinite(trim.pascal(pressure, fine))
    except NotMeasured:
        pass


@given(h4=st.integers(-2048, 2047), h5=st.integers(-2048, 2047))
def test_the_two_twelve_bit_words_share_a_byte_and_keep_their_signs(h4: int, h5: int) -> None:
    high = bytes([0x72, 0x01, 0x00, h4 >> 4 & 0xFF, h4 & 0xF | (h5 & 0xF) << 4, h5 >> 4 & 0xFF, 0x1E])
    trim = Calibration.decode(bytes.fromhex(LOW), 0x4B, high)
    assert (trim.h4, trim.h5) == (h4, h5)


def test_calibration_is_read_in_the_order_of_the_datasheet() -> None:
    bench = Bench("bme280")
    bench.set_up()
    asked = [step.data[0] for step in bench.steps if isinstance(step, WriteRead)]
    assert asked.index(0x88) < asked.index(0xA1) < asked.index(0xE1)
    assert [step.data for step in bench.steps if isinstance(step, Write)][-1] == bytes.fromhex("f201f500f424")
