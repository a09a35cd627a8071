"""The smart meter: every version's telegram, what must be refused, and that no serial number gets out."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import crc16
from drivers.driver import SerialLine
from drivers.dsmr import DSMR
from drivers.errors import ChecksumError, FramingError
from drivers.reading import Flag, Quantity
from drivers.stream import Incomplete
from simulators.chips.dsmr import DSMR as Meter
from simulators.chips.dsmr import written
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

Q = Quantity
CANARIES = ("E0047001234567816", "G0039001122334417", "W0071556677889916")


def meter(version: str = "5", phases: int = 1, belgian: bool = False) -> Meter:
    made = Meter(lambda: 0)
    made.version, made.phases, made.belgian = version, phases, belgian
    return made


def sealed(*lines: str) -> bytes:
    """A telegram of these lines with the right CRC."""
    said = "\r\n".join(["/TST5meter", "", *lines, "!"]).encode()
    return said + f"{crc16(said):04X}\r\n".encode()


def unsealed(*lines: str) -> bytes:
    """A telegram of these lines as old meters send it."""
    return "\r\n".join(["/TST5meter", "", *lines, "!", ""]).encode()


@given(
    energy=st.integers(0, 999_999_999), power=st.integers(0, 99_999), export=st.integers(0, 99_999),
    volts=st.integers(0, 9_999), amps=st.integers(0, 99_999), gas=st.integers(0, 99_999_999),
)  # fmt: skip
def test_sweep(energy: int, power: int, export: int, volts: int, amps: int, gas: int) -> None:
    chip = meter()
    chip.feels.update({
        Q.ENERGY_IMPORT: energy / 1000, Q.POWER: power, Q.POWER_EXPORT: export, Q.VOLTAGE: volts / 10,
        Q.CURRENT: amps / 100, Q.GAS_VOLUME: gas / 1000, Q.WATER_VOLUME: gas / 1000,
    })  # fmt: skip
    (values,) = heard(DSMR(), [chip.telegram()])
    told = {
        "energy_import.t1": energy / 1000, "power": power, "power.l1": power, "power_export": export,
        "voltage.l1": volts / 10, "current.l1": amps / 100, "gas_volume": gas / 1000, "water_volume": gas / 1000,
    }  # fmt: skip
    assert {name: values[name] for name in told} == pytest.approx(told, abs=1e-9)


def test_three_phases() -> None:
    chip = meter(phases=3)
    chip.feels.update({Q.POWER: 3000.0, Q.VOLTAGE: 231.5})
    (values,) = heard(DSMR(), [chip.telegram()])
    assert [values[f"power.l{phase}"] for phase in (1, 2, 3)] == pytest.approx([1000.0] * 3)
    assert [values[f"voltage.l{phase}"] for phase in (1, 2, 3)] == [231.5] * 3
    assert values["power"] == 3000.0


def test_a_belgian_meter() -> None:
    (values,) = heard(DSMR(), [meter(belgian=True).telegram()])
    assert (values["gas_volume"], values["water_volume"]) == (321.705, 87.654)


def test_an_old_meter() -> None:
    (values,) = heard(DSMR(version="2.2"), [meter("2.2").telegram()])
    assert values == {
        "energy_import.t1": 1234.567, "energy_import.t2": 2345.678, "energy_export.t1": 12.345,
        "energy_export.t2": 0.0, "power": 320.0, "power_export": 0.0, "gas_volume": 321.705,
    }  # fmt: skip


@pytest.mark.parametrize(("version", "seconds", "telegrams"), [("5", 30, 30), ("4", 30, 3), ("2.2", 30, 3)])
def test_meters_talk_at_their_pace(version: str, seconds: int, telegrams: int) -> None:
    clock = VirtualClock()
    chip = Meter(clock.boot_us)
    chip.version = version
    street, driver = SerialBench(chip, clock), DSMR()
    assert len(street.listen(driver, seconds)) == telegrams
    assert not driver.errors


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, SerialLine(115200)),
        ({"version": "4"}, SerialLine(115200)),
        ({"version": "2.2"}, SerialLine(9600, 7, "E")),
        ({"version": "4", "framing": "7E1"}, SerialLine(115200, 7, "E")),
        ({"version": "2.2", "framing": "8N1"}, SerialLine(9600)),
        ({"baud": 19200}, SerialLine(19200)),
    ],
)
def test_the_port_is_opened_as_the_version_needs(settings: dict[str, str], line: SerialLine) -> None:
    assert DSMR(**settings).line == line


def test_a_telegram_without_the_crc_that_it_should_have_is_refused() -> None:
    for driver, telegram in (
        (DSMR(), unsealed("1-3:0.2.8(50)", "1-0:1.7.0(00.500*kW)")),
        (DSMR(version="5"), unsealed("1-0:1.7.0(00.500*kW)")),
    ):
        assert heard(driver, [telegram]) == []
        assert driver.errors == {"checksum": 1}


def test_once_a_crc_was_heard_none_is_doubt() -> None:
    driver = DSMR()
    assert heard(driver, [sealed("1-0:1.7.0(00.500*kW)"), unsealed("1-0:1.7.0(99.500*kW)")]) == [{"power": 500.0}]
    assert driver.errors == {"checksum": 1}


def test_a_telegram_that_does_not_fit_its_crc_gives_nothing() -> None:
    telegram = meter().telegram().rstrip()
    for at in range(1, len(telegram), 3):
        hurt = telegram[:at] + bytes([telegram[at] ^ 1]) + telegram[at + 1 :]
        driver = DSMR(version="5")
        assert heard(driver, [hurt]) == [], at
        driver.flush()
        assert driver.errors, at


@pytest.mark.parametrize(
    "line", ["1-0:1.7.0(0000.91*kW", "1-0:1x7.0(0000.91*kW)", "\x8d", "1-0:1.7.0 (0000.91*kW)", "1-0:1.7.0((0.9*kW))"]
)
def test_a_damaged_line_spoils_a_telegram_without_crc(line: str) -> None:
    driver = DSMR(version="2.2")
    assert heard(driver, [unsealed("1-0:1.8.1(00123.456*kWh)", line)]) == []
    assert driver.errors == {"framing": 1}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("1-0:1.7.0(00.532*kW)", {"power": 532.0}),
        ("1-0:1.7.0(00532*W)", {"power": 532.0}),
        ("1-0:1.8.0(001234.567*kWh)", {"energy_import": 1234.567}),
        ("1-0:1.8.1(0001234567*Wh)", {"energy_import.t1": 1234.567}),
        ("1-0:72.7.0(230*V)", {"voltage.l3": 230.0}),
        ("1-0:1.7.0(00.532*kVA)", None),
        ("1-0:1.7.0(00.532)", None),
        ("1-0:1.7.0(-0.532*kW)", None),
        ("1-0:1.7.0(1e3*kW)", None),
        ("1-0:1.7.0()", None),
        ("1-0:99.97.0(1)(0-0:96.7.19)(240318154512W)(0000004211*s)", None),
        ("0-0:96.13.0(1-0:1.7.0)", None),
    ],
)
def test_single_lines(line: str, values: dict[str, float] | None) -> None:
    found = heard(DSMR(), [sealed(line)])
    assert found == ([] if values is None else [pytest.approx(values)])


def pipe(channel: int, kind: str, code: str, value: str) -> tuple[str, str]:
    return f"0-{channel}:24.1.0({kind})", f"0-{channel}:{code}{value}"


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (pipe(1, "003", "24.2.1", "(250701120000S)(00321.705*m3)"), {"gas_volume": 321.705}),
        (pipe(4, "7", "24.2.1", "(250701120000W)(00001.5*m3)"), {"water_volume": 1.5}),
        (pipe(1, "003", "24.2.3", "(250701120000S)(00321.705*m3)"), {"gas_volume": 321.705}),
        (pipe(1, "004", "24.2.1", "(250701120000S)(00321.705*GJ)"), None),
        (pipe(1, "003", "24.2.1", "(632525252525S)(00000.000*m3)"), None),
        (pipe(1, "003", "24.2.1", "(250701120000S)(00000.000)"), None),
        (("0-1:24.2.1(250701120000S)(00321.705*m3)",), None),
        (pipe(1, "003", "24.3.0", "(250701110000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00077.250)"), {"gas_volume": 77.25}),
        (
            pipe(1, "003", "24.2.1", "(250701120000S)(1.5*m3)") + pipe(2, "003", "24.2.1", "(250701120000S)(2.5*m3)"),
            {"gas_volume": 1.5, "gas_volume.2": 2.5},
        ),
    ],
)
def test_gas_and_water(lines: tuple[str, ...], values: dict[str, float] | None) -> None:
    assert heard(DSMR(), [sealed(*lines)]) == ([] if values is None else [values])


def test_a_new_telegram_begins_where_one_broke_off() -> None:
    telegram = meter().telegram()
    driver = DSMR()
    assert len(heard(driver, [telegram[:400], telegram])) == 1
    assert driver.errors == {"framing": 1}


@given(lines=st.lists(st.text(st.characters(codec="latin-1", exclude_characters="/!"), max_size=60), max_size=20))
def test_whatever_a_sealed_telegram_holds_decode_is_total(lines: list[str]) -> None:
    said = "\r\n".join(["/TST5", "", *lines, "!"]).encode("latin-1")
    driver = DSMR()
    heard(driver, [said + f"{crc16(said):04X}".encode()])
    assert not driver.errors


def _everything_the_driver_says(feed: Callable[[DSMR], object]) -> str:
    """Readings, errors, counters, logs, prints, repr, and a traceback that happens right after."""
    log, out = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    driver = DSMR()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            said = [repr(feed(driver)), repr(driver), str(driver), repr(driver.errors), repr(driver.flush())]
    except Exception:
        said = [traceback.format_exc()]
    finally:
        logging.getLogger().removeHandler(handler)
    kept = dict(vars(driver))
    return "".join([*said, log.getvalue(), out.getvalue(), repr(kept), repr(pickle.dumps(kept))])


@pytest.mark.parametrize("version", ["5", "4", "2.2"])
@pytest.mark.parametrize("belgian", [False, True])
def test_no_serial_number_gets_out(version: str, belgian: bool) -> None:
    telegram = meter(version, 3, belgian).telegram()
    hurt = telegram.replace(b"(", b"[", 40)
    cut = telegram[: telegram.index(b"!")]
    for stream in (telegram, hurt, telegram[:-6] + b"0000\r\n", cut + telegram, hurt + cut):
        said = _everything_the_driver_says(lambda driver, stream=stream: driver.feed(stream))  # type: ignore[misc]
        for canary in CANARIES:
            assert written(canary).encode() in telegram or (canary.startswith("W") and version == "2.2")
            for shape in (canary, written(canary), written(canary).lower(), canary[-8:]):
                assert shape not in said


@pytest.mark.parametrize("version", ["5", "2.2"])
def test_no_refusal_quotes_the_telegram(version: str) -> None:
    """Whoever would log a refusal one day must find no byte of the household in it."""
    telegram = meter(version).telegram()
    refusals = set()
    for at in range(0, len(telegram), 5):
        for hurt in (telegram[:at] + b"}" + telegram[at + 1 :], telegram[:at] + telegram):
            try:
                DSMR(version=version).frame(bytearray(hurt))
            except (FramingError, ChecksumError, Incomplete) as error:
                refusals.add(str(error))
    assert 2 <= len(refusals) <= 6  # sentences of ours, whatever came in


def test_the_search_for_serial_numbers_finds_a_planted_one() -> None:
    assert CANARIES[0] in _everything_the_driver_says(lambda driver: CANARIES[0])


def told_at(driver: DSMR, chip: Meter, at_us: int) -> dict[str, Flag]:
    driver.at_us = at_us
    ((*readings,),) = driver.feed(chip.telegram())
    return {reading.name: reading.flags for reading in readings}


@pytest.mark.parametrize("version", ["5", "4"])
def test_a_telegram_whose_own_time_stands_still_is_stale(version: str) -> None:
    clock = VirtualClock()
    chip = Meter(clock.boot_us)
    chip.version = version
    driver = DSMR()
    for _ in range(60):
        clock.advance(10)
        assert set(told_at(driver, chip, clock.now_us).values()) == {Flag.NONE}
    chip.faults.freeze = True
    flags = []
    for _ in range(6):
        clock.advance(10)
        flags.append(set(told_at(driver, chip, clock.now_us).values()))
    assert flags == [{Flag.NONE}] * 2 + [{Flag.STALE}] * 4
    chip.faults.freeze = False
    clock.advance(10)
    assert set(told_at(driver, chip, clock.now_us).values()) == {Flag.NONE}


def test_an_old_meter_has_no_time_that_could_stand_still() -> None:
    driver, chip = DSMR(version="2.2"), meter("2.2")
    assert {flag for at in range(5) for flag in told_at(driver, chip, at * 60_000_000).values()} == {Flag.NONE}


@pytest.mark.parametrize(("heard", "flag"), [("251121120000W", Flag.NONE), ("251121080000W", Flag.NONE),
                                             ("251121075900W", Flag.STALE), ("251120120000W", Flag.STALE)])  # fmt: skip
def test_gas_that_was_not_heard_for_hours_is_stale_alone(heard: str, flag: Flag) -> None:
    (readings,) = DSMR().feed(sealed(
        "0-0:1.0.0(251121120000W)", "1-0:1.7.0(00.500*kW)", "0-1:24.1.0(003)", f"0-1:24.2.1({heard})(00012.345*m3)",
    ))  # fmt: skip
    assert {reading.name: reading.flags for reading in readings} == {"power": Flag.NONE, "gas_volume": flag}


def test_a_telegram_that_says_two_things_under_one_code_says_nothing() -> None:
    driver = DSMR()
    said = b"/TST5\r\n\r\n1-0:1.8.1(000001.000*kWh)\r\n1-0:1.8.1(00000%d.000*kWh)\r\n!"
    telegrams = [body + f"{crc16(body):04X}\r\n".encode() for body in (said % 1, said % 2)]
    assert heard(driver, telegrams) == [{"energy_import.t1": 1.0}]
    assert driver.errors == {"framing": 1}
