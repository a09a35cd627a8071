"""`edge enrol` for people: what came of it in sentences, and the exit code."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from edge.events import Claimed
from edge.trouble import OK, REFUSED, UNREACHABLE, USAGE, WRONG, Trouble
from edge.wiring import Wiring

CODES = {"granted": OK, "nothing": OK, "refused": REFUSED, "unreachable": UNREACHABLE, "failed": WRONG}
STANDS = "The key of this node stays as it is, readings are kept, and a running agent goes on."


def enrol(wiring: Wiring, again: bool) -> int:
    """Ask the office for a certificate. Raises Trouble."""
    if wiring.office is None:
        raise Trouble("This board names no office.", "Nothing was asked.", "Add [office], then run: edge check", USAGE)
    credentials = Path(wiring.office.credentials)
    _become_owner(credentials)
    from edge.enrolling import enrol as ask

    return told(ask(wiring.node, credentials, Path(wiring.journal.folder), again))


def told(claimed: Claimed) -> int:
    """Say it. Raises Trouble when no certificate came of it."""
    code = CODES.get(claimed.outcome, WRONG)
    if code != OK:
        raise Trouble(claimed.what, STANDS, claimed.remedy, code)
    print(claimed.what)
    return OK


def _become_owner(credentials: Path) -> None:
    """What root makes for the agent must belong to the agent. Raises Trouble."""
    with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        owner = credentials.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
