"""What a broker's configuration is judged by, whichever broker it is: what the office knows, and the verdicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from edge.wire.messages import CheckResult, State
from edge.wire.record import LARGEST_PACKET

Read = Callable[[str], str | None]
SELDOM_S = 300
LEAST_UNACKED = 100
TLS = ("1.2", "1.3")
LOOPBACK = ("127.", "::1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Known:
    """What the office knows: its users, the key ids of those who have one, and the time (Unix ms)."""

    users: Collection[str]
    keys: Mapping[str, str] | None
    now_ms: int


def good(name: str, reason: str) -> CheckResult:
    """All is well with it."""
    return CheckResult(name, State.GOOD, reason)


def bad(name: str, reason: str, remedy: str) -> CheckResult:
    """It must be mended."""
    return CheckResult(name, State.BAD, reason, remedy)


def size(largest: int | None, word: str) -> CheckResult:
    """The check named `size`; `word` is the setting."""
    if not largest:
        return bad("size", "There is no limit: whoever is let in can fill its memory.", f"Set {word} {LARGEST_PACKET}.")
    if largest < LARGEST_PACKET:
        return bad("size", f"It takes {largest} bytes at most, and a node may send {LARGEST_PACKET}.",
                   f"Set {word} {LARGEST_PACKET}.")  # fmt: skip
    return good("size", f"Messages of up to {largest} bytes.")


def tls(encrypted: bool, host: str, least: str) -> CheckResult:
    """The check named `tls` of a port on `host`; `least`: the oldest version that is spoken."""
    if encrypted and least.lower().removeprefix("tlsv") not in TLS:
        return bad("tls", f"It speaks TLS {least}, which is broken.", "Set the least version to TLS 1.2.")
    if encrypted or host.startswith(LOOPBACK):
        return good("tls", "Encrypted." if encrypted else "It listens on this machine only.")
    reason = f"It listens on {host or 'every address'}, and all that it carries, secrets too, can be read on the way."
    return CheckResult("tls", State.UNKNOWN, reason, "Keep it on a private network or a VPN.")


def certificates(encrypted: bool, asked: bool, mapped: bool, settings: str) -> CheckResult:
    """The check named `certificates`; `mapped`: the name in it is the user."""
    if not encrypted:
        return bad("certificates", "Nodes come with certificates, and it speaks no TLS.",
                   "Take: fleet broker config.")  # fmt: skip
    if asked and mapped:
        return good("certificates", "Nobody comes in without one, and the name in it is the user.")
    reason = "The name in the certificate is not the user." if asked else "It lets in who shows no certificate."
    return bad("certificates", reason, f"Set {settings}.")


def count(word: str) -> int:
    """A number. Raises ValueError."""
    if not word.strip().isdigit():
        raise ValueError(f"{word!r} is no number")
    return int(word)
