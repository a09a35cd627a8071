"""The GPS receiver: public vectors, time, fixes that come and go, binary frames between, and places at the edge."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import SerialLine
from drivers.nmea import NMEA
from drivers.reading import Flag, Quantity
from drivers.timepiece import Told
from simulators.chips.nmea import NMEA as Receiver
from simulators.chips.nmea import ubx
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
GGA, RMC = (bytes.fromhex(next(v["raw_hex"] for v in RAW if v["id"] == name)) for name in ("pub-060", "pub-061"))
LAT, LON, ALT = Quantity.LATITUDE, Quantity.LONGITUDE, Quantity.ALTITUDE


def bench() -> tuple[SerialBench, NMEA, Receiver]:
    clock = VirtualClock()
    chip = Receiver(clock.boot_us)
    return SerialBench(chip, clock), NMEA(), chip


def sealed(text: str) -> bytes:
    total = 0
    for character in text.encode():
        total ^= character
    return f"${text}*{total:02X}\r\n".encode()


def unix_ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


def told(driver: NMEA) -> Told | None:
    return driver.told


def test_vectors() -> None:
    driver = NMEA()
    (place,) = heard(driver, [GGA])
    assert place == pytest.approx({"latitude": 48.1173, "longitude": 11.5166667, "altitude": 545.4}, abs=1e-6)
    assert told(driver) is None
    (place,) = heard(driver, [RMC])
    assert place == pytest.approx({"latitude": 51.9584021667, "longitude": 4.47193666667}, abs=1e-9)
    assert driver.told is not None
    assert driver.told.unix_ms == unix_ms(2002, 12, 9, 8, 35, 59)
    assert (driver.told.uncertainty_ms, driver.told.kind) == (1000, "gps")
    assert not driver.errors


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "GB", "BD", "QZ"])
def test_any_talker(talker: str) -> None:
    street, driver, chip = bench()
    chip.talker = talker
    sets = street.listen(driver, 3.05)
    assert len(sets) == 6
    assert sets[1] == pytest.approx({"latitude": 52.0907374, "longitude": 5.1214201, "altitude": 5.0}, abs=2e-7)


def test_a_place_of_a_second_holds_its_height_in_whichever_order_it_comes() -> None:
    chip, driver = Receiver(lambda: 0), NMEA()
    first, second = heard(driver, [chip.gga() + chip.rmc()])
    assert set(first) == set(second) == {"latitude", "longitude", "altitude"}
    driver = NMEA()
    first, second = heard(driver, [chip.rmc() + chip.gga()])
    assert (len(first), len(second)) == (2, 3)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-400, 9000))
def test_anywhere(latitude: float, longitude: float, altitude: float) -> None:
    chip = Receiver(lambda: 0)
    chip.feels.update({LAT: latitude, LON: longitude, ALT: altitude})
    (place,) = heard(NMEA(), [chip.gga()])
    assert place["latitude"] == pytest.approx(latitude, abs=1e-7)
    assert place["longitude"] == pytest.approx(longitude, abs=1e-7)
    assert place["altitude"] == pytest.approx(altitude, abs=0.051)


@pytest.mark.parametrize(
    ("time", "date", "moment"),
    [
        ("083559.00", "091202", unix_ms(2002, 12, 9, 8, 35, 59)),
        ("235959.250", "311225", unix_ms(2025, 12, 31, 23, 59, 59) + 250),
        ("000000", "010126", unix_ms(2026, 1, 1)), ("235960.00", "311216", unix_ms(2017, 1, 1)),
        ("120000.5", "290224", unix_ms(2024, 2, 29, 12) + 500), ("120000", "010195", unix_ms(1995, 1, 1, 12)),
    ],
)  # fmt: skip
def test_times(time: str, date: str, moment: int) -> None:
    driver = NMEA()
    heard(driver, [sealed(f"GPRMC,{time},A,4807.038,N,01131.000,E,0,0,{date},,,A")])
    assert driver.told is not None
    assert driver.told.unix_ms == moment


@pytest.mark.parametrize(
    "sentence",
    [
        "GPRMC,120000,V,4807.038,N,01131.000,E,0,0,010126,,,A", "GPRMC,,V,,,,,,,,,,N",
        "GPRMC,120000,A,4807.038,N,01131.000,E,0,0,010126,,,N",
        "GPRMC,120000,A,4807.038,N,01131.000,E,0,0,010126,,,E", "GPRMC,120000,A,4807.038,N,01131.000,E,0,0,010126,,,S",
    ],
)  # fmt: skip
def test_without_a_fix_there_is_neither_place_nor_time(sentence: str) -> None:
    driver = NMEA()
    heard(driver, [RMC])
    assert heard(driver, [sealed(sentence)]) == []
    assert driver.told is None
    assert driver.errors == {"not_measured": 1}


@pytest.mark.parametrize(
    "sentence", ["GPGGA,,,,,,0,00,99.99,,,,,,", "GPGGA,120000,4807.038,N,01131.000,E,6,08,0.9,545.4,M,46.9,M,,",
                 "GPGGA,120000,4807.038,N,01131.000,E,8,08,0.9,545.4,M,46.9,M,,",
                 "GPGGA,120000,4807.038,N,01131.000,E,x,08,0.9,1,M,46.9,M,,",
                 "GPGSV,1,1,00", "GPTXT,01,01,02,hello", "GPRMCX,1,A", "PUBX,00,1"]
)  # fmt: skip
def test_sentences_without_a_place(sentence: str) -> None:
    driver = NMEA()
    assert heard(driver, [sealed(sentence)]) == []
    assert not driver.errors


@pytest.mark.parametrize(
    "sentence",
    [
        "GPRMC,250000,A,4807.038,N,01131.000,E,0,0,010126,,,A", "GPRMC,120061,A,4807.038,N,01131.000,E,0,0,010126,,,A",
        "GPRMC,120000,A,4807.038,N,01131.000,E,0,0,310226,,,A", "GPRMC,120000,A,4807.038,N,01131.000,E,0,0,,,,A",
        "GPRMC,120000,A,4807.038,X,01131.000,E,0,0,010126,,,A", "GPRMC,120000,A,,,,,0,0,010126,,,A",
        "GPRMC,120000,A,9807.038,N,01131.000,E,0,0,010126,,,A", "GPRMC,120000,A,4867.038,N,01131.000,E,0,0,010126,,,A",
        "GPRMC,120000,A,4807.038,N,19131.000,E,0,0,010126,,,A", "GPRMC,120000,A", "GPGGA,120000,4807,N,01131,E,1",
    ],
)  # fmt: skip
def test_fields_that_can_not_be(sentence: str) -> None:
    driver = NMEA()
    assert heard(driver, [sealed(sentence)]) == []
    assert driver.errors == {"framing": 1}


@pytest.mark.parametrize(
    ("stream", "errors"),
    [
        (GGA.replace(b"*47", b"*48"), {"checksum": 1}), (GGA.replace(b"4807", b"4808"), {"checksum": 1}),
        (GGA.replace(b"*47", b""), {"framing": 1}), (GGA[:20] + RMC[:30], {"framing": 1}),
        (b"$" + b"A" * 200 + b"\r\n", {"framing": 1}), (b"$GP\xffGA*00\r\n", {"framing": 1}),
        (ubx(1, 7, b"$" * 30)[:-1] + b"\x00", {"checksum": 1}),
        (ubx(1, 7, b"x" * 30)[:20], {"truncated": 1}), (b"\xb5\x62\x01\x07\xff\xff", {"framing": 1}),
    ],
)  # fmt: skip
def test_damage(stream: bytes, errors: dict[str, int]) -> None:
    driver = NMEA()
    assert heard(driver, [stream]) == []
    assert driver.flush() == []
    assert driver.errors == errors


def test_a_dollar_begins_a_sentence_anew() -> None:
    driver = NMEA()
    assert len(heard(driver, [GGA[:25] + RMC])) == 1
    assert driver.errors == {"framing": 1}


def test_binary_frames_between_cost_nothing() -> None:
    street, driver, chip = bench()
    chip.binary = True
    assert len(street.listen(driver, 5.05)) == 10
    assert not driver.errors
    assert heard(driver, [ubx(1, 0x35, GGA) + RMC])[0]["latitude"] == pytest.approx(51.958402, abs=1e-6)


def test_a_fix_that_comes_and_goes() -> None:
    street, driver, chip = bench()
    chip.faults.stuck_busy = True
    assert street.listen(driver, 3.05) == []
    assert driver.errors == {"not_measured": 3}
    chip.faults.stuck_busy = False
    assert len(street.listen(driver, 3)) == 6
    assert driver.told is not None


def test_no_place_leaves_where_it_is_not_wanted() -> None:
    street, chip = bench()[0], bench()[2]
    driver = NMEA(position=False)
    assert street.listen(driver, 3.05) == [{}] * 6
    assert driver.told is not None
    assert NMEA(position=False, baud=38400).line == SerialLine(38400)
    assert chip.line == NMEA().line


def test_time_follows_the_chip_and_stands_still_with_it() -> None:
    street, driver, chip = bench()
    for _ in range(3):
        street.listen(driver, 1)
        assert driver.told is not None
        assert abs(driver.told.unix_ms - chip.tells_ms()) <= 1000
    chip.faults.freeze = True
    flags = []
    for _ in range(10):
        street.clock.advance(1)
        driver.at_us = street.clock.now_us
        flags.append({reading.flags for found in driver.feed(street.port.read(4096, 0.0)) for reading in found})
    assert flags[0] == {Flag.NONE}
    assert flags[-1] == {Flag.STALE}
    assert driver.told is None


def test_a_device_that_went_away_takes_its_time_along() -> None:
    driver = NMEA()
    heard(driver, [GGA + RMC])
    driver.forget()
    assert told(driver) is None
    (place,) = heard(driver, [RMC])
    assert "altitude" not in place
