"""Lines of text described by a board: JSON, columns and patterns, and everything that must be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import SerialLine
from drivers.reading import Quantity
from drivers.serial_text import SerialText
from simulators.chips.serial_text import SerialText as Printer
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import Values, heard


def row(quantity: str, key: str, **more: Any) -> dict[str, Any]:
    return {"quantity": quantity, "key": key, **more}


def said(driver: SerialText, *lines: str) -> list[Values]:
    return heard(driver, [b"\r\n" + "".join(line + "\r\n" for line in lines).encode()])


CLIMATE = [row("temperature", "t"), row("humidity", "air.rh"), row("temperature", "list.1.t", channel="outside")]
COLUMNS = [row("temperature", "2"), row("pressure", "4", scale=100.0)]
MAXBOTIX = {"format": "pattern", "pattern": r"R(\d{4})", "fields": [row("distance", "1", scale=0.001)]}
LEVEL = {"format": "pattern", "pattern": r"Range: *(\d+) mm", "fields": [
    row("distance", "1", scale=-0.001, offset=3.2, channel="level")]}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "line", "values"),
    [
        ({}, '{"distance": 1.25}', {"distance": 1.25}),
        ({"fields": CLIMATE}, '{"t":-3,"air":{"rh":"55.5"},"list":[0,{"t":4.5}]}',
         {"temperature": -3, "humidity": 55.5, "temperature.outside": 4.5}),
        ({"fields": CLIMATE}, '{"t":null,"air":{"rh":40},"list":[]}', {"humidity": 40}),
        ({"fields": [row("presence", "on")]}, '{"on":true}', {"presence": 1}),
        ({"fields": [row("temperature", "0")]}, "[21.5]", {"temperature": 21.5}),
        ({"format": "csv", "fields": COLUMNS}, "a, 21.5 ,b,1013.25,c", {"temperature": 21.5, "pressure": 101325}),
        ({"format": "csv", "fields": COLUMNS}, "a,,b,1000", {"pressure": 100000}),
        ({"format": "csv", "separator": "semicolon", "decimal": "comma", "fields": COLUMNS}, "a;21,5;b;1013,25",
         {"temperature": 21.5, "pressure": 101325}),
        ({"format": "csv", "separator": "space", "fields": COLUMNS}, "a  21.5 b   1000",
         {"temperature": 21.5, "pressure": 1e5}),
        ({"format": "csv", "separator": "tab", "fields": COLUMNS}, "a\t1\tb\t2", {"temperature": 1, "pressure": 200}),
        (MAXBOTIX, "R1234", {"distance": 1.234}),
        (LEVEL, "Range:  1200 mm", {"distance.level": 2.0}),
        ({"format": "pattern", "pattern": r"(?P<t>-?\d+) C|none", "fields": [row("temperature", "t")]}, "-7 C",
         {"temperature": -7}),
    ],
)  # fmt: skip
def test_lines(settings: dict[str, Any], line: str, values: Values) -> None:
    driver = SerialText(**settings)
    ((found),) = said(driver, line)
    assert found == pytest.approx(values)
    assert not driver.errors


@pytest.mark.parametrize(
    ("settings", "line", "cause"),
    [
        ({}, "hello", "framing"), ({}, '{"distance": 1.25', "framing"), ({}, "12", "framing"),
        ({}, "[" * 500, "framing"),
        ({}, '{"distance": NaN}', "not_measured"), ({}, '{"distance": "12 m"}', "not_measured"),
        ({}, '{"distance": [1]}', "not_measured"), ({}, '{"other": 1}', "not_measured"), ({}, "{}", "not_measured"),
        ({}, '{"distance": 1e400}', "not_measured"), ({}, '{"distance": ' + "9" * 400 + "}", "not_measured"),
        ({"format": "csv", "fields": COLUMNS}, "a,21.5,b", "framing"),
        ({"format": "csv", "fields": COLUMNS}, "a,x,b,1000", "not_measured"),
        (MAXBOTIX, "R123", "framing"), (MAXBOTIX, "TempI", "framing"), (LEVEL, "Range: mm", "framing"),
    ],
)  # fmt: skip
def test_what_is_refused(settings: dict[str, Any], line: str, cause: str) -> None:
    driver = SerialText(**settings)
    assert said(driver, line) == []
    assert driver.errors == {cause: 1}


def test_half_a_line_is_no_line() -> None:
    driver = SerialText(format="csv", fields=[row("temperature", "1")])
    assert heard(driver, [b"3.5\r\n123.5\r\n", b"4", b"5.5\r\n"]) == [{"temperature": 123.5}, {"temperature": 45.5}]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"fields": []}, "rows"),
        ({"fields": [row("latitude", "x")]}, "no quantity"), ({"fields": [row("vehicle_speed", "x")]}, "no quantity"),
        ({"fields": [row("temperature", "")]}, "key must"), ({"fields": [{"quantity": "temperature"}]}, "missing"),
        ({"fields": [row("temperature", "a"), row("temperature", "b")]}, "channels"),
        ({"fields": [row("temperature", "a", channel="In Side")]}, "letters"),
        ({"fields": [row("temperature", "a", scale=float("nan"))]}, "finite"),
        ({"format": "csv", "fields": [row("temperature", "0")]}, "column"),
        ({"format": "csv", "fields": [row("temperature", "t")]}, "column"),
        ({"format": "pattern", "fields": [row("temperature", "1")]}, "pattern must"),
        ({"format": "pattern", "pattern": "(a+)+", "fields": [row("temperature", "1")]}, "quantifier"),
        ({"format": "pattern", "pattern": r"(\d+)", "fields": [row("temperature", "2")]}, "group"),
        ({"format": "pattern", "pattern": r"(\d+)", "fields": [row("temperature", "t")]}, "group"),
    ],
)  # fmt: skip
def test_what_a_board_may_not_say(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SerialText(**settings)


def test_it_measures_what_its_board_says() -> None:
    driver = SerialText(fields=CLIMATE, baud=115200, framing="7E1", silence_s=600, still_s=0)
    assert driver.measures == (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    assert driver.line == SerialLine(115200, 7, "E", 1)
    assert (driver.silence_s, driver.still_s) == (600, 0)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_printer_of_any_kind(end: str) -> None:
    clock = VirtualClock()
    chip = Printer(clock.boot_us)
    chip.template, chip.end = "D={distance:06.3f};T={temperature:+.1f}", end
    fields = [row("distance", "1"), row("temperature", "2")]
    driver = SerialText(format="pattern", pattern=r"D=(\d+\.\d+);T=([+-]\d+\.\d)", fields=fields)
    street = SerialBench(chip, clock)
    street.feel({Quantity.DISTANCE: 3.21, Quantity.TEMPERATURE: -4.5})
    assert street.listen(driver, 5)[-3:] == [{"distance": 3.21, "temperature": -4.5}] * 3
    chip.faults.stuck_busy = True
    assert street.listen(driver, 2)[1:] == []
    assert driver.errors["framing"] >= 1


@given(st.binary(max_size=300))
def test_hostile_lines(data: bytes) -> None:
    for settings in ({}, {"format": "csv", "fields": COLUMNS}, MAXBOTIX, {"fields": CLIMATE}):
        driver = SerialText(**settings)
        driver.feed(b"\n" + data + b"\n")
        driver.flush()
