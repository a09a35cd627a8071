"""A Modbus device that is described in the board file alone: its map, its line, and maps that contradict themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.driver import SerialLine
from drivers.errors import NotMeasured
from drivers.hearsay import MAY_BE_TOLD
from drivers.modbus import Modbus
from drivers.reading import Quantity
from simulators.chips.modbus import laid_out
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

ROWS: list[dict[str, Any]] = [
    {"quantity": "distance", "register": 0x10, "kind": "input", "type": "u16", "scale": 0.001},
    {"quantity": "battery_level", "register": 40, "scale": 0.1, "absent": 0xFFFF},
    {"quantity": "power", "channel": "solar", "register": 41, "type": "s32le", "scale": 0.1},
    {"quantity": "power", "channel": "load", "register": 43, "type": "float32"},
    {"quantity": "rain", "register": 100, "type": "u32", "scale": 0.2, "offset": 0.0},
]
FELT = {Quantity.DISTANCE: 3.217, Quantity.BATTERY_LEVEL: 81.5, Quantity.POWER: -12.5, Quantity.RAIN: 1.4}


def bench(driver: Modbus) -> SerialBench:
    clock = VirtualClock()
    return SerialBench(laid_out(driver.map)(clock.boot_us), clock)


def test_the_board_says_what_it_measures() -> None:
    driver = Modbus(registers=ROWS)
    assert driver.measures == (Quantity.DISTANCE, Quantity.BATTERY_LEVEL, Quantity.POWER, Quantity.RAIN)
    assert driver.decimals == {Quantity.DISTANCE: 3, Quantity.BATTERY_LEVEL: 1, Quantity.POWER: 1, Quantity.RAIN: 1}
    assert driver.bus_bytes == 3 * 13 + 2 * (1 + 5 + 2)
    street = bench(driver)
    street.feel(FELT)
    street.set_up(driver)
    assert street.ask(driver) == {
        "distance": pytest.approx(3.217), "battery_level": pytest.approx(81.5), "power.solar": pytest.approx(-12.5),
        "power.load": -12.5, "rain": pytest.approx(1.4),
    }  # fmt: skip


def test_what_is_absent_is_left_out_and_nothing_is_not_measured() -> None:
    driver = Modbus(registers=ROWS[1:3])
    street = bench(driver)
    chip = street.chip
    held = dict.fromkeys(range(40, 44), 0) | {40: 0xFFFF}
    chip.holdings = lambda: held  # type: ignore[attr-defined]
    assert street.ask(driver) == {"power.solar": 0.0}
    with pytest.raises(NotMeasured):
        street.ask(Modbus(registers=ROWS[1:2]))


def test_without_a_table_it_reads_the_xy_md02() -> None:
    driver = Modbus()
    assert driver.measures == (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    assert Modbus.measures == ()
    street = bench(driver)
    assert converse(driver.probe(), serial_steps(street.port, street.clock.advance))
    assert not converse(Modbus(unit=2).probe(), serial_steps(street.port, street.clock.advance))


def test_lines() -> None:
    assert Modbus(baud=19200, parity="O", stop=2).line == SerialLine(19200, 8, "O", 2)
    assert Modbus(unit=0, framing="tcp").unit.number == 0
    assert Modbus(unit=255, framing="tcp").unit.framing == "tcp"
    assert Modbus().claims == ()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"unit": 0}, "between 1 and 247"),
        ({"unit": 250, "framing": "rtu over tcp"}, "between 1 and 247"),
        ({"framing": "ascii"}, "rtu, tcp"),
        ({"registers": []}, "1 to 64 rows"),
        ({"registers": [{"quantity": "temperature"}]}, "register is missing"),
        ({"registers": [{"quantity": "joy", "register": 1}]}, "no quantity that is known"),
        ({"registers": [{"quantity": "rain", "register": 1, "type": "u8"}]}, "type must be one of u16"),
        ({"registers": [{"quantity": "rain", "register": 1}, {"quantity": "rain", "register": 2}]}, "same quantity"),
        ({"registers": [{"quantity": "rain", "register": 65535, "type": "u32"}]}, "no room"),
        ({"registers": [{"quantity": "rain", "register": 1, "scale": 0}]}, "must not be 0"),
        ({"registers": [{"quantity": "rain", "register": 70000}]}, "between 0 and 65535"),
    ],
)
def test_maps_that_make_no_sense_are_refused_in_words(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Modbus(**settings)


row = st.fixed_dictionaries({
    "quantity": st.sampled_from(MAY_BE_TOLD),
    "register": st.integers(0, 0xFFFE),
    "kind": st.sampled_from(["holding", "input"]),
    "type": st.sampled_from(["u16", "s16", "u32", "s32", "float32", "u32le", "s32le", "float32le"]),
    "scale": st.sampled_from([1, 0.1, 0.001, 2.5, 100.0, -1.0]),
})  # fmt: skip


@settings(max_examples=40)
@given(rows=st.lists(row, min_size=1, max_size=12, unique_by=lambda r: (r["quantity"])))
def test_any_map_is_read_from_a_device_that_has_it(rows: list[dict[str, Any]]) -> None:
    driver = Modbus(registers=rows)
    wanted = {row["quantity"] for row in rows}
    taken: dict[tuple[str, int], int] = {}
    for one in driver.map:  # where two lie over each other the device can not tell both
        for word in range(one.words):
            taken[one.kind, one.address + word] = taken.get((one.kind, one.address + word), 0) + 1
    if max(taken.values()) > 1:
        return
    street = bench(driver)
    try:
        said = street.ask(driver)
    except NotMeasured:
        said = {}
    assert set(said) <= wanted
    for one in driver.map:
        low, high = street.chip.spans[one.quantity]
        felt = max(low, min(high, street.chip.feels[one.quantity]))
        if low <= high and one.quantity.value in said:  # else this type can not tell this quantity at all
            assert said[one.quantity.value] == pytest.approx(felt, abs=abs(one.scale), rel=1e-5)
