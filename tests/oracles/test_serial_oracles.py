"""Drivers from PyPI read our simulated chips at a real terminal; ours reads telegrams recorded at real meters."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.dsmr import DSMR
from simulators.chips.dsmr import DSMR as Meter
from simulators.chips.mhz19 import MHZ19
from simulators.chips.pms5003 import PMS5003
from simulators.chips.sds011 import SDS011
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock
from simulators.uart import PtyDoor
from tests.drivers.streams import heard
from tests.oracles.listener import FOLDER, agree, felt, witness

PLACES = (0.02, 0.35, 0.71)
SPEED = 5.0  # a frame every fifth of a second is soon enough to be waited for
METERS = {
    "DSMR_2_2": "dsmr_parser_v2_2", "DSMR_3": "dsmr_parser_v2_2", "ISKRA_AM550": "dsmr_parser_v5",
    "ISKRA_MT382": "dsmr_parser_v5", "KAIFA_MA105": "dsmr_parser_v4", "LANDIS_GIR_ZCF100": "dsmr_parser_v4",
    "ZIV_5CTA3": "dsmr_parser_v5",
}  # fmt: skip
UNKNOWN_TO_THEM: dict[str, set[str]] = {
    "dsmr_parser_v5": {"water_volume"},
    "dsmr_parser_v4": {"voltage.l1", "voltage.l2", "voltage.l3"},
    "dsmr_parser_v2_2": set(),
    "dsmr_parser_belgian": set(),
}


def nova(listening: bool = False) -> SDS011:
    made = SDS011(PacedClock(SPEED).boot_us)
    made.querying = not listening
    return made


def meter(version: str = "5", phases: int = 1, belgian: bool = False) -> Meter:
    made = Meter(PacedClock(SPEED).boot_us)
    made.version, made.phases, made.belgian = version, phases, belgian
    return made


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("py_sds011_asking", nova),
        ("py_sds011_listening", lambda: nova(listening=True)),
        ("pypms_sds011", nova),
        ("pypms_pms5003", lambda: PMS5003(PacedClock().boot_us)),
        ("plantower", lambda: PMS5003(PacedClock(SPEED).boot_us)),
        ("pms7003", lambda: PMS5003(PacedClock(SPEED).boot_us)),
        ("mh_z19", lambda: MHZ19(PacedClock().boot_us)),
        ("pypms_mhz19", lambda: MHZ19(PacedClock().boot_us)),
        ("dsmr_parser_at_the_port", meter),
    ],
)
def test_others_read_what_our_chip_feels(name: str, ours: Callable[[], SerialChip], tmp_path: Path) -> None:
    chip = ours()
    with PtyDoor(chip, tmp_path / "ttyUSB0") as door, witness(name, str(door.path)) as reader:
        for place in PLACES:
            values = felt(chip, place)
            door.feel(values)
            agree(reader.read(), values, chip)


@pytest.mark.parametrize(
    ("name", "version", "phases", "belgian"),
    [
        ("dsmr_parser_v5", "5", 1, False),
        ("dsmr_parser_v5", "5", 3, False),
        ("dsmr_parser_v4", "4", 1, False),
        ("dsmr_parser_v4", "4", 3, False),
        ("dsmr_parser_v2_2", "2.2", 1, False),
        ("dsmr_parser_belgian", "5", 3, True),
    ],
)
def test_dsmr_parser_and_our_driver_read_the_same(name: str, version: str, phases: int, belgian: bool) -> None:
    """Every quantity that either finds in the telegrams that our meter sends."""
    chip = meter(version, phases, belgian)
    chip.watered = version != "4"  # their version 4 takes whatever stands last on the M-Bus for gas
    with witness(name) as reader:
        for place in PLACES:
            chip.feels.update(felt(chip, place))
            telegram = chip.telegram()
            (ours,) = heard(DSMR(version=version), [telegram])
            theirs = reader.read(base64.b64encode(telegram).decode())
            assert set(theirs) <= set(ours)
            assert theirs == pytest.approx({each: ours[each] for each in theirs})
            assert set(ours) - set(theirs) <= UNKNOWN_TO_THEM[name], set(ours) - set(theirs)


def recorded() -> list[tuple[str, bytes]]:
    """Telegrams that were recorded at real meters, as the package iec62056 ships them."""
    file = FOLDER / "iec62056" / "samples.py"
    if not file.is_file():
        pytest.skip("NOT TESTED: no recorded telegrams are there; run `make setup` to unpack iec62056")
    specification = importlib.util.spec_from_file_location("samples", file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    telegrams: list[tuple[str, bytes]] = module.ALL
    return telegrams


def test_telegrams_recorded_at_real_meters() -> None:
    """With the CRC that the meter itself sent; and dsmr-parser finds the same numbers in them."""
    driver_errors, read = 0, {}
    for name, telegram in recorded():
        driver = DSMR()
        for values in heard(driver, [telegram]):
            read[name] = telegram, values
        driver_errors += sum(driver.errors.values())
    assert set(read) == set(METERS)
    assert driver_errors == 1  # the heat meter, which is no smart meter and was not taken for one
    for name, parser in METERS.items():
        telegram, ours = read[name]
        with witness(parser) as reader:
            theirs = reader.read(base64.b64encode(telegram).decode())
        assert len(theirs) >= 6
        assert theirs == pytest.approx({each: ours[each] for each in theirs}), name


def test_one_recorded_telegram_number_by_number() -> None:
    (values,) = heard(DSMR(), [dict(recorded())["ISKRA_AM550"]])
    assert values["energy_import.t1"] == 156.167
    assert values["power"] == 519.0
    assert [values[f"voltage.l{phase}"] for phase in (1, 2, 3)] == [234.8, 232.1, 235.3]
    assert values["gas_volume"] == 212.529
