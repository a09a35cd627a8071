"""What the wiring itself never tells: everything that cannot hang beside each other is found before it is read."""

from __future__ import annotations

import tomllib
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bme280 import BME280
from edge.board import Sensor, _listed, check
from edge.buses.segment import Segment, lodging, segment
from edge.fit import fitted
from edge.mistake import Mistake
from edge.places import clashes
from edge.traffic import I2C_BITS, MOST

HEAD = '[node]\nid = "pole-001"\n'


def sensor(name: str, driver: str, rest: str) -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{driver}"\n{rest}\n'


def i2c(name: str, driver: str, bus: str = "i2c-1", address: int | None = None, rest: str = "") -> str:
    at = "" if address is None else f"address = {address}\n"
    return sensor(name, driver, f'bus = "{bus}"\n{at}{rest}')


def gate(name: str, a: int, b: int, chip: str = "gpiochip0") -> str:
    return sensor(name, "dual_beam", f'pins = {{ a = {a}, b = {b} }}\nchip = "{chip}"')


def mistakes(*tables: str, simulated: bool = False, head: str = HEAD) -> dict[str, Mistake]:
    checked = check(head + "".join(tables), "node.toml", simulated)
    return {mistake.key: mistake for mistake in checked.mistakes}


def told(key: str, words: str, *tables: str) -> None:
    found = mistakes(*tables)
    assert set(found) == {key}, [str(mistake) for mistake in found.values()]
    assert words in str(found[key])


AIR, OTHER = i2c("air", "bme280", address=0x76), i2c("other", "bme280", address=0x77)


def test_what_fits_is_let_through() -> None:
    assert mistakes(AIR, OTHER, i2c("heat", "sht31"), gate("gate", 17, 27), gate("gate-2", 22, 23)) == {}


@pytest.mark.parametrize(
    ("key", "words", "tables"),
    [
        ("sensor[2].address", "already taken by sensor[1] (air)", (AIR, i2c("twin", "bme280", address=0x76))),
        ("sensor[2].address", "already taken", (AIR, i2c("twin", "bme280", "/dev/i2c-1", 0x76))),
        ("sensor[2].address", "heard behind it", (AIR, i2c("far", "bme280", "i2c-1/0x70.2", 0x76))),
        ("sensor[1].address", "0x76", (i2c("far", "bme280", "i2c-1/0x76.2", 0x76),)),
        ("sensor[2].bus", "a loop", (AIR, i2c("far", "sht31", "i2c-1/0x70.2/0x70.3"))),
        ("sensor[1].bus", "0x70 to 0x77", (i2c("far", "sht31", "i2c-1/0x50.2"),)),
        ("sensor[1].bus", "must look like", (i2c("far", "sht31", "i2c-1/0x70.9"),)),
        ("sensor[1].bus", "must look like", (i2c("far", "sht31", "i2c-1/0x70"),)),
        ("sensor[2].name", "already taken", (AIR, i2c("air", "sht31"))),
        ("sensor[2].pins.b", "already taken", (gate("one", 17, 27), gate("two", 22, 27))),
        ("sensor[2].pins.a", "already taken", (gate("one", 17, 27), gate("two", 17, 22, "/dev/gpiochip0"))),
        ("sensor[1].pins.b", "already taken by sensor[1]", (gate("one", 17, 17),)),
        ("sensor[2].pins.a", "SDA of i2c-1", (AIR, gate("one", 2, 27))),
        ("sensor[2].pins.b", "SCL of i2c-1", (i2c("far", "sht31", "i2c-1/0x70.0"), gate("one", 17, 3))),
        ("sensor[2].pins.a", "TXD", (sensor("dust", "sds011", 'port = "/dev/serial0"'), gate("one", 14, 27))),
        ("lamp.pin", "SDA of i2c-1", (AIR, "[lamp]\npin = 2\n")),
        ("sensor[1].pins.a", "already taken by lamp", (gate("one", 17, 27), "[lamp]\npin = 17\n")),
        ("button.pin", "already taken by lamp", ("[lamp]\npin = 17\n[button]\npin = 17\n",)),
        ("sensor[1].pins.a", "lines 0 to 15", (gate("one", 16, 7, "i2c-1/0x20"),)),
        ("sensor[2].chip", "already taken", (i2c("far", "bh1750", address=0x23), gate("one", 1, 7, "i2c-1/0x23"))),
    ],
)
def test_each_clash_is_told_where_it_stands(key: str, words: str, tables: tuple[str, ...]) -> None:
    told(key, words, *tables)


def test_a_mux_separates_what_would_clash() -> None:
    behind = [i2c(f"air-{channel}", "bme280", f"i2c-1/0x70.{channel}", 0x76) for channel in range(8)]
    assert mistakes(*behind) == {}
    deeper = [i2c(f"deep-{channel}", "sht31", f"i2c-1/0x70.1/0x71.{channel}") for channel in range(8)]
    assert mistakes(*behind, *deeper) == {}


def test_lines_of_an_expander_are_a_bank_of_their_own() -> None:
    assert mistakes(AIR, gate("one", 2, 3, "i2c-1/0x20"), gate("two", 4, 5, "i2c-1/0x20"), gate("x", 4, 5)) == {}


@pytest.mark.parametrize("name", ["tca9548a", "mcp23017", "sc16is752", "pca9548a"])
def test_a_helper_chip_is_no_sensor(name: str) -> None:
    told("sensor[1].driver", "Name it in the sensors that it helps", i2c("mux", name))


def test_the_reset_of_the_muxes_takes_a_pin() -> None:
    bus = '[[bus]]\nname = "i2c-1"\nreset = 17\ncrystal = 1843200\n'
    found = mistakes(bus, gate("gate", 17, 27))
    assert list(found) == ["sensor[1].pins.a"] or list(found) == ["bus[1].reset"]
    checked = check(HEAD + bus + AIR, "node.toml", False)
    assert checked.wiring is not None
    assert (checked.wiring.buses[0].reset_pin, checked.wiring.buses[0].crystal_hz) == (17, 1_843_200)


def test_ports_of_a_bridge_chip_share_its_address() -> None:
    both = [sensor(f"dust-{part}", "sds011", f'port = "i2c-1/0x4d.{part}"') for part in "ab"]
    assert mistakes(*both) == {}
    told("sensor[2].port", "already taken", both[0], both[0].replace("dust-a", "dust-b"))
    told("sensor[1].port", "must name a port of the chip", sensor("dust", "sds011", 'port = "i2c-1/0x4d"'))


def test_two_names_of_one_port_are_found_where_they_lead() -> None:
    """By id and by number it is the same adapter; the simulator has no such files and does not look."""
    by_id, by_number = 'port = "/dev/serial/by-id/usb-1"', 'port = "ttyUSB0"'
    tree = tomllib.loads(sensor("dust", "sds011", by_id) + sensor("co2", "mhz19", by_number))
    sensors, _ = _listed(tree, "sensor", Sensor)

    def resolve(path: str) -> str:
        return "/dev/ttyUSB0" if "by-id" in path else path


    (mistake,) = clashes(fitted(sensors), {}, False, resolve)
    assert "already taken by sensor[1] (dust)" in str(mistake)
    assert clashes(fitted(sensors), {}, True, resolve) == []


@pytest.mark.parametrize("port", ["/dev/ttyS0", "ttyS0", "/dev/serial0"])
def test_the_mini_uart_has_no_parity(port: str) -> None:
    old = sensor("meter", "dsmr", f'port = "{port}"\n[sensor.settings]\nversion = "2.2"')
    told("sensor[1].port", "no parity", old)
    assert "disable-bt" in str(mistakes(old)["sensor[1].port"])
    assert mistakes(sensor("meter", "dsmr", f'port = "{port}"')) == {}
    assert mistakes(old.replace(port, "/dev/ttyAMA0")) == {}


@pytest.mark.parametrize("count", range(1, 33, 3))
def test_a_bus_is_never_busier_than_it_can_be(count: int) -> None:
    """With what the driver says of itself, and the clock of the board."""
    hz = 10_000
    air = [i2c(f"air-{n}", "bme280", f"i2c-1/0x7{n // 8}.{n % 8}", 0x77, 'interval = "1s"') for n in range(count)]
    busy = count * BME280.bus_bytes * I2C_BITS / hz
    found = mistakes(*air, head=HEAD + f'[[bus]]\nname = "i2c-1"\nhz = {hz}\n')
    assert bool(found) is (busy > MOST)
    assert all(f"busy {busy:.0%}" in str(mistake) for mistake in found.values())
    assert mistakes(*air) == {}


def test_a_bus_faster_than_its_slowest_chip() -> None:
    found = mistakes(i2c("dust", "sps30"), head=HEAD + '[[bus]]\nname = "i2c-1"\nhz = 400000\n')
    assert set(found) == {"bus[1].hz"}
    assert "sps30" in str(found["bus[1].hz"])
    assert "100000" in str(found["bus[1].hz"])


def test_a_bus_described_twice_or_oddly() -> None:
    assert "twice" in str(mistakes('[[bus]]\nname = "i2c-1"\n[[bus]]\nname = "/dev/i2c-1"\n')["bus[2].name"])
    assert set(mistakes('[[bus]]\nname = "i2c-1"\nspeed = 3\nadapter = "../x"\n')) == {"bus[1].speed", "bus[1].adapter"}


segments = st.builds(
    lambda root, hops: Segment(root, tuple(hops)),
    st.sampled_from(["/dev/i2c-1", "/dev/i2c-10"]),
    st.lists(st.tuples(st.sampled_from(range(0x70, 0x78)), st.sampled_from(range(8))), max_size=3),
)


@given(segments)
def test_segments_read_back(there: Segment) -> None:
    assert segment(str(there)) == there
    assert all(parent.seen_from(there) and there.seen_from(parent) for parent in there.parents)
    assert lodging(f"{there}/0x4d.a") is not None
    assert lodging(f"{there}/0x20").segment == there  # type: ignore[union-attr]


@given(segments, segments)
def test_what_is_heard_is_heard_both_ways_and_never_across_channels(one: Segment, other: Segment) -> None:
    assert one.seen_from(other) == other.seen_from(one)
    apart = one.root != other.root or any(a != b for a, b in zip(one.hops, other.hops, strict=False))
    assert one.seen_from(other) is not apart


@given(st.text(max_size=30))
def test_any_text_is_a_segment_or_a_refusal(text: str) -> None:
    for read in (segment, lodging):
        try:
            read(text)
        except ValueError as error:
            assert str(error)


BUSES = ("/dev/i2c-1", "/dev/i2c-0", "/dev/i2c-1/0x70.0", "/dev/i2c-1/0x70.1", "/dev/i2c-1/0x70.0/0x71.0")
PLACES = [i2c(f"s-{n}-{at}", "bme280", bus, at) for n, bus in enumerate(BUSES) for at in (0x76, 0x77)]


@pytest.mark.parametrize(("one", "other"), [*combinations(range(len(PLACES)), 2)])
def test_every_pair_of_places_clashes_exactly_when_one_hears_the_other(one: int, other: int) -> None:
    heard = segment(BUSES[one // 2]).seen_from(segment(BUSES[other // 2])) and one % 2 == other % 2
    assert bool(mistakes(PLACES[one], PLACES[other])) is heard
