"""The board of a pole that carries everything: forty sensors on three I2C buses, six serial ports and twelve lines.

It is a file as a technician would write it, and `edge check` takes it as it stands: people are counted over five
minutes, one dust sensor rests between readings, gas sensors lean on a neighbour for temperature and humidity, one bus
reaches behind a mux, and three units share one RS485 line. Every second sensor of the list has troubles, so that each
bus carries both kinds, and each of the healthy has a neighbour who fails.
"""

from __future__ import annotations

NODE = "pole-forty"
HEAD = f"""[node]
id = "{NODE}"
[site]
name = "Everything"
[journal]
folder = "journal"
commit_every = "10s"
cap = "256MiB"
"""


def i2c(name: str, driver: str, bus: str, address: int, more: str = 'interval = "10s"') -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{driver}"\nbus = "{bus}"\naddress = 0x{address:02x}\n{more}\n'


def serial(name: str, driver: str, number: int, more: str = 'interval = "10s"') -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{driver}"\nport = "/dev/ttyUSB{number}"\n{more}\n'


def lines(name: str, driver: str, pins: str, window: str = "60s") -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{driver}"\npins = {{ {pins} }}\nwindow = "{window}"\n'


def unit(number: int) -> str:
    return f'interval = "10s"\nsettings = {{ unit = {number}, baud = 9600, parity = "N" }}'


BESIDE = 'interval = "10s"\nbeside = "air"'
FORTY = (
    i2c("air", "bme280", "i2c-1", 0x76),
    i2c("damp", "sht31", "i2c-1", 0x44),
    i2c("co2", "scd4x", "i2c-1", 0x62, BESIDE),
    i2c("dust", "sps30", "i2c-1", 0x69),
    i2c("gas", "ens160", "i2c-1", 0x53, BESIDE),
    i2c("voc", "sgp41", "i2c-1", 0x59, BESIDE),
    i2c("dusk", "bh1750", "i2c-1", 0x23),
    i2c("fuel", "max17048", "i2c-1", 0x36),
    i2c("roof", "sht4x", "i2c-3", 0x44),
    i2c("sky", "veml7700", "i2c-3", 0x10),
    i2c("sun", "ltr390", "i2c-3", 0x53),
    i2c("lux", "tsl2591", "i2c-3", 0x29),
    i2c("fine", "pmsa003i", "i2c-3", 0x12),
    i2c("solar", "ina219", "i2c-3", 0x40),
    i2c("load", "ina226", "i2c-3", 0x41),
    i2c("noise", "dbmeter", "i2c-3", 0x48, 'window = "60s"'),
    i2c("portal", "vl53l1x", "i2c-4", 0x29, 'window = "300s"\nsettings = { mode = "passage" }'),
    i2c("hall", "amg8833", "i2c-4", 0x68, 'window = "300s"'),
    i2c("vent", "sen5x", "i2c-4", 0x69),
    i2c("room", "scd30", "i2c-4", 0x61),
    i2c("oven", "bme680", "i2c-4", 0x76),
    i2c("power", "ina260", "i2c-4", 0x40),
    i2c("far", "sht31", "i2c-4/0x70.2", 0x44),
    serial("grit", "sds011", 0, 'interval = "300s"\nrest = true'),
    serial("soot", "pms5003", 1),
    serial("breath", "mhz19", 2),
    serial("meter", "dsmr", 3),
    serial("class", "senseair_s8", 4),
    serial("mains", "sdm120", 5, unit(1)),
    serial("gust", "wind_speed_rs485", 5, unit(2)),
    serial("vane", "wind_direction_rs485", 5, unit(3)),
    lines("gate", "dual_beam", "a = 17, b = 27", "300s"),
    lines("road", "dual_tube", "a = 22, b = 23", "300s"),
    lines("slip", "loop", "a = 24"),
    lines("mast", "anemometer", "line = 25"),
    lines("bucket", "rain", "line = 16"),
    lines("hatch", "contact", "line = 26"),
    lines("path", "dual_beam", "a = 12, b = 13", "300s"),
    lines("pulse", "pulse_counter", "line = 19"),
    lines("eye", "pir", "line = 20", "300s"),
)
BOARD = HEAD + "".join(FORTY)
STEP_ONE = HEAD + """[[sensor]]
name = "host"
driver = "vitals"
interval = "1s"
[[sensor]]
name = "dust"
driver = "pms5003"
port = "/dev/ttyUSB0"
interval = "1s"
"""
