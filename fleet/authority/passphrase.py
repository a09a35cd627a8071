"""The words that open the authority's keys: from a file that FLEET_PASSPHRASE_FILE names, or asked at the terminal.

Never from the command line or the environment itself, which others on the machine can read, and never said again: no
message holds them. A file that everybody may read is refused.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from fleet.authority import keys, vault
from fleet.trouble import Exit, Trouble

VARIABLE = "FLEET_PASSPHRASE_FILE"
SHORTEST, LONGEST = 12, 1024  # characters
Ask = Callable[[str], str]
UNTOUCHED = "Nothing was opened, made or changed."
REMEDY = f"put it into a file of mode 0600 and name that file in {VARIABLE}"


def terminal() -> Ask | None:
    """How to ask a person; None when nobody is there."""
    return getpass.getpass if sys.stdin.isatty() else None


def given(folder: Path, environment: Mapping[str, str] = os.environ, ask: Ask | None = None) -> str | None:
    """What opens the authority in `folder`; None when its keys are not encrypted. Raises Trouble."""
    if not keys.encrypted(vault.read_if_there(folder, vault.ISSUING_KEY) or ""):
        return None
    if environment.get(VARIABLE):
        return _from_file(Path(environment[VARIABLE]))
    asks = ask or terminal()
    if asks is None:
        raise Trouble(
            f"The keys in {folder} are encrypted, and there is no passphrase.", UNTOUCHED, REMEDY, Exit.REFUSED
        )
    return asks("Passphrase of the authority's keys: ")


def new(environment: Mapping[str, str] = os.environ, ask: Ask | None = None) -> str:
    """A passphrase for keys that are about to be made; a person types it twice. Raises Trouble."""
    if environment.get(VARIABLE):
        return _long_enough(_from_file(Path(environment[VARIABLE])))
    asks = ask or terminal()
    if asks is None:
        raise Trouble("The keys are to be encrypted, and there is no passphrase.", UNTOUCHED, REMEDY, Exit.USAGE)
    text = _long_enough(asks(f"New passphrase, at least {SHORTEST} characters: "))
    if asks("Once more: ") != text:
        raise Trouble("What was typed the second time is something else.", UNTOUCHED, "try again", Exit.USAGE)
    return text


def _from_file(path: Path) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise Trouble(f"Everybody on this machine can read {path}.", UNTOUCHED, f"chmod 600 {path}", Exit.REFUSED)
        text = path.read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Trouble(f"{path}, which {VARIABLE} names, cannot be read: {why}.", UNTOUCHED, REMEDY,
                      Exit.REFUSED) from None  # fmt: skip
    if not 0 < len(text) <= LONGEST or "\n" in text:
        raise Trouble(f"{path} does not hold one line with a passphrase.", UNTOUCHED, REMEDY, Exit.REFUSED)
    return text


def _long_enough(text: str) -> str:
    if len(text) < SHORTEST:
        raise Trouble(f"The passphrase is too short: it needs {SHORTEST} characters.", UNTOUCHED,
                      "choose five words that do not belong together", Exit.USAGE)  # fmt: skip
    return text
