"""Every simulated chip, by the name of the driver that reads it; imported only when it is taken off the shelf."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from drivers.catalog import ALSO
from simulators.chips.chip import Chip

SHELF: dict[str, str] = {
    "bme280": "simulators.chips.bme280:BME280",
    "bmp280": "simulators.chips.bmp280:BMP280",
    "sht31": "simulators.chips.sht31:SHT31",
    "sht4x": "simulators.chips.sht4x:SHT4x",
    "scd4x": "simulators.chips.scd4x:SCD4x",
    "sps30": "simulators.chips.sps30:SPS30",
    "sds011": "simulators.chips.sds011:SDS011",
    "pms5003": "simulators.chips.pms5003:PMS5003",
    "mhz19": "simulators.chips.mhz19:MHZ19",
    "dsmr": "simulators.chips.dsmr:DSMR",
    "pulse_counter": "simulators.chips.pulse_counter:PulseCounter",
    "dual_beam": "simulators.chips.dual_beam:DualBeam",
}


def chip(name: str) -> type[Chip]:
    """The chip that this driver reads. Raises KeyError naming what there is."""
    known = ALSO.get(name, name)
    if known not in SHELF:
        raise KeyError(f"no simulated chip for {name!r}; there are {', '.join(sorted(SHELF))}")
    module, _, attribute = SHELF[known].partition(":")
    found: type[Chip] = getattr(import_module(module), attribute)
    return found


def chips() -> Iterator[type[Chip]]:
    """All of them, in the order of the catalog."""
    return (chip(name) for name in SHELF)
