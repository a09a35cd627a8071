"""The files of an authority, and how several of them change at once: all or none, whatever the power does.

A new authority is written into a folder beside and renamed into place. A change to one that is there (a roll-over) is
first written down whole, in one file; then it is carried out; then that file goes. Whoever finds it there carries it
out again, which does no harm. All of them are 0600: what is no secret is handed out by the office itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from fleet import files
from fleet.trouble import Exit, Trouble

ROOT, ROOT_KEY = "root.pem", "root.key"
ISSUING, ISSUING_KEY = "issuing.pem", "issuing.key"  # issuing.pem ends with those between it and the root, if any
NEXT_ROOT, NEXT_ROOT_KEY = "next-root.pem", "next-root.key"
NEXT_ISSUING, NEXT_ISSUING_KEY = "next-issuing.pem", "next-issuing.key"  # only from an authority elsewhere
PREVIOUS_ROOT = "previous-root.pem"
PREVIOUS_ISSUING, PREVIOUS_ISSUING_KEY = "previous-issuing.pem", "previous-issuing.key"
PREVIOUS = (PREVIOUS_ROOT, PREVIOUS_ISSUING, PREVIOUS_ISSUING_KEY)
TERMS = "terms.json"  # since when the next root is told, until when the previous one counts
CHANGE, LOCK = "change.json", "change.lock"
TRUST, CRL = "trust.pem", "crl.pem"


def present(folder: Path) -> bool:
    """Whether there is an authority in this folder, or what is left of one."""
    return any((folder / name).exists() for name in (ROOT, ISSUING, ISSUING_KEY, CHANGE))


def put_new(folder: Path, texts: Mapping[str, str]) -> None:
    """Makes the folder with these files in it, whole or not at all. Raises OSError when it is there."""
    beside = folder.with_name(f".{folder.name}.new")
    clear(beside)
    beside.mkdir(mode=0o700)
    for name, text in texts.items():
        files.replace(beside / name, text)
    os.rename(beside, folder)
    files.sync_folder(folder.parent)


def clear(folder: Path) -> None:
    """Removes a folder that holds nothing but files, if it is there. Raises OSError."""
    if folder.is_dir():
        for file in list(folder.iterdir()):
            file.unlink()
        folder.rmdir()


def change(folder: Path, texts: Mapping[str, str | None]) -> None:
    """Replaces these files, and removes those whose text is None: all or none. Raises OSError."""
    with files.locked(folder / LOCK):
        _carry_out(folder)
        files.replace(folder / CHANGE, json.dumps(dict(texts)))
        _carry_out(folder)


def settle(folder: Path) -> None:
    """Carries out a change that was written down and not finished. Raises OSError."""
    if (folder / CHANGE).exists():
        with files.locked(folder / LOCK):
            _carry_out(folder)


def _carry_out(folder: Path) -> None:
    try:
        texts = json.loads((folder / CHANGE).read_text())
    except FileNotFoundError:
        return
    for name, text in texts.items():
        if text is None:
            (folder / name).unlink(missing_ok=True)
        else:
            files.replace(folder / name, text)
    files.sync_folder(folder)
    (folder / CHANGE).unlink()
    files.sync_folder(folder)


def roots(folder: Path) -> str:
    """The roots to pin, the current one and the next, as PEM: what needs no key and no passphrase. Raises Trouble."""
    settle(folder)
    root = read(folder, ROOT)
    following = read_if_there(folder, NEXT_ROOT) or root
    return root if following == root else root + following


def read(folder: Path, name: str) -> str:
    """The text of a file that must be there. Raises Trouble."""
    text = read_if_there(folder, name)
    if text is None:
        raise Trouble(f"The authority lacks {folder / name}.", "Nothing was signed or changed; certificates that were "
                      "given out stay good.", f"put your copy of {name} back into {folder}", Exit.REFUSED)  # fmt: skip
    return text


def read_if_there(folder: Path, name: str) -> str | None:
    """The text of a file, None where there is none. Raises Trouble when it cannot be read."""
    try:
        return (folder / name).read_text()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Trouble(f"{folder / name} cannot be read: {why}.", "Nothing was signed or changed.",
                      f"ls -l {folder}", Exit.REFUSED) from error  # fmt: skip
