"""Whether a broker's configuration suits us: what it keeps, how much it queues, whom it lets in. Pure.

It is for somebody else's broker as much as for ours. Nothing here decides whether readings are lost (nodes keep them
until the office has them); it decides how much must be sent again, and who can do harm.

`keys` are the key ids of users who come with certificates, and None in an office without an authority. With one, the
broker must ask everybody for a certificate, and Mosquitto must know whom the office revoked: its list is bad at half of
its life, long before it ends and locks everybody out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from edge.wire.messages import CheckResult
from fleet.lint_mosquitto import mosquitto
from fleet.lint_nats import nats
from fleet.verdicts import Known, Read, bad


def lint(
    kind: str, text: str, read: Read, users: Collection[str], keys: Mapping[str, str] | None = None, now_ms: int = 0
) -> list[CheckResult]:
    """The checks of a broker's configuration. `read` gives the files that it names; `users` are the office's own."""
    try:
        return list((mosquitto if kind == "mosquitto" else nats)(text, read, Known(users, keys, now_ms)))
    except ValueError as error:
        return [bad("config", f"It cannot be read: {error}.", f"Mend it, or take: fleet broker config {kind}")]


def guess(text: str) -> str:
    """Which broker's configuration this is."""
    return "nats" if re.search(r"^\s*\w+\s*[{:=]", text, re.MULTILINE) else "mosquitto"
