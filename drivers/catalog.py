"""Every driver that the house knows, by the name that a board file uses.

One line a driver: the module that holds it and its class, imported only when a board names it, so that a node loads
the chips it has and no others. What is not here may be brought by others: `drivers.guests`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from drivers.driver import Driver
from drivers.guests import Unfit, guest, guests

CATALOG: dict[str, str] = {
    "bme280": "drivers.bme280:BME280",
    "bmp280": "drivers.bmp280:BMP280",
    "bme680": "drivers.bme680:BME680",
    "ens160": "drivers.ens160:ENS160",
    "pmsa003i": "drivers.pmsa003i:PMSA003I",
    "ads1115": "drivers.ads1115:ADS1115",
    "analog": "drivers.analog:Analog",
    "sen0232": "drivers.sen0232:SEN0232",
    "alphasense": "drivers.alphasense:Alphasense",
    "sht31": "drivers.sht31:SHT31",
    "sht4x": "drivers.sht4x:SHT4x",
    "scd30": "drivers.scd30:SCD30",
    "scd4x": "drivers.scd4x:SCD4x",
    "sen5x": "drivers.sen5x:SEN5x",
    "sen66": "drivers.sen66:SEN66",
    "sgp30": "drivers.sgp30:SGP30",
    "sgp40": "drivers.sgp40:SGP40",
    "sgp41": "drivers.sgp41:SGP41",
    "sps30": "drivers.sps30:SPS30",
    "ina219": "drivers.ina219:INA219",
    "ina226": "drivers.ina226:INA226",
    "ina260": "drivers.ina260:INA260",
    "vl53l1x": "drivers.vl53l1x:VL53L1X",
    "amg8833": "drivers.amg8833:AMG8833",
    "ds3231": "drivers.ds3231:DS3231",
    "pcf8563": "drivers.pcf8563:PCF8563",
    "bh1750": "drivers.bh1750:BH1750",
    "veml7700": "drivers.veml7700:VEML7700",
    "tsl2591": "drivers.tsl2591:TSL2591",
    "ltr390": "drivers.ltr390:LTR390",
    "max17048": "drivers.max17048:MAX17048",
    "lc709203f": "drivers.lc709203f:LC709203F",
    "dbmeter": "drivers.dbmeter:DBMeter",
    "sps30_uart": "drivers.sps30_uart:SPS30UART",
    "sds011": "drivers.sds011:SDS011",
    "pms5003": "drivers.pms5003:PMS5003",
    "mhz19": "drivers.mhz19:MHZ19",
    "dsmr": "drivers.dsmr:DSMR",
    "ld2410": "drivers.ld2410:LD2410",
    "ld2450": "drivers.ld2450:LD2450",
    "tfmini": "drivers.tfmini:TFmini",
    "ops243": "drivers.ops243:OPS243",
    "nmea": "drivers.nmea:NMEA",
    "serial_text": "drivers.serial_text:SerialText",
    "sdm630": "drivers.sdm630:SDM630",
    "sdm120": "drivers.sdm120:SDM120",
    "wind_speed_rs485": "drivers.wind_speed_rs485:WindSpeedRS485",
    "wind_direction_rs485": "drivers.wind_direction_rs485:WindDirectionRS485",
    "modbus": "drivers.modbus:Modbus",
    "senseair_s8": "drivers.senseair_s8:SenseairS8",
    "cm1106": "drivers.cm1106:CM1106",
    "zh03b": "drivers.zh03b:ZH03B",
    "pm2008": "drivers.pm2008:PM2008",
    "tca9548a": "drivers.tca9548a:TCA9548A",
    "mcp23017": "drivers.mcp23017:MCP23017",
    "sc16is752": "drivers.sc16is752:SC16IS752",
    "pulse_counter": "drivers.pulse_counter:PulseCounter",
    "dual_beam": "drivers.dual_beam:DualBeam",
    "ds18b20": "drivers.ds18b20:DS18B20",
    "contact": "drivers.contact:Contact",
    "anemometer": "drivers.anemometer:Anemometer",
    "rain": "drivers.rain:Rain",
    "pir": "drivers.pir:PIR",
    "loop": "drivers.loop:Loop",
    "dual_tube": "drivers.dual_tube:DualTube",
}
ALSO: dict[str, str] = {
    "max17049": "max17048",
    "bme688": "bme680",
    "ens161": "ens160",
    "scd40": "scd4x",
    "scd41": "scd4x",
    "scd43": "scd4x",
    "sht30": "sht31",
    "sen50": "sen5x",
    "sen54": "sen5x",
    "sen55": "sen5x",
    "sht40": "sht4x",
    "sht41": "sht4x",
    "sht45": "sht4x",
    "sht35": "sht31",
    "pms7003": "pms5003",
    "pms3003": "pms5003",
    "mh-z19": "mhz19",
    "mhz19b": "mhz19",
    "mhz19c": "mhz19",
    "senseair-s8": "senseair_s8",
    "s8": "senseair_s8",
    "zh06i": "zh03b",
    "sen0482": "wind_direction_rs485",
    "p1": "dsmr",
    "hlk-ld2410": "ld2410",
    "ld2410b": "ld2410",
    "ld2410c": "ld2410",
    "hlk-ld2450": "ld2450",
    "tf-luna": "tfmini",
    "tfmini-s": "tfmini",
    "tfmini-plus": "tfmini",
    "ops243-a": "ops243",
    "gps": "nmea",
    "pulse": "pulse_counter",
    "pca9548a": "tca9548a",
    "sc16is762": "sc16is752",
}


def driver(name: str) -> type[Driver]:
    """The driver of this name, or of the chip sold under it; then that of a guest.

    Raises KeyError naming what there is, or (`drivers.guests.Unfit`) why a guest can not be used.
    """
    known = ALSO.get(name, name)
    if known not in CATALOG:
        if known in guests():
            return guest(known)
        raise KeyError(f"no driver {name!r}; there are {', '.join(sorted(names()))}")
    module, _, attribute = CATALOG[known].partition(":")
    found: type[Driver] = getattr(import_module(module), attribute)
    return found


def names() -> list[str]:
    """Of all drivers, the house's first."""
    return [*CATALOG, *sorted(guests().keys() - CATALOG.keys() - ALSO.keys())]


def drivers() -> Iterator[type[Driver]]:
    """All of them, in the order of the catalog; then the guests that can be used."""
    for name in names():
        try:
            yield driver(name)
        except Unfit:
            continue
