"""The ports of a real node. Each hardware library is loaded when the first port of its kind is opened, not before."""

from __future__ import annotations

from drivers.driver import SerialLine
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort


def system_ports() -> PortOpener:
    """How ports come into being on Linux."""
    return PortOpener(i2c=_i2c, serial=_serial, lines=_lines, files=_file)


def _i2c(bus: str) -> I2CPort:
    from edge.buses.i2c import LinuxI2C

    return LinuxI2C(bus)


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
