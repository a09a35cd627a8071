"""The ports of a real node. Each hardware library is loaded when the first port of its kind is opened, not before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from drivers.driver import SerialLine
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort
from edge.wiring import BusPlan


def system_ports(buses: Iterable[BusPlan] = ()) -> PortOpener:
    """How ports come into being on Linux; what the board says of I2C buses helps to free a stuck one."""
    plans = {plan.name: plan for plan in buses}
    return PortOpener(i2c=partial(_i2c, plans), serial=_serial, lines=_lines, files=_file, plans=plans)


def _i2c(plans: Mapping[str, BusPlan], bus: str) -> I2CPort:
    from edge.buses.i2c import LinuxI2C

    return LinuxI2C(bus, plans.get(bus))


def _serial(path: str, line: SerialLine) -> SerialPort:
    if path.startswith("tcp://"):
        from edge.buses.tcp import TcpSerial

        return TcpSerial(path)
    from edge.buses.uart import LinuxSerial

    return LinuxSerial(path, line)


def _lines(chip: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
    from edge.buses.gpio import LinuxLines

    return LinuxLines(chip, offsets, bias, active_low)


def _file(path: str) -> FilePort:
    from edge.buses.files import LinuxFile

    return LinuxFile(path)
