"""A mistake shows no secret, and stands on the line where it was made."""

from __future__ import annotations

import pytest

from edge.board import check
from edge.mistake import line_of
from tests.edge.test_board import GOOD, mistakes


@pytest.mark.parametrize(
    ("right", "wrong", "key"),
    [
        ("mqtt://127.0.0.1", "mqtt://user:hunter2@127.0.0.1", "office.url"),
        ("mqtt://127.0.0.1", f"mqtt://user:hunter2{'x' * 80}@127.0.0.1", "office.url"),
        ("127.0.0.1:1883", "127.0.0.1:1883/?password=hunter2", "office.url"),
        ("[journal]", 'password = "hunter2"\n[journal]', "office.password"),
        ("[journal]", 'wort = "hunter2"\n[journal]', "office.wort"),
        ("[journal]", 'credentials = ["hunter2"]\n[journal]', "office.credentials"),
        ("[journal]", '[office.wifi]\nx = "hunter2"\n[journal]', "office.wifi"),
        ('[office]\nurl = "mqtt://127.0.0.1:1883"', '[[office]]\nx = "hunter2"', "office"),
        ("[site]", 'wifi_psk = "hunter2"\n[site]', "node.wifi_psk"),
        ("[lamp]", '[sensor.wifi]\npsk = "hunter2"\n[lamp]', "sensor[4].wifi"),
        ("[[sensor]]\nname = \"door", '[sensor.settings]\ntoken = "hunter2"\n[[sensor]]\nname = "door',
         "sensor[2].settings.token"),
    ],
)  # fmt: skip
def test_no_mistake_echoes_a_secret(right: str, wrong: str, key: str) -> None:
    assert GOOD.count(right) == 1
    found = mistakes(GOOD.replace(right, wrong))
    assert found[key].value == '"…"'
    assert not any("hunter2" in repr(mistake) + str(mistake) for mistake in found.values())


def test_an_unknown_table_shows_nothing_of_what_is_in_it() -> None:
    (mistake,) = mistakes(GOOD + '[wifi]\nssid = "hunter2"\npassword = "hunter2"').values()
    assert mistake.key == "wifi" and "hunter2" not in repr(mistake)


SETTINGS = """
[node]
id = "pole-017"
[[sensor]]
name = "dust"
driver = "sds011"
port = "/dev/ttyUSB0"
[sensor.settings] # of the dust
working_period = 1
[[sensor]]
name = "soot"
driver = "sds011"
port = "/dev/ttyUSB1"
settings.working_period = 31
[[sensor]]
name = "grid"
driver = "modbus"
port = "/dev/ttyUSB2"
[sensor.settings]
unit = 900
[[sensor.settings.registers]]
quantity = "voltage"
register = 0
[[ sensor . settings . registers ]]
register = 1
"quantity" = "volts"
[[sensor]]
name = "door"
driver = "dual_beam"
pins = { a = -1, b = 27 }
"""


def test_the_line_of_a_wrong_setting_is_its_own() -> None:
    lines = {mistake.key: mistake.line for mistake in check(SETTINGS, "node.toml").mistakes}
    assert lines["sensor[2].settings.working_period"] == 14
    assert lines["sensor[3].settings.unit"] == 20
    assert lines["sensor[4].pins.a"] == 30
    assert line_of(SETTINGS, "sensor[3].settings.registers[2].quantity") == 26
    assert line_of(SETTINGS, "sensor[3].settings.registers[1].quantity") == 22
    assert line_of(SETTINGS, "sensor[3].settings.registers[2].scale") == 24
    assert line_of(SETTINGS, "sensor[1].settings.speed") == 8
    assert line_of(SETTINGS, "sensor[4].settings.speed") == 27
    assert line_of(SETTINGS, "node.naam") == 2 and line_of(SETTINGS, "office.url") is None
