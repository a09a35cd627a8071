"""A wrong board tells every mistake at once; a right one compiles to what the agent reads."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.amounts import milliseconds, size, spelled_duration, spelled_size
from edge.board import check, fingerprint
from edge.boardfile import compiled, load
from edge.compile import refusal
from edge.mistake import Mistake
from edge.wiring import Wiring

GOOD = """
[node]
id = "pole-017"
[site]
name = "Stationsplein"
latitude = 52.2215
longitude = 6.8937
[office]
url = "mqtt://127.0.0.1:1883"
[journal]
commit_every = "10s"
cap = "64MiB"
[[sensor]]
name = "air"
driver = "bme280"
bus = "i2c-1"
address = 0x77
interval = "10s"
[[sensor]]
name = "dust"
driver = "sds011"
port = "/dev/ttyUSB0"
interval = 30
[[sensor]]
name = "door"
driver = "dual_beam"
pins = { a = 17, b = 27 }
[[sensor]]
name = "host"
driver = "vitals"
[lamp]
pin = 22
"""


def mistakes(text: str, simulated: bool = False) -> dict[str, Mistake]:
    checked = check(text, "node.toml", simulated)
    assert (checked.wiring is None) == bool(checked.mistakes)
    return {mistake.key: mistake for mistake in checked.mistakes}


@pytest.mark.parametrize("name", ["ev\\u001b[31mil", "two\\nlines", "\\u009b", "\\u202eback", "x" * 81])
def test_a_site_whose_name_cannot_be_printed_is_a_mistake(name: str) -> None:
    (mistake,) = mistakes(GOOD.replace("Stationsplein", name)).values()
    assert (mistake.key, mistake.allowed) == ("site.name", "must be at most 80 signs that can be printed")
    assert str(mistake).isprintable()


@pytest.mark.parametrize("name", ["", "x" * 80, "Café Überfahrt, ’t Zand 1"])
def test_a_site_may_have_any_name_that_can_be_printed(name: str) -> None:
    assert mistakes(GOOD.replace("Stationsplein", name)) == {}


def test_a_good_board_compiles_and_reads_back() -> None:
    wiring = check(GOOD, "node.toml").wiring
    assert wiring is not None
    air, dust, door, host = wiring.sensors
    assert (air.bus, air.address, air.interval_ms) == ("/dev/i2c-1", 0x77, 10_000)
    assert (dust.bus_kind, dust.bus, dust.interval_ms) == ("uart", "/dev/ttyUSB0", 30_000)
    assert (door.bus, door.pins, door.interval_ms) == ("/dev/gpiochip0", {"a": 17, "b": 27}, 300_000)
    assert (host.bus_kind, host.interval_ms) == ("host", 60_000)
    assert wiring.journal.folder == "journal", "as it is written"
    assert wiring.at(Path("/etc/lantaarn")).journal.folder == "/etc/lantaarn/journal"
    assert wiring.at(Path("/a")).at(Path("/b")).journal.folder == "/a/journal", "an absolute path is meant as it is"
    assert wiring.lamp_pin == 22 and wiring.source_hash == fingerprint(GOOD)
    assert Wiring.from_json(wiring.to_json()) == wiring


def test_every_mistake_is_told_at_once_with_its_key_value_and_remedy() -> None:
    found = mistakes("""
[node]
id = "Pole 17"
naam = "x"
[office]
url = "http://office"
[jurnal]
cap = "1GiB"
[[sensor]]
name = "air"
driver = "bme208"
bus = "i2c-1"
[[sensor]]
name = "air"
driver = "sht31"
bus = "i2c-1"
address = 0x76
interval = "ten seconds"
[[sensor]]
name = "door"
driver = "dual_beam"
pins = { a = 17, c = 17 }
window = "10s"
[[sensor]]
name = "dust"
driver = "sds011"
bus = "i2c-1"
[sensor.settings]
working_period = 31
speed = 1
""")
    for key in (
        "node.id", "node.naam", "office.url", "jurnal", "sensor[1].driver", "sensor[2].interval",
        "sensor[3].pins.c", "sensor[3].pins", "sensor[3].window", "sensor[4].port", "sensor[4].bus",
        "sensor[4].settings.working_period", "sensor[4].settings.speed",
    ):  # fmt: skip
        assert key in found, (key, list(found))
    assert 'Did you mean "bme280"?' in found["sensor[1].driver"].suggestion
    assert 'Did you mean "journal"?' in found["jurnal"].suggestion
    assert found["sensor[2].interval"].value == '"ten seconds"' and "10s" in found["sensor[2].interval"].allowed
    assert found["node.id"].line == 3 and found["sensor[1].driver"].line == 11


def test_a_wrong_type_does_not_hide_how_the_rest_fits() -> None:
    found = mistakes("""
[node]
id = "pole-1"
[[sensor]]
name = "Air"
driver = "bme281"
bus = "i2c-1"
interval = "soon"
[[sensor]]
name = "dust"
driver = "sds011"
port = 3
adress = 1
[sensor.settings]
working_period = 99
""")
    assert found.keys() == {
        "sensor[1].name", "sensor[1].driver", "sensor[1].interval",
        "sensor[2].port", "sensor[2].adress", "sensor[2].settings.working_period",
    }  # fmt: skip
    assert 'Did you mean "address"?' in found["sensor[2].adress"].suggestion


def test_amounts_are_told_as_they_are_written() -> None:
    found = mistakes("""
[node]
id = "pole-1"
[office]
url = "http://office"
[journal]
cap = "1KiB"
commit_every = "2m"
[[sensor]]
name = "Air"
driver = "scd4x"
bus = "i2c-1"
interval = "1500ms"
[[sensor]]
name = "door"
driver = "dual_beam"
pins = { a = 1, b = 2 }
window = "1m"
[[sensor]]
name = "dust"
driver = "sds011"
port = "/dev/ttyUSB0"
interval = "2d"
[[sensor]]
name = "gas"
driver = "mhz19"
port = "/dev/ttyUSB1"
interval = 0.05
""")
    told = {key: (mistake.value, mistake.allowed) for key, mistake in found.items()}
    assert told["journal.cap"] == ('"1KiB"', "must be at least 2MiB")
    assert told["journal.commit_every"] == ('"2m"', "must be at most 1m")
    assert told["office.url"] == ('"http://office"', "must look like mqtts://host:8883 or mqtt://host:1883")
    assert told["sensor[1].interval"][0] == '"1500ms"' and "no faster than every" in told["sensor[1].interval"][1]
    assert told["sensor[2].window"][0] == '"1m"'
    assert told["sensor[3].interval"] == ('"2d"', "must be at most 1d")
    assert told["sensor[4].interval"] == ("0.05", "must be at least 100ms")
    assert "1 to 32 of a-z" in told["sensor[1].name"][1]
    assert not [mistake for mistake in found.values() if "^" in str(mistake) or "{" in mistake.allowed]


@pytest.mark.parametrize("port", ["0", "65536", "99999", "x", ""])
def test_a_broker_has_a_port_that_can_be(port: str) -> None:
    url = f"mqtt://office:{port}"
    found = mistakes(GOOD.replace("mqtt://127.0.0.1:1883", url).replace("[journal]", f'others = ["{url}"]\n[journal]'))
    told = {key: (mistake.value, mistake.allowed) for key, mistake in found.items()}
    like = "must look like mqtts://host:8883 or mqtt://host:1883"
    assert set(told.values()) == {(f'"{url}"', like)} and len(told) == 2


@pytest.mark.parametrize("host", ["[::1]", "[fd00::17]", "[2001:db8:0:1::7]", "[fe80::1%eth0]", "[::ffff:10.0.0.7]"])
@pytest.mark.parametrize("port", ["", ":1883"])
def test_a_broker_may_have_an_address_of_version_six(host: str, port: str) -> None:
    assert mistakes(GOOD.replace("mqtt://127.0.0.1:1883", f"mqtt://{host}{port}")) == {}


@pytest.mark.parametrize("host", ["::1", "[]", "[::1", "::1]", "[office]", "[10.0.0.7]", "[1:2]", "[::1]]", "[::1 ]"])
def test_what_is_no_address_of_version_six_is_refused(host: str) -> None:
    found = mistakes(GOOD.replace("mqtt://127.0.0.1:1883", f"mqtt://{host}:1883"))
    assert found["office.url"].allowed == "must look like mqtts://host:8883 or mqtt://host:1883"


@pytest.mark.parametrize("port", ["", ":1", ":1883", ":59999", ":65535"])
def test_every_port_is_taken(port: str) -> None:
    assert not mistakes(GOOD.replace("mqtt://127.0.0.1:1883", f"mqtt://office{port}"))


@given(st.integers(0, 2**45))
def test_what_is_spelled_reads_back(value: int) -> None:
    assert milliseconds(spelled_duration(value)) == size(spelled_size(value)) == value


def test_two_sensors_never_share_an_address_a_port_a_pin_or_a_name() -> None:
    found = mistakes("""
[node]
id = "pole-1"
[[sensor]]
name = "a"
driver = "bme280"
bus = "i2c-1"
[[sensor]]
name = "a"
driver = "bme280"
bus = "/dev/i2c-1"
address = 0x76
[[sensor]]
name = "b"
driver = "sds011"
port = "/dev/ttyUSB0"
[[sensor]]
name = "c"
driver = "pms5003"
port = "/dev/ttyUSB0"
[[sensor]]
name = "d"
driver = "pulse_counter"
pins = { line = 4 }
[button]
pin = 4
""")
    assert {"sensor[2].name", "sensor[2].address", "sensor[4].port", "sensor[5].pins.line"} <= set(found)
    assert "sensor[1] (a)" in found["sensor[2].address"].allowed


def test_people_are_never_counted_in_short_windows_outside_the_simulator() -> None:
    board = '[node]\nid = "pole-1"\n[[sensor]]\nname = "d"\ndriver = "dual_beam"\npins = {a = 1, b = 2}\nwindow = "10s"'
    assert "sensor[1].window" in mistakes(board)
    assert not mistakes(board, simulated=True)
    assert not mistakes(board.replace('"10s"', '"300s"'))


@pytest.mark.parametrize("text", ["", "[node", "node = 1", "[[node]]", "sensor = 3", "[sensor]\nname = 'x'"])
def test_what_is_no_board_is_refused_in_words(text: str) -> None:
    assert mistakes(text)


keys = st.sampled_from(["node", "site", "sensor", "journal", "office", "id", "name", "driver", "pins", "interval"])
trees = st.recursive(
    st.integers() | st.booleans() | st.floats() | st.text(max_size=12) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(keys, trees, max_size=5))
def test_no_tree_of_values_gets_past_as_a_traceback(tree: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in tree.items())
    tomllib.loads(text)
    check(text, "node.toml")


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in str(value or "")) + '"'


def compile_board(board: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge.compile", board], capture_output=True, text=True, check=False)


def test_a_refused_board_leaves_the_last_good_one(tmp_path: Path) -> None:
    board = tmp_path / "node.toml"
    board.write_text(GOOD)
    assert compile_board(board).returncode == 0
    good = compiled(board).read_text()
    board.write_text(GOOD.replace("bme280", "bme281"))
    refused = compile_board(board)
    assert refused.returncode == 2
    assert "1 mistake." in refused.stderr and "keeps the last good board" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert compiled(board).read_text() == good


def test_the_refusal_names_file_state_and_next_command() -> None:
    words = refusal(check('[node]\nid = "x"', "node.toml"))
    assert words.startswith("node.toml: 1 mistake.") and words.endswith("edge check node.toml")


def test_a_byte_order_mark_is_no_mistake_and_a_deep_nest_is_one() -> None:
    assert check("\ufeff" + GOOD, "node.toml").wiring
    assert "deep" in str(mistakes("a = " + "[" * 5_000)["the file"])


@pytest.mark.parametrize("odd", ["/dev/zero", "/proc/self", "missing.toml"])
def test_what_is_no_file_is_refused_at_once(odd: str) -> None:
    refused = compile_board(Path(odd))
    assert refused.returncode == 2 and "cannot be read" in refused.stderr and "Traceback" not in refused.stderr


def test_mistakes_are_told_in_the_order_of_the_file() -> None:
    text = '[node]\nid = "X"\n[[sensor]]\nname = "a"\ndriver = "x"\n[journal]\ncap = 1\n[office]\nurl = 1'
    lines = [mistake.line for mistake in check(text, "node.toml").mistakes]
    assert lines == sorted(lines, key=lambda line: line or 0) and len(lines) == 4


@pytest.mark.parametrize("amount", ["inf", "-inf", "nan", "1e400", '"%s s"' % ("9" * 400)])
def test_no_amount_is_endless(amount: str) -> None:
    found = mistakes(GOOD.replace('interval = "10s"', f"interval = {amount}"))
    assert list(found) == ["sensor[1].interval"]
    assert 'such as "10s"' in found["sensor[1].interval"].allowed


def test_an_address_that_is_no_number_is_told_in_our_words() -> None:
    assert "0x76" in mistakes(GOOD.replace("address = 0x77", 'address = "0xZZ"'))["sensor[1].address"].allowed


def test_a_wrong_pin_is_one_mistake() -> None:
    assert list(mistakes(GOOD.replace("a = 17, b", "a = -1, b"))) == ["sensor[3].pins.a"]


def test_a_compiled_board_that_nests_too_deep_is_compiled_again(tmp_path: Path) -> None:
    board = tmp_path / "node.toml"
    board.write_text(GOOD)
    compiled(board).write_text("[" * 100_000)
    assert load(board).wiring.node == "pole-017"


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("interval_ms", value) for value in (0, -1, 1.5, "10", True, None)]
    + [("window_ms", value) for value in (-1, 0.5, "0", False, None)]
    + [(key, value) for key in ("name", "bus", "driver") for value in ("a\x1b[2J", "two\nlines", "", 7, None)],
)
def test_a_compiled_board_that_somebody_changed_is_refused(key: str, wrong: object) -> None:
    wiring = check(GOOD, "node.toml").wiring
    assert wiring is not None
    tree = json.loads(wiring.to_json())
    tree["sensors"][1][key] = wrong
    with pytest.raises(ValueError, match="not a compiled board"):
        Wiring.from_json(json.dumps(tree))
