"""Every simulated chip, by the name of the driver that reads it; imported only when it is taken off the shelf."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from drivers.catalog import ALSO
from simulators.chips.chip import Chip

GROUP = "lantaarn.chips"
SHELF: dict[str, str] = {
    "bme280": "simulators.chips.bme280:BME280",
    "bmp280": "simulators.chips.bmp280:BMP280",
    "bme680": "simulators.chips.bme680:BME680",
    "ens160": "simulators.chips.ens160:ENS160",
    "pmsa003i": "simulators.chips.pmsa003i:PMSA003I",
    "ads1115": "simulators.chips.ads1115:ADS1115",
    "analog": "simulators.chips.analog:Analog",
    "sen0232": "simulators.chips.sen0232:SEN0232",
    "alphasense": "simulators.chips.alphasense:Alphasense",
    "sht31": "simulators.chips.sht31:SHT31",
    "sht4x": "simulators.chips.sht4x:SHT4x",
    "scd30": "simulators.chips.scd30:SCD30",
    "scd4x": "simulators.chips.scd4x:SCD4x",
    "sen5x": "simulators.chips.sen5x:SEN5x",
    "sen66": "simulators.chips.sen66:SEN66",
    "sgp30": "simulators.chips.sgp30:SGP30",
    "sgp40": "simulators.chips.sgp40:SGP40",
    "sgp41": "simulators.chips.sgp41:SGP41",
    "sps30": "simulators.chips.sps30:SPS30",
    "ina219": "simulators.chips.ina219:INA219",
    "ina226": "simulators.chips.ina226:INA226",
    "ina260": "simulators.chips.ina260:INA260",
    "vl53l1x": "simulators.chips.vl53l1x:VL53L1X",
    "amg8833": "simulators.chips.amg8833:AMG8833",
    "ds3231": "simulators.chips.ds3231:DS3231",
    "pcf8563": "simulators.chips.pcf8563:PCF8563",
    "bh1750": "simulators.chips.bh1750:BH1750",
    "veml7700": "simulators.chips.veml7700:VEML7700",
    "tsl2591": "simulators.chips.tsl2591:TSL2591",
    "ltr390": "simulators.chips.ltr390:LTR390",
    "max17048": "simulators.chips.max17048:MAX17048",
    "lc709203f": "simulators.chips.lc709203f:LC709203F",
    "dbmeter": "simulators.chips.dbmeter:DBMeter",
    "sps30_uart": "simulators.chips.sps30_uart:SPS30UART",
    "sds011": "simulators.chips.sds011:SDS011",
    "pms5003": "simulators.chips.pms5003:PMS5003",
    "mhz19": "simulators.chips.mhz19:MHZ19",
    "dsmr": "simulators.chips.dsmr:DSMR",
    "ld2410": "simulators.chips.ld2410:LD2410",
    "ld2450": "simulators.chips.ld2450:LD2450",
    "tfmini": "simulators.chips.tfmini:TFmini",
    "ops243": "simulators.chips.ops243:OPS243",
    "nmea": "simulators.chips.nmea:NMEA",
    "serial_text": "simulators.chips.serial_text:SerialText",
    "sdm630": "simulators.chips.sdm630:SDM630",
    "sdm120": "simulators.chips.sdm120:SDM120",
    "wind_speed_rs485": "simulators.chips.wind_speed_rs485:WindSpeedRS485",
    "wind_direction_rs485": "simulators.chips.wind_direction_rs485:WindDirectionRS485",
    "modbus": "simulators.chips.modbus:Modbus",
    "senseair_s8": "simulators.chips.senseair_s8:SenseairS8",
    "cm1106": "simulators.chips.cm1106:CM1106",
    "zh03b": "simulators.chips.zh03b:ZH03B",
    "pm2008": "simulators.chips.pm2008:PM2008",
    "tca9548a": "simulators.chips.tca9548a:TCA9548A",
    "mcp23017": "simulators.chips.mcp23017:MCP23017",
    "sc16is752": "simulators.chips.sc16is752:SC16IS752",
    "pulse_counter": "simulators.chips.pulse_counter:PulseCounter",
    "dual_beam": "simulators.chips.dual_beam:DualBeam",
    "ds18b20": "simulators.chips.ds18b20:DS18B20",
    "contact": "simulators.chips.contact:Contact",
    "anemometer": "simulators.chips.anemometer:Anemometer",
    "rain": "simulators.chips.rain:Rain",
    "pir": "simulators.chips.pir:PIR",
    "loop": "simulators.chips.loop:Loop",
    "dual_tube": "simulators.chips.dual_tube:DualTube",
}


def chip(name: str) -> type[Chip]:
    """The chip that this driver reads; then that of a guest (entry point group `lantaarn.chips`).

    Raises KeyError naming what there is.
    """
    known = ALSO.get(name, name)
    if known in SHELF:
        module, _, attribute = SHELF[known].partition(":")
        found: type[Chip] = getattr(import_module(module), attribute)
        return found
    if known in guests():
        brought: type[Chip] = guests()[known].load()
        return brought
    raise KeyError(f"no simulated chip for {name!r}; there are {', '.join(sorted({*SHELF, *guests()}))}")


@cache
def guests() -> dict[str, EntryPoint]:
    """Chips that other distributions bring, by the name of their driver."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def chips() -> Iterator[type[Chip]]:
    """All of the house, in the order of the shelf."""
    return (chip(name) for name in SHELF)
