"""Whether a certificate is within its time, as far as this node can know what time it is.

OpenSSL compares a certificate with the system's clock, and a pole that wakes up in 1970 would believe nobody, or
with a clock in the future everybody's certificate would have ended. So OpenSSL's own check is off (see `tls`) and the
node's belief judges instead. Where somebody vouches for the time, both ends count, give or take what he may be off.
Where nobody does, the one thing known is that it is not earlier than the floor: what had ended by then is refused. A
clock chip is nobody here: one that is years ahead would keep the node from the only ones who could tell it so.

The two times are read from the certificate itself, for the standard library tells them of nobody's but the peer's.
Source: RFC 5280 4.1, X.690.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.floor import Floor
from edge.timekeeping import Belief

BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s(.*?)-----END CERTIFICATE-----", re.S)
SEQUENCE, INTEGER, VERSION, UTC_TIME, GENERAL_TIME = 0x30, 0x02, 0xA0, 0x17, 0x18
FORMS = {UTC_TIME: re.compile(rb"\d{12}Z"), GENERAL_TIME: re.compile(rb"\d{14}Z")}
LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Moment:
    """What a node makes of now: Unix ms give or take `error_ms`, None while nobody vouches for it; and the time before
    which it cannot be."""

    unix_ms: int | None
    error_ms: int
    floor_ms: int

    @property
    def least_ms(self) -> int:
        """The Unix ms to reckon with where one is needed: the time if known, else the floor."""
        return self.floor_ms if self.unix_ms is None else self.unix_ms


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good, in Unix ms, both included."""

    not_before_ms: int
    not_after_ms: int

    @property
    def life_ms(self) -> int:
        """How long it is good in all."""
        return max(1, self.not_after_ms - self.not_before_ms)

    def at(self, share: float) -> int:
        """The Unix ms when this share of its life is over."""
        return self.not_before_ms + int(self.life_ms * share)


def moment(belief: Belief, floor: Floor, now_ms: int) -> Moment:
    """What this belief and this floor come to, at `now_ms` since boot."""
    floor_ms = floor.at(now_ms)
    if not belief.sure or belief.offset_ms is None:
        return Moment(None, 0, floor_ms)
    return Moment(now_ms + belief.offset_ms, belief.uncertainty_ms or 0, floor_ms)


def fault(validity: Validity, now: Moment) -> str:
    """Why a certificate cannot be believed now; "" when it can."""
    if now.unix_ms is None:
        return _ended(validity) if validity.not_after_ms < now.floor_ms else ""
    if validity.not_after_ms < now.unix_ms - now.error_ms:
        return _ended(validity)
    if validity.not_before_ms > now.unix_ms + now.error_ms:
        return f"it begins on {day(validity.not_before_ms)}, and here it is {day(now.unix_ms)}"
    return ""


def _ended(validity: Validity) -> str:
    return f"it ended on {day(validity.not_after_ms)}"


def day(unix_ms: int) -> str:
    """The day in UTC, for people."""
    try:
        return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "a day that no calendar has"


def of_pem(text: str) -> Validity:
    """Of the first certificate in this text. Raises ValueError when there is none."""
    block = BLOCK.search(text)
    if block is None:
        raise ValueError("there is no certificate")
    try:
        return of_der(base64.b64decode(block[1].encode()))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"not a certificate: {error}") from None


def of_der(data: bytes) -> Validity:
    """Of this certificate. Raises ValueError for any bytes that are none."""
    if len(data) > LARGEST:
        raise ValueError(f"{len(data)} bytes are longer than any certificate")
    inner = _open(_open(data, SEQUENCE)[0], SEQUENCE)[0]
    if inner[:1] == bytes([VERSION]):
        inner = _open(inner, VERSION)[1]
    for kind in (INTEGER, SEQUENCE, SEQUENCE):  # serial number, signature, issuer
        inner = _open(inner, kind)[1]
    begins, rest = _time(_open(inner, SEQUENCE)[0])
    return Validity(begins, _time(rest)[0])


def _open(data: bytes, kind: int) -> tuple[bytes, bytes]:
    """The content of the value that stands first, and what follows it. Raises ValueError unless it is of this kind."""
    if len(data) < 2 or data[0] != kind:
        raise ValueError("not a certificate")
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at])
    if at > 6 or at + length > len(data):
        raise ValueError("not a certificate")
    return data[at : at + length], data[at + length :]


def _time(data: bytes) -> tuple[int, bytes]:
    """Unix ms, and what follows."""
    kind = data[0] if data else 0
    if kind not in FORMS:
        raise ValueError("not a certificate")
    text, rest = _open(data, kind)
    if not FORMS[kind].fullmatch(text):
        raise ValueError("not a certificate")
    digits = text.decode()
    if kind == UTC_TIME:
        digits = ("19" if digits >= "5" else "20") + digits
    month, mday, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    told = datetime(int(digits[:4]), month, mday, hour, minute, second, tzinfo=UTC)
    return int(told.timestamp()) * 1000, rest
