"""Masters and drivers of other people that ask our simulated Modbus units and Winsen sensors at a real terminal."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.oracles.serial_witness import Read, Values

Ask = Callable[[int, int, int], list[int]]  # function, register, count
PHASES = ("l1", "l2", "l3")


def minimal(path: str, unit: int, baud: int) -> Ask:
    """minimalmodbus as the master."""
    instrument = import_module("minimalmodbus").Instrument(path, unit)
    instrument.serial.baudrate, instrument.serial.timeout = baud, 10.0

    def ask(function: int, address: int, count: int) -> list[int]:
        words: list[int] = instrument.read_registers(address, count, functioncode=function)
        return words

    return ask


def pymodbus(path: str, unit: int, baud: int) -> Ask:
    """pymodbus as the master."""
    client = import_module("pymodbus.client").ModbusSerialClient(path, baudrate=baud, timeout=10)
    assert client.connect()

    def ask(function: int, address: int, count: int) -> list[int]:
        read = client.read_input_registers if function == 4 else client.read_holding_registers
        answer = read(address, count=count, device_id=unit)
        assert not answer.isError(), answer
        words: list[int] = answer.registers
        return words

    return ask


def number(words: list[int]) -> float:
    """An IEEE 754 single, high word first."""
    (value,) = struct.unpack(">f", struct.pack(">HH", *words))
    return float(value)


def meter(ask: Ask, places: dict[str, int]) -> Read:
    return lambda _: {name: number(ask(4, address, 2)) for name, address in places.items()}


TOTALS = {"frequency": 0x46, "energy_import": 0x48, "energy_export": 0x4A}
ONE_PHASE = {"voltage": 0x00, "current": 0x06, "power": 0x0C, **TOTALS}
THREE_PHASES = {"voltage.l1": 0x00, "current.l1": 0x06, "power": 0x34, **TOTALS}


def minimalmodbus_sdm120(path: str) -> Read:
    return meter(minimal(path, 1, 2400), ONE_PHASE)


def pymodbus_sdm120(path: str) -> Read:
    return meter(pymodbus(path, 1, 2400), ONE_PHASE)


def minimalmodbus_sdm630(path: str) -> Read:
    return meter(minimal(path, 1, 9600), THREE_PHASES)


def pymodbus_sdm630(path: str) -> Read:
    return meter(pymodbus(path, 1, 9600), THREE_PHASES)


def minimalmodbus_wind_speed(path: str) -> Read:
    ask = minimal(path, 1, 4800)
    return lambda _: {"wind_speed": ask(3, 0, 1)[0] / 10}


def minimalmodbus_wind_direction(path: str) -> Read:
    ask = minimal(path, 2, 9600)
    return lambda _: {"wind_direction": ask(3, 0, 2)[0] / 10}


def pymodbus_registers(path: str) -> Read:
    ask = pymodbus(path, 1, 9600)

    def read(_: str) -> Values:
        temperature, humidity = ask(4, 1, 2)
        return {"temperature": (temperature - 0x10000 * (temperature >> 15)) / 10, "humidity": humidity / 10}

    return read


def senseair_s8(path: str) -> Read:
    module: Any = import_module("senseair_s8.senseair_s8")
    vars(module)["time"].sleep = lambda seconds: None
    sensor = module.SenseairS8(path, timeout=10)

    def read(_: str) -> Values:
        with contextlib.redirect_stdout(io.StringIO()):
            return {"co2": float(sensor.co2())}

    return read


def pypms_zh03b(path: str) -> Read:
    """Without its own `open`, which looks for an answer that it says itself does not come."""
    reader = import_module("pms.core.reader").SensorReader("ZH03B", path, timeout=30)
    reader.serial.open()
    for command in ("wake", "passive_mode"):
        reader._cmd(command)
    reader.serial.reset_input_buffer()

    def read(_: str) -> Values:
        seen = next(iter(reader()))
        return {"pm1": seen.pm01, "pm2_5": seen.pm25, "pm10": seen.pm10}

    return read
