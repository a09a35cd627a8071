"""What a node and its office say to each other before there is a session: claims, certificates, refusals, the time.

It goes over HTTPS to the office's desk, whose name the node pins by the roots on its card. A claim is a certificate
request, signed by the key that stays on the node; with a token it is the first one, without it a renewal with the key
that the office knows already. The same claim may be sent again and again: the answer is the same certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

CLAIM_PATH = "/v1/claim"  # POST Claim; 200 Granted, else Refused
TIME_PATH = "/v1/time"  # GET; 200 TimeTold, 503 when the office is not sure of the time
LARGEST_CLAIM = 16 * 1024  # bytes


class Why(Enum):
    """Why a claim was refused, in one word."""

    REQUEST = "request"  # the certificate request is none that we sign
    UNKNOWN = "unknown"  # no such node, or no such token: it is not told which
    EXPIRED = "expired"  # the token is too old
    TAKEN = "taken"  # the token, or the node, belongs to another key
    HARDWARE = "hardware"  # the token was made for another board
    REVOKED = "revoked"
    LATE = "late"  # the certificate ended too long ago: an operator must allow it
    BUSY = "busy"  # ask again later


@dataclass(frozen=True, slots=True)
class Claim:
    """`request`: a PKCS#10 request as PEM. `hardware`: the serial number of the board, "" where there is none."""

    node: str
    request: str
    token: str = field(default="", repr=False)
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """`certificate`: the node's own and the issuing one, as PEM; `trust`: the roots to pin from now on.

    `url`: the broker. Times are Unix ms, the ends of what the certificate is valid for.
    """

    certificate: str
    trust: str
    url: str
    not_before_ms: int
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What happened, and what to do about it, in a sentence each."""

    why: Why
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TimeTold:
    """Unix ms as the office is sure of them."""

    now_ms: int
