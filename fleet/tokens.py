"""Enrolment tokens: what a card carries in place of a key.

A token is 256 random bits that let one node fetch one certificate, once. The office keeps its hash only, so that
whoever reads the registry, or a copy of it, cannot enrol as anybody; with so many bits a plain SHA-256 is enough. It
may be bound to the serial number of the board that it is meant for.
"""

from __future__ import annotations

import hashlib
import re

from fleet.clock import new_password
from fleet.papers import Token

DAY_MS = 86_400_000
LIFE_MS = 180 * DAY_MS
HARDWARE = re.compile("[0-9a-z-]{0,64}")


def hashed(token: str) -> str:
    """What the registry knows of a token: SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def new_token(node: str, now_ms: int, hardware: str = "") -> tuple[str, Token]:
    """A fresh token for a node, and what the registry is to know of it."""
    secret = new_password()
    return secret, Token(hashed(secret), node, now_ms, now_ms + LIFE_MS, serial_number(hardware))


def serial_number(text: str) -> str:
    """A board's serial number as we compare it. Raises ValueError when it cannot be one."""
    plain = text.strip().lower()
    if not HARDWARE.fullmatch(plain):
        raise ValueError("a board's serial number has at most 64 letters and digits")
    return plain
