"""A store whose file is damaged: how it is known, and what to do.

More room or another try does not mend it. What the nodes still hold they send again to a store that begins anew, so
the damaged one is moved aside, whole, for whoever can rescue more from it.
"""

from __future__ import annotations

import shlex
import sqlite3
from pathlib import Path

from fleet.store.sqlite import SqliteStore
from fleet.trouble import Exit, Trouble

WORDS = ("malformed", "is not a database")  # SQLite's, where only its text came through
CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file is not what it wrote."""
    return getattr(error, "sqlite_errorcode", 0) & 255 in CODES


def remedy(home: str) -> str:
    """What to type in the office's folder `home`."""
    home = shlex.quote(home)
    return f"cd {home} && mkdir damaged && mv readings.db* damaged/ && fleet serve --home {home}"


def damaged(store: Path, why: str) -> Trouble:
    """The sentences for it."""
    return Trouble(f"The store {store} is damaged: {why}.",
                   "Nothing was changed. Nodes keep what is not acknowledged, and send it to a store that begins anew; "
                   "what is in this one can be read again only from a copy.",
                   remedy(str(store.parent)), Exit.REFUSED)  # fmt: skip


def open_store(path: Path, keep_ms: int | None = None) -> SqliteStore:
    """The store, for the one who writes it. Raises Trouble."""
    try:
        return SqliteStore(path, keep_ms)
    except (sqlite3.Error, OSError, ValueError) as error:
        if is_damage(error):
            raise damaged(path, str(error)) from error
        raise Trouble(f"The store {path} cannot be opened: {error}.",
                      "The office did not start. Nodes keep their readings.",
                      f"df -h {path.parent}; ls -l {path.parent}") from error  # fmt: skip
