"""What the office keeps about who a node is: keys, tokens, certificates, and what went wrong with them. Plain facts.

Times are Unix ms; 0 and "" stand for never and for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ADDED, REVOKED = "added", "revoked"  # states of a node


@dataclass(frozen=True, slots=True)
class Key:
    """The public key of a node, by its id (see fleet.authority.keys). Revoked once, it is revoked for ever.

    `granted_ms`: when an operator last allowed it to renew although it is late.
    """

    key: str
    node: str
    since_ms: int
    granted_ms: int = 0
    revoked_ms: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the office knows it: by its hash. `key`: who used it."""

    hash: str
    node: str
    made_ms: int
    expires_ms: int
    hardware: str = ""
    key: str = ""
    used_ms: int = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was issued. `chain`: it and the issuing one, as PEM."""

    serial: int
    node: str
    key: str
    issued_ms: int
    not_before_ms: int
    not_after_ms: int
    chain: str = field(repr=False)
    revoked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """Something about identity that is worth telling; the same again within the hour is counted, not repeated."""

    kind: str
    node: str
    what: str
    first_ms: int
    last_ms: int
    times: int = 1
