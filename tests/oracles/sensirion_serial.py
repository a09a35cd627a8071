"""Sensirion's own SHDLC library reads our simulated SPS30 at a real terminal: frames, stuffing and states are its own.

pypms reads it, too, but takes 47 bytes whatever was stuffed, so only some values pass it; see test_sensirion_serial.py.
"""

from __future__ import annotations

import contextlib
import struct
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

Values = dict[str, float]
Read = Callable[[str], Values]
NAMES = ("pm1", "pm2_5", "pm4", "pm10", "nc_pm0_5", "nc_pm1", "nc_pm2_5", "nc_pm4", "nc_pm10")
START, TAKE, INFO = 0x00, 0x03, 0xD0


def sensirion_shdlc(path: str) -> Read:
    library = import_module("sensirion_shdlc_driver")
    command = import_module("sensirion_shdlc_driver.command").ShdlcCommand
    port = library.ShdlcSerialPort(path, 115_200, additional_response_time=5.0)
    device = library.ShdlcDevice(library.ShdlcConnection(port), 0)

    def ask(code: int, data: bytes = b"") -> bytes:
        return bytes(device.execute(command(code, data, 0.5)) or b"")

    assert ask(INFO, b"\0") == b"00080000\0"
    ask(START, b"\x01\x03")

    def read(_: str) -> Values:
        ask(TAKE)  # what was measured before we were asked
        while not (answer := ask(TAKE)):
            pass
        return dict(zip(NAMES, struct.unpack(">10f", answer), strict=False))

    return read


def of_pypms(seen: Any) -> Values:
    numbers = (seen.n0_5, seen.n1_0, seen.n2_5, seen.n4_0, seen.n10_0)
    return dict(zip(NAMES, (seen.pm01, seen.pm25, seen.pm04, seen.pm10, *numbers), strict=True))


def pypms_sps30(path: str) -> Read:
    vars(time)["sleep"] = lambda seconds: None  # it preheats
    reader = import_module("pms.core.reader").SensorReader("SPS30", path, timeout=0.4)
    with contextlib.redirect_stdout(sys.stderr):
        reader.open()
    return lambda _: of_pypms(next(iter(reader())))
