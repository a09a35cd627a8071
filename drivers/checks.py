"""The checksums of the field, each with the value that its standard names for a check.

CRC-8 is bitwise and small: it runs on a few dozen bytes a second. A P1 meter says a thousand, so CRC-16 has a table,
made when it is first needed. Sources: Sensirion datasheets (CRC-8 0x31), SMBus 2.0 (PEC),
DSMR P1 companion standard 5.0.2 (CRC-16/ARC), Modbus over serial line V1.02 (CRC-16/MODBUS).
"""

from __future__ import annotations

from functools import cache

from drivers.errors import ChecksumError


def crc8(data: bytes, poly: int = 0x31, start: int = 0xFF) -> int:
    """CRC-8, most significant bit first. Sensirion: BE EF gives 0x92."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ poly if crc & 0x80 else crc << 1
            crc &= 0xFF
    return crc


def crc16(data: bytes, start: int = 0) -> int:
    """CRC-16 with the reflected polynomial A001: ARC from 0 ("123456789" gives BB3D), MODBUS from FFFF (4B37)."""
    crc, table = start, _table()
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


@cache
def _table() -> tuple[int, ...]:
    """What eight steps make of each byte."""
    found = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        found.append(crc)
    return tuple(found)


def words(answer: bytes) -> bytes:
    """The data of a Sensirion answer: `MSB LSB CRC` repeated, each CRC checked.

    Raises ChecksumError naming the first word that does not fit.
    """
    data = bytearray()
    for at in range(0, len(answer), 3):
        word, crc = answer[at : at + 2], answer[at + 2 : at + 3]
        if len(crc) != 1 or crc8(word) != crc[0]:
            raise ChecksumError(f"word {at // 3} of the answer does not fit its CRC")
        data += word
    return bytes(data)


def word(value: int) -> bytes:
    """A 16-bit argument for a Sensirion chip, with its CRC behind it."""
    data = value.to_bytes(2, "big")
    return data + bytes([crc8(data)])
