"""What lies on a card so that its node can fetch a certificate: addresses, the roots to trust, and a token.

A token is the only secret on it, and good once. With it goes what time it was, so that a node that learnt a wrong one
from us gives it up. Before it is too old it can be made anew without writing the card
again: the new one is entered first and the old one made void last, so that whatever fails in between, the token that
lies on the card is one that the office takes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.wire.jsontext import to_json
from fleet import files
from fleet.home import Home, no_desk
from fleet.papers import ADDED
from fleet.registry import Registry
from fleet.tokens import new_token
from fleet.trouble import Exit, Trouble

NAME = "credentials.json"
UNTOUCHED = "The card stays as it is."


def card_text(home: Home, node: str, url: str, token: str, now_ms: int) -> str:
    """The credentials file of a node that is to fetch its certificate. Raises Trouble."""
    facts = {"node": node, "url": url, "enrol": desk_url(home), "token": token, "trust": _roots(home),
             "written_ms": now_ms}  # fmt: skip
    return to_json(facts).decode() + "\n"


def desk_url(home: Home) -> str:
    """Where nodes ask for certificates. Raises Trouble when nothing can be told."""
    url = home.ports().enrol_url
    if not url:
        raise no_desk(home, "Nothing was changed.")
    return url


def refresh(registry: Registry, node: str, path: Path, now_ms: int, hardware: str = "") -> None:
    """Puts a fresh token for `node`, and what time it is, into the credentials file at `path`; nothing else in it
    changes. Raises Trouble."""
    with files.locked(registry.path.with_name("cards.lock")):  # two at once would void each other's
        _refresh(registry, node, path, now_ms, hardware)


def _refresh(registry: Registry, node: str, path: Path, now_ms: int, hardware: str) -> None:
    facts = read(path, node)
    secret, token = new_token(node, now_ms, hardware)
    with registry.turn() as ledger:
        if ledger.state(node) != ADDED:
            raise Trouble(f"{node} is revoked.", UNTOUCHED, anew(node), Exit.REFUSED)
        ledger.add_token(token)
    facts |= {"token": secret, "written_ms": now_ms}
    try:
        _write(path, json.dumps(facts, separators=(",", ":"), ensure_ascii=False) + "\n")
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.", UNTOUCHED, f"ls -l {path}; df -h {path.parent}",
                      Exit.REFUSED) from error  # fmt: skip
    with registry.turn() as ledger:
        ledger.void_tokens(node, now_ms, but=token.hash)


def read(path: Path, node: str) -> dict[str, Any]:
    """What the file says. Raises Trouble when it is not the card of this node."""
    try:
        facts = json.loads(path.read_text())
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.", UNTOUCHED, "name the folder that holds the node's "
                      f"{NAME}", Exit.USAGE) from error  # fmt: skip
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict) or not isinstance(facts.get("node"), str):
        raise Trouble(f"{path} is no credentials file.", UNTOUCHED, anew(node), Exit.REFUSED)
    if facts["node"] != node:
        raise Trouble(f"{path} is for another node, {facts['node']!r}.", UNTOUCHED, "name the card of the right node",
                      Exit.REFUSED)  # fmt: skip
    if "enrol" not in facts:
        raise Trouble(f"{path} holds a password; nothing in it could use a token.", UNTOUCHED, anew(node),
                      Exit.REFUSED)  # fmt: skip
    return facts


def found(place: Path, node: str) -> Path:
    """The credentials file that is meant: the file itself, or the one in this folder."""
    beside = [place / NAME, place / f"{node}.{NAME}"]
    return next((path for path in beside if path.is_file()), place if place.is_file() else beside[0])


def anew(node: str) -> str:
    """How to write a new card for it."""
    return f"fleet node add {node} --renew --credentials FILE"


def _roots(home: Home) -> str:
    """The roots to pin: the current one and, unless it is not made yet, the next."""
    try:
        following = home.authority / "next-root.pem"
        return (home.authority / "root.pem").read_text() + (following.read_text() if following.exists() else "")
    except (OSError, ValueError) as error:
        raise Trouble(f"The roots in {home.authority} cannot be read: {error}.", "Nothing was changed.",
                      f"put your copy of {home.authority} back", Exit.REFUSED) from error  # fmt: skip


def _write(path: Path, text: str) -> None:
    """The file belongs to who had it before: the agent must go on reading it."""
    kept = path.stat()
    files.replace(path, text, 0o600, (kept.st_uid, kept.st_gid))
