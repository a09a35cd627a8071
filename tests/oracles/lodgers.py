"""Drivers of others for a mux, an expander and a serial bridge, at our simulated chips.

`python -m tests.oracles.lodgers FOLDER NAME` runs one in a process of its own and prints what it did and saw, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import Any

from drivers.reading import Quantity
from simulators.chips.bme280 import BME280
from simulators.chips.mcp23017 import MCP23017
from simulators.chips.pulse_counter import PulseCounter
from simulators.chips.sc16is752 import SC16IS752
from simulators.chips.sds011 import SDS011
from simulators.chips.tca9548a import TCA9548A
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio


def adafruit_tca9548a(clock: VirtualClock) -> dict[str, Any]:
    """Two BME280 with one address, read by somebody's driver through somebody's mux."""
    mux = TCA9548A(clock.boot_us)
    for channel, celsius in ((1, -5.0), (6, 35.0)):
        mux.channels[channel][0x76] = chip = BME280(clock.boot_us)
        chip.feels[Quantity.TEMPERATURE] = celsius
    theirs = import_module("adafruit_tca9548a").TCA9548A(Busio(SimulatedI2C({0x70: mux})))
    basic = import_module("adafruit_bme280.basic")
    clock.advance(1)
    read = {channel: basic.Adafruit_BME280_I2C(theirs[channel], 0x76).temperature for channel in (1, 6)}
    return {"read": read, "mask": mux.mask}


def adafruit_mcp230xx(clock: VirtualClock) -> dict[str, Any]:
    """A pin as output, and a contact to ground as pulled-up, inverted input with its interrupt."""
    sys.modules["digitalio"] = stand_in = ModuleType("digitalio")
    vars(stand_in).update({name: type(name, (), {"INPUT": 0, "OUTPUT": 1, "UP": 2, "DOWN": 3, "PUSH_PULL": 4})
                           for name in ("Direction", "Pull", "DriveMode", "DigitalInOut")})  # fmt: skip
    chip, contact = MCP23017(clock.boot_us), PulseCounter(clock.boot_us)
    chip.wire(contact, {"line": 3}, grounds=True)
    theirs = import_module("adafruit_mcp230xx.mcp23017").MCP23017(Busio(SimulatedI2C({0x20: chip})))
    theirs.get_pin(9).switch_to_output(value=True)
    output = [chip.transfer(bytes([register]), 1).hex() for register in (0x01, 0x15)]
    theirs.gppu, theirs.ipol = 1 << 3, 1 << 3
    theirs.interrupt_enable, theirs.default_value, theirs.interrupt_configuration = 1 << 3, 0, 0
    theirs.clear_ints()
    contact.plan(clock.now_us + 1_000, "line", 1)
    contact.plan(clock.now_us + 2_000, "line", 0)
    clock.advance(0.01)
    flags, captured, now = list(theirs.int_flag), list(theirs.int_cap), theirs.get_pin(3).value
    theirs.clear_ints()
    return {"output": output, "flags": flags, "captured": captured[3], "now": now, "after": list(theirs.int_flag)}


def sc16is750(clock: VirtualClock) -> dict[str, Any]:
    """The rate, the scratch register and what waits, of channel A."""
    chip, device = SC16IS752(clock.boot_us), SDS011(clock.boot_us)
    chip.wire(0, device)
    bus = SimulatedI2C({0x4D: chip})

    class SMBus:
        def __init__(self, number: int) -> None:
            """There is one bus."""

        def read_byte_data(self, address: int, register: int) -> int:
            return bus.transfer(address, bytes([register]), 1)[0]

        def write_byte_data(self, address: int, register: int, value: int) -> None:
            bus.transfer(address, bytes([register, value]), 0)

    sys.modules["smbus"] = stand_in = ModuleType("smbus")
    vars(stand_in)["SMBus"] = SMBus
    theirs = import_module("SC16IS750.SC16IS750").SC16IS750(14_745_600, 0x4D << 1)
    theirs.writeRegister(theirs.registers.LCR, 0x03)
    theirs.setBaudrate(9_600)
    theirs.writeRegister(theirs.registers.FCR, 0x07)
    before = theirs.isDataWaiting()
    clock.advance(1.5)
    waits = theirs.dataWaiting()
    frame = bytes(theirs.readRegister(theirs.registers.RHR) for _ in range(waits))
    line = chip.channels[0].line
    return {"baud": line.baud if line else 0, "alive": theirs.testChip(), "before": before, "frame": frame.hex()}


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    clock = VirtualClock(now_us=5_000_000)
    vars(time)["sleep"] = clock.advance
    vars(time)["monotonic"] = lambda: clock.boot_us() / 1e6
    with redirect_stdout(StringIO()):
        found = globals()[sys.argv[2]](clock)
    json.dump(found, sys.stdout)
