"""The P1 port of Dutch and Belgian smart meters: power, energy, gas and water, told every second or every ten.

Wiring: an RJ12 "P1 cable" with a USB adapter is easiest (it inverts the signal and raises the request line); name the
port by `/dev/serial/by-id/…`. Meters of version 4 and 5 talk at 115200 baud and end a telegram with a CRC; older ones
(set `version = "2.2"`) talk at 9600 baud with seven bits and have none, so there every line must have the right shape.
Once a telegram with a CRC was heard, or it says that it should have one, telegrams without are refused.

A telegram of version 4 or 5 says when it was made. Where that time stands still while ours goes on, a meter or a
repeater between says the same again and again: its readings are flagged STALE. So is a gas or water reading that is
more than some hours older than its telegram, because the meter hears that other meter no more.

**A telegram names the household**: serial numbers (96.1.1, 96.1.0), EAN codes, messages from the grid operator. The
driver looks up the few codes that it publishes and never touches the rest: no error, message or reading holds a byte.

Sources: Netbeheer Nederland, P1 companion standard 5.0.2, 4.2.2 and 2.2; Fluvius e-MUCS P1 1.7.1 (gas under 24.2.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from drivers.checks import crc16
from drivers.driver import SerialLine
from drivers.errors import ChecksumError, FramingError
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Setting, SettingValue
from drivers.stream import Incomplete, StreamDriver

Q = Quantity
METER: dict[bytes, tuple[Quantity, str]] = {
    b"1.8.0": (Q.ENERGY_IMPORT, ""), b"1.8.1": (Q.ENERGY_IMPORT, "t1"), b"1.8.2": (Q.ENERGY_IMPORT, "t2"),
    b"2.8.0": (Q.ENERGY_EXPORT, ""), b"2.8.1": (Q.ENERGY_EXPORT, "t1"), b"2.8.2": (Q.ENERGY_EXPORT, "t2"),
    b"1.7.0": (Q.POWER, ""), b"2.7.0": (Q.POWER_EXPORT, ""),
    b"21.7.0": (Q.POWER, "l1"), b"41.7.0": (Q.POWER, "l2"), b"61.7.0": (Q.POWER, "l3"),
    b"22.7.0": (Q.POWER_EXPORT, "l1"), b"42.7.0": (Q.POWER_EXPORT, "l2"), b"62.7.0": (Q.POWER_EXPORT, "l3"),
    b"32.7.0": (Q.VOLTAGE, "l1"), b"52.7.0": (Q.VOLTAGE, "l2"), b"72.7.0": (Q.VOLTAGE, "l3"),
    b"31.7.0": (Q.CURRENT, "l1"), b"51.7.0": (Q.CURRENT, "l2"), b"71.7.0": (Q.CURRENT, "l3"),
}  # fmt: skip
UNITS: dict[tuple[str, bytes], float] = {
    ("kWh", b"kWh"): 1, ("kWh", b"Wh"): 0.001, ("W", b"kW"): 1000, ("W", b"W"): 1, ("V", b"V"): 1, ("A", b"A"): 1,
    ("m³", b"m3"): 1,
}  # fmt: skip
PIPES = {3: Quantity.GAS_VOLUME, 7: Quantity.WATER_VOLUME}

LINE = re.compile(rb"(\d{1,3})-(\d{1,3}):(\d{1,3}\.\d{1,3}\.\d{1,3})((?:\([^()]*\))*)")
MORE = re.compile(rb"(?:\([^()]*\))+")
VALUE = re.compile(rb"\((\d{1,12}(?:\.\d{1,6})?)\*(\w+)\)")
STAMPED = re.compile(rb"\((\d{12})[SW]?\)\((\d{1,12}(?:\.\d{1,6})?)\*(m3)\)")
OLD_GAS = re.compile(
    rb"\((\d{12})[SW]?\)(?:\(\d*\)){3}\(\d+-\d+:24\.2\.\d+\)\((m3)\)\((\d{1,12}(?:\.\d{1,6})?)\)"
)
NUMBER = re.compile(rb"\((\d{1,3})\)")
HEX = re.compile(rb"[0-9A-Fa-f]{1,4}")
STAMP = re.compile(rb"\((\d{12})[SW]?\)")
MADE = b"1.0.0"  # the code under which a telegram says when it was made
SHAPE = "%y%m%d%H%M%S"
STANDS_S = 25.0  # meters of version 4 make a telegram every ten seconds
HEARD = timedelta(hours=4)  # gas and water are heard every hour at the latest; an hour more when the clocks change

Entry = tuple[int, bytes, bytes]  # channel, code, everything in brackets


class DSMR(StreamDriver):
    """Power in W, energy in kWh, voltage and current per phase, gas and water in m³."""

    name = "dsmr"
    private = "a telegram names the meters by their numbers, and so the household"
    title = "Smart meter (DSMR P1): power, energy, gas, water"
    datasheet = "https://www.netbeheernederland.nl/sites/default/files/2024-02/dsmr_5.0.2_p1_companion_standard.pdf"
    measures = (
        Q.ENERGY_IMPORT, Q.ENERGY_EXPORT, Q.POWER, Q.POWER_EXPORT, Q.VOLTAGE, Q.CURRENT, Q.GAS_VOLUME, Q.WATER_VOLUME,
    )  # fmt: skip
    settings = (
        Setting("version", "auto", "of the P1 standard; auto is 4 or 5", ("auto", "2.2", "4", "5")),
        Setting("baud", 0, "speed of the port; 0 is what the version says", (0, 9600, 19200, 115200)),
        Setting("framing", "auto", "bits and parity; auto is what the version says", ("auto", "8N1", "7E1")),
    )
    still_s = 0.0
    silence_s = 25.0
    longest = 8192
    start = b"/"
    idle = b"\r\n\0"

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        old = self.chosen["version"] == "2.2"
        seven = self.chosen["framing"] == "7E1" or (old and self.chosen["framing"] == "auto")
        baud = int(self.chosen["baud"]) or (9600 if old else 115200)
        self.line = SerialLine(baud, 7, "E") if seven else SerialLine(baud)
        self._crc_heard = self.chosen["version"] in ("4", "5")
        self._stamp = b""
        self._stamped_us = 0  # since when telegrams bear that stamp

    def frame(self, buffer: bytearray) -> int:
        """From `/` to `!` and the CRC behind it, if this meter has one. Another `/` before that is a new telegram."""
        again, end = buffer.find(b"/", 1), buffer.find(b"!")
        if again > 0 and (end < 0 or again < end):
            raise FramingError("the telegram broke off")
        if end < 0 or len(buffer) == end + 1:
            raise Incomplete
        if buffer[end + 1] in b"\r\n":
            return self._without_crc(buffer[:end], end)
        behind = bytes(buffer[end + 1 : end + 5])
        if not HEX.fullmatch(behind):
            raise FramingError("no CRC behind the telegram")
        if len(behind) < 4:
            raise Incomplete
        if crc16(bytes(buffer[: end + 1])) != int(behind, 16):
            raise ChecksumError("the telegram does not fit its CRC")
        self._crc_heard = True
        return end + 5

    def _without_crc(self, telegram: bytearray, end: int) -> int:
        """An old meter's telegram: every line must have the shape of one."""
        if self._crc_heard or b"1-3:0.2.8(" in telegram:
            raise ChecksumError("the CRC of the telegram is missing")
        for line in bytes(telegram).splitlines()[1:]:
            if line and not LINE.fullmatch(line) and not MORE.fullmatch(line):
                raise FramingError("a line of the telegram is damaged")
        return end + 1

    def decode(self, frame: bytes) -> list[Reading] | None:
        """The quantities of a telegram; None when it holds none of ours."""
        entries = list(_entries(frame))
        stamp = _made(entries)
        readings = [reading for _, code, value in entries if (reading := _of_meter(code, value))]
        readings = _agreeing(readings) + _of_pipes(entries, stamp)
        if self._stands(stamp):
            readings = [replace(reading, flags=reading.flags | Flag.STALE) for reading in readings]
        return readings or None

    def _stands(self, stamp: bytes) -> bool:
        """Whether telegrams bear this stamp for longer than they may. Old meters have none."""
        if stamp != self._stamp:
            self._stamp, self._stamped_us = stamp, self.at_us
        return bool(stamp) and self.at_us - self._stamped_us > STANDS_S * 1_000_000


def _entries(frame: bytes) -> Iterator[Entry]:
    """Each object of the telegram; a line that only holds brackets belongs to the line before it."""
    lines = re.sub(rb"[\r\n]+\(", b"(", frame).splitlines()
    for line in lines:
        if found := LINE.fullmatch(line):
            yield int(found[2]), found[3], found[4]


def _made(entries: list[Entry]) -> bytes:
    """When the telegram says that it was made; empty when it does not."""
    return next((found[1] for _, code, value in entries if code == MADE and (found := STAMP.fullmatch(value))), b"")


def _of_meter(code: bytes, value: bytes) -> Reading | None:
    """What the electricity meter itself says under this code, if we publish it."""
    if code not in METER or not (found := VALUE.fullmatch(value)):
        return None
    quantity, channel = METER[code]
    factor = UNITS.get((quantity.unit, found[2]))
    return None if factor is None else Reading(quantity, float(found[1]) * factor, channel)


def _agreeing(readings: list[Reading]) -> list[Reading]:
    """Each once. Raises FramingError where a telegram says two things under one code: one of them is not true."""
    told = {reading.name: reading for reading in readings}
    if any(told[reading.name] != reading for reading in readings):
        raise FramingError("the telegram contradicts itself")
    return list(told.values())


def _of_pipes(entries: list[Entry], made: bytes) -> list[Reading]:
    """Gas and water meters on the M-Bus. A second one of a kind gets its M-Bus number as channel."""
    kinds = {channel: int(found[1]) for channel, code, value in entries
             if code == b"24.1.0" and (found := NUMBER.fullmatch(value))}
    readings: dict[tuple[Quantity, str], Reading] = {}
    for channel, code, value in entries:
        quantity = Quantity.GAS_VOLUME if code in (b"24.2.3", b"24.3.0") else PIPES.get(kinds.get(channel, 0))
        volume = _volume(code, value)
        if quantity and volume is not None:
            twin = str(channel) if (quantity, "") in readings else ""
            readings[quantity, twin] = Reading(quantity, volume, twin, _age(value, made))
    return list(readings.values())


def _volume(code: bytes, value: bytes) -> float | None:
    """Cubic metres of a stamped value. A stamp that is no date says that the meter was never heard."""
    if code in (b"24.2.1", b"24.2.3") and (found := STAMPED.fullmatch(value)):
        return float(found[2]) if _dated(found[1]) else None
    if code == b"24.3.0" and (found := OLD_GAS.fullmatch(value)):
        return float(found[3]) if _dated(found[1]) else None
    return None


def _age(value: bytes, made: bytes) -> Flag:
    """STALE where the stamp of a value lies hours before that of its telegram."""
    told, now = _moment(value[1:13]), _moment(made)
    return Flag.STALE if told is not None and now is not None and now - told > HEARD else Flag.NONE


@lru_cache(maxsize=8)  # that of a pipe is the same for minutes, that of its telegram is asked for by each pipe
def _moment(stamp: bytes) -> datetime | None:
    """None where it is no date."""
    try:
        return datetime.strptime(stamp.decode(), SHAPE)
    except ValueError:
        return None


def _dated(stamp: bytes) -> bool:
    return 1 <= int(stamp[2:4]) <= 12 and 1 <= int(stamp[4:6]) <= 31
