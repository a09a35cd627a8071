"""What can be nothing on any node is a mistake; what may be there on one is believed."""

from __future__ import annotations

import pytest

from edge.board import check
from edge.naming import unlike

GOOD = {
    "bus": ("i2c-1", "/dev/i2c-10", "i2c-1/0x70.3", "i2c-1/0x70.3/0x71.0", "/tmp/bus/i2c-1", "/dev/sensors"),
    "port": ("ttyUSB0", "/dev/serial/by-id/usb-1a86_USB-if00", "i2c-1/0x4d.a", "i2c-1/0x70.3/0x4d.b",
             "tcp://192.0.2.7:502", "tcp://gateway", "tcp://gateway.local:4001/", "tcp://[2001:db8::1]:502"),
    "chip": ("gpiochip0", "/dev/gpiochip4", "i2c-1/0x20", "i2c-1/0x70.3/0x27"),
    "file": ("/sys/bus/w1/devices/28-0316a4fabcff/w1_slave",),
}  # fmt: skip
ODD = {
    "bus": ("i2c1", "1", "i2c-", "i2c-1/", "i2c-1/70.1", "/dev/i2c-1/3", "i2c-1/0x70.8",
            "i2c-\N{ARABIC-INDIC DIGIT ONE}",
            "i2c-99999999", "spi-0", "/dev/../i2c-1", "/dev/\x1b[2J", "/" + "x" * 255),
    "port": ("i2c-1/0x4d.c", "i2c-1/0x4d", "i2c-1/0x20.a", "/dev/i2c-1/a", "tcp://", "tcp://:502", "tcp://a:0",
             "tcp://a:65536", "tcp://a:x", "tcp://a:", "tcp://a b:1", "tcp://[::1:502", "tcp://u:secret@a:1", "http://a:502",
             "tcp://a/path", "../tty", "tty\x07"),
    "chip": ("i2c-1/0x28", "i2c-1/0x20.a", "i2c-1/20", "gpio\x1b"),
    "file": ("w1_slave", "/sys/../etc/shadow", "/sys/\n"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in GOOD.items() for path in paths])
def test_what_may_be_there_is_believed(name: str, path: str) -> None:
    assert unlike(name, path) == ""


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in ODD.items() for path in paths])
def test_what_can_be_nowhere_is_told(name: str, path: str) -> None:
    assert unlike(name, path)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[[sensor]]\nname = "a"\ndriver = "sht31"\nbus = "i2c-1/70.1"\n', "sensor[1].bus"),
        ('[[sensor]]\nname = "a"\ndriver = "sdm630"\nport = "tcp://"\n', "sensor[1].port"),
        ('[[sensor]]\nname = "a"\ndriver = "ds18b20"\nfile = "w1_slave"\n', "sensor[1].file"),
        ('[[sensor]]\nname = "a"\ndriver = "rain"\nchip = "i2c-1/0x28"\npins = { line = 1 }\n', "sensor[1].chip"),
        ('[[bus]]\nname = "spi-0"\n', "bus[1].name"),
    ],
)
def test_a_board_is_told_so_before_anything_is_read(table: str, key: str) -> None:
    found = check(f'[node]\nid = "pole-001"\n{table}', "node.toml").mistakes
    assert [mistake.key for mistake in found] == [key], found
