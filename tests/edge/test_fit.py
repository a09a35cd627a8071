"""What only the drivers know of a board: settings and their tables, windows, rest, neighbours, places."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.catalog import CATALOG, driver
from drivers.driver import FileDriver, I2CDriver
from drivers.landlord import LandlordDriver
from drivers.lines import LinesDriver
from drivers.window import Windowed
from edge.board import check
from edge.mistake import Mistake
from edge.wiring import SensorPlan

HEAD = '[node]\nid = "pole-001"\n'
AIR = '[[sensor]]\nname = "air"\ndriver = "bme280"\nbus = "i2c-1"\n'


def sensor(driver: str, rest: str = "", name: str = "it", where: str = 'bus = "i2c-1"') -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{driver}"\n{where}\n{rest}\n'


def mistakes(*tables: str, simulated: bool = False) -> list[Mistake]:
    return list(check(HEAD + "".join(tables), "node.toml", simulated).mistakes)


def plan(*tables: str) -> SensorPlan:
    checked = check(HEAD + "".join(tables), "node.toml")
    assert checked.wiring is not None, checked.mistakes
    return checked.wiring.sensors[-1]


def told(key: str, words: str, *tables: str) -> None:
    found = mistakes(*tables)
    assert [mistake.key for mistake in found] == [key], [str(mistake) for mistake in found]
    assert words in str(found[0]), str(found[0])


PORT = 'port = "/dev/ttyUSB0"'
ROW = '[[sensor.settings.registers]]\nquantity = "voltage"\nregister = 0\n'


# Tables of settings.


def test_rows_of_settings_compile_as_they_stand() -> None:
    found = plan(sensor("modbus", "[sensor.settings]\nunit = 3\n" + ROW + 'type = "float32"\n', where=PORT))
    assert found.settings["unit"] == 3
    rows: Any = found.settings["registers"]
    assert rows == [{"quantity": "voltage", "register": 0, "type": "float32"}]


@pytest.mark.parametrize(
    ("row", "key", "words"),
    [
        (ROW + 'kinds = "input"', "registers[1].kinds", 'Did you mean "kind"?'),
        (ROW.replace("voltage", "voltge"), "registers[1].quantity", 'Did you mean "voltage"?'),
        (ROW.replace("register = 0", ""), "registers[1].register", "is missing"),
        (ROW + ROW.replace('"voltage"', '"volts"'), "registers[2].quantity", "no quantity that is known"),
        (ROW + 'scale = "2"', "registers[1].scale", "must be a number"),
        (ROW + "scale = inf", "registers[1].scale", "finite"),
        (ROW + "register2 = { a = 1 }", "registers[1].register2", "is no column"),
    ],
)
def test_each_wrong_row_is_told_by_its_place(row: str, key: str, words: str) -> None:
    told(f"sensor[1].settings.{key}", words, sensor("modbus", row, where=PORT))


@pytest.mark.parametrize("value", ['"x"', "3", "[1, 2]", "{ a = 1 }"])
def test_what_is_no_table_is_told(value: str) -> None:
    told("sensor[1].settings.registers", "[[sensor.settings.registers]]",
         sensor("modbus", f"[sensor.settings]\nregisters = {value}", where=PORT))  # fmt: skip


@pytest.mark.parametrize("value", ["{ a = 1 }", "[1]", "1979-05-27", "nan"])
def test_a_setting_of_another_shape_is_told(value: str) -> None:
    found = mistakes(sensor("sdm120", f"[sensor.settings]\nunit = {value}", where=PORT))
    assert [mistake.key for mistake in found] == ["sensor[1].settings.unit"]


def test_settings_that_contradict_each_other_are_told_in_the_drivers_words() -> None:
    twice = sensor("modbus", ROW + ROW, where=PORT)
    (mistake,) = mistakes(twice)
    assert mistake.key == "sensor[1].settings"
    assert "same quantity" in str(mistake)


def test_a_generic_driver_insists_on_its_table() -> None:
    told("sensor[1].settings.registers", "Add [[sensor.settings.registers]]", sensor("modbus", where=PORT))
    told("sensor[1].settings.fields", "Add [[sensor.settings.fields]]", sensor("serial_text", where=PORT))


# Windows.


def test_with_a_window_looks_stay_inside() -> None:
    door = sensor("vl53l1x", 'window = "300s"\n[sensor.settings]\nmode = "passage"')
    assert (plan(door).window_ms, plan(door).interval_ms) == (300_000, 300_000)
    assert plan(sensor("vl53l1x", 'interval = "5s"')).window_ms == 0


def test_people_are_counted_over_300_s_or_more_by_talks_and_streams_too() -> None:
    door = 'window = "60s"\n[sensor.settings]\nmode = "passage"'
    told("sensor[1].window", "300s", sensor("vl53l1x", door))
    assert not mistakes(sensor("vl53l1x", door), simulated=True)
    told("sensor[1].window", "300s", sensor("ld2450", 'window = "60s"', where=PORT))
    assert not mistakes(sensor("vl53l1x", door.replace("passage", "parking")))


def test_who_was_there_at_which_second_is_not_told_without_a_window_either() -> None:
    for name in ("ld2410", "ld2450"):
        told("sensor[1].interval", "nobody's trace", sensor(name, 'interval = "10s"', where=PORT))
        assert plan(sensor(name, where=PORT)).interval_ms == 300_000
        assert not mistakes(sensor(name, 'interval = "10s"', where=PORT), simulated=True)
    counting = 'interval = "1s"\n' + ROW.replace("voltage", "count_total")
    told("sensor[1].interval", "count_total", sensor("modbus", counting, where=PORT))
    told("sensor[1].window", "300s", sensor("ops243", 'window = "60s"', where=PORT))
    told("sensor[1].window", "300s", sensor("pir", 'window = "60s"', where="pins = { line = 5 }"))
    assert plan(sensor("tfmini", 'interval = "1s"', where=PORT)).interval_ms == 1_000


@pytest.mark.parametrize("quantity", ["latitude", "vehicle_speed", "count", "uptime"])
def test_a_register_map_tells_neither_places_nor_speeds(quantity: str) -> None:
    told("sensor[1].settings.registers[1].quantity", "", sensor("modbus", ROW.replace("voltage", quantity), where=PORT))


MUST = [name for name in CATALOG if isinstance(made := driver(name)(), Windowed) and made.must_window]


@pytest.mark.parametrize("name", MUST)
def test_what_is_of_no_use_without_a_window_has_one(name: str) -> None:
    kind = driver(name)
    where = PORT if not issubclass(kind, LinesDriver | I2CDriver) else 'bus = "i2c-1"'
    if issubclass(kind, LinesDriver):
        where = f"pins = {{ {', '.join(f'{line} = {5 + at}' for at, line in enumerate(kind().lines))} }}"
    found = plan(sensor(name, where=where))
    assert (found.window_ms or found.interval_ms) == 300_000
    told("sensor[1].interval", "window", sensor(name, 'interval = "10s"', where=where))


def test_an_interval_and_a_window_are_one_too_many() -> None:
    told("sensor[1].interval", "Take one of the two out", sensor("vl53l1x", 'interval = "1s"\nwindow = "300s"'))
    told("sensor[1].window", "has an interval", sensor("bme280", 'window = "300s"'))


# Rest, neighbours, places.


def test_rest_is_for_what_can_sleep_and_has_time_for_it() -> None:
    assert plan(sensor("sps30", 'rest = true\ninterval = "300s"')).rest
    told("sensor[1].rest", "can not be put to sleep", sensor("bme280", 'rest = true\ninterval = "300s"'))
    told("sensor[1].rest", "hardly rest", sensor("sps30", 'rest = true\ninterval = "10s"'))


def test_a_neighbour_must_be_there_and_of_use() -> None:
    assert plan(AIR, sensor("sgp40", 'beside = "air"')).beside == "air"
    told("sensor[2].beside", "Did you mean", AIR, sensor("sgp40", 'beside = "aír"'))
    told("sensor[1].beside", "no other sensor", sensor("sgp40", 'beside = "it"'))
    told("sensor[2].beside", "no use for a neighbour", AIR, sensor("sht31", 'beside = "air"'))
    light = sensor("bh1750", name="light")
    told("sensor[2].beside", "does not measure", light, sensor("sgp40", 'beside = "light"'))


CELL = {"sensitivity_mv_per_ppb": "0.2", "no2_sensitivity_mv_per_ppb": "0.2"}


def cell(gas: str, beside: str, address: str = "0x48") -> str:
    settings = "\n".join(f"{name} = {value}" for name, value in CELL.items())
    rest = f'address = {address}\nbeside = "{beside}"\n[sensor.settings]\ngas = "{gas}"\n{settings}'
    return sensor("alphasense", rest, name=gas)


def test_ozone_learns_the_warmth_of_the_air_through_its_no2_neighbour() -> None:
    assert plan(AIR, cell("no2", "air"), cell("o3", "no2", "0x49")).beside == "no2"
    told("sensor[2].beside", "does not tell no2", AIR, cell("o3", "air"))
    bare = cell("no2", "air").replace('beside = "air"\n', "")
    told("sensor[3].beside", "Write beside = … for no2 too", AIR, bare, cell("o3", "no2", "0x49"))


def test_neighbours_in_a_ring_are_followed_once() -> None:
    found = mistakes(cell("no2", "o3"), cell("o3", "no2", "0x49"))
    assert [mistake.key for mistake in found] == ["sensor[1].beside", "sensor[2].beside"]
    assert all("temperature" in str(mistake) for mistake in found)


def test_only_a_node_declared_mobile_tells_where_it_is() -> None:
    gps = sensor("nmea", where=PORT)
    told("sensor[1].settings.position", "declared mobile", gps)
    assert not mistakes(gps.replace("ttyUSB0\"", "ttyUSB0\"\n[sensor.settings]\nposition = false"))
    assert not mistakes("[site]\nmobile = true\n", gps)


def test_a_device_behind_a_file_needs_its_file() -> None:
    warm = 'file = "/sys/bus/w1/devices/28-01/w1_slave"'
    assert plan(sensor("ds18b20", where=warm)).bus_kind == "file"
    told("sensor[1].file", "needs it", sensor("ds18b20", where=""))
    told("sensor[2].file", "already taken", sensor("ds18b20", where=warm), sensor("ds18b20", name="two", where=warm))
    told("sensor[1].file", "has none", sensor("bme280", warm))


def test_inputs_of_one_converter_are_shared_and_each_is_read_by_one() -> None:
    def level(name: str, at: str) -> str:
        return sensor("ads1115", f'address = 0x48\n[sensor.settings]\ninput = "{at}"', name=name)

    assert not mistakes(level("a", "0"), level("b", "1"), level("c", "2"))
    (mistake,) = mistakes(level("a", "0"), level("b", "0"))
    assert mistake.key == "sensor[2].address"
    assert "already read by sensor[1] (a)" in str(mistake)
    told("sensor[2].address", "already taken", level("a", "0"), sensor("ina219", "address = 0x48", name="b"))


def test_units_share_a_line_when_they_speak_alike() -> None:
    def unit(name: str, number: int, rest: str = "", driver: str = "sdm120") -> str:
        return sensor(driver, f"[sensor.settings]\nunit = {number}\nbaud = 9600\n{rest}", name, PORT)

    assert not mistakes(unit("a", 1), unit("b", 2))
    assert [m.key for m in mistakes(unit("a", 1), unit("b", 1))] == ["sensor[2].port"]
    told("sensor[2].port", "same baud and parity", unit("a", 1), unit("b", 2, 'parity = "E"'))
    told("sensor[2].port", "already taken", unit("a", 1), sensor("mhz19", name="b", where=PORT))


@pytest.mark.parametrize("name", [name for name in CATALOG if not issubclass(driver(name), LandlordDriver)])
def test_every_driver_can_be_named_by_a_board(name: str) -> None:
    """With nothing but its place; what else it needs it says itself, by a key of its own."""
    kind = driver(name)
    where = PORT
    if issubclass(kind, I2CDriver):
        where = 'bus = "i2c-1"'
    elif issubclass(kind, FileDriver):
        where = 'file = "/sys/x"'
    elif issubclass(kind, LinesDriver):
        lines = kind().lines
        where = f"pins = {{ {', '.join(f'{line} = {5 + at}' for at, line in enumerate(lines))} }}"
    found = mistakes("[site]\nmobile = true\n", sensor(name, where=where))
    assert all(mistake.key.startswith("sensor[1].settings") for mistake in found), [str(m) for m in found]


def test_a_wrong_row_does_not_hide_what_else_is_wrong() -> None:
    """The mini-UART has no parity, whatever the registers say."""
    wrong = sensor("modbus", '[sensor.settings]\nparity = "E"\n' + ROW + 'typ = "s16"', where='port = "/dev/ttyS0"')
    assert {mistake.key for mistake in mistakes(wrong)} == {"sensor[1].settings.registers[1].typ", "sensor[1].port"}
