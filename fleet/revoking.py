"""Takes a node out: its rights at once, its live session within seconds, and for ever.

The registry is told first; from then on the desk gives it nothing. Then the list of the revoked and the broker's user
lists are put in place, and the broker reads them. NATS ends the session of a user that is gone from its list.
Mosquitto does not, so there the session is ended by name, after the list is read: neither alone is enough.

Every step may be done again. Whoever revokes may die between two of them, so a running office that finds somebody
revoked of whom it has not told the broker does the rest by `settle`.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Protocol

from fleet import broker, enrol, files
from fleet.home import Home
from fleet.kick import kick
from fleet.registry import Registry
from fleet.servers import MOSQUITTO, NOBODY
from fleet.trouble import Trouble

LOG = logging.getLogger(__name__)


class Signs(Protocol):
    """Whoever signs the list of the revoked: `fleet.authority`."""

    def crl(self, revoked: Iterable[tuple[int, int]], now_ms: int) -> str:
        """Serial numbers, and since when (Unix ms); PEM."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `told`: a broker of ours runs and reads its lists. `ended`: no session can be left."""

    told: bool
    ended: bool
    remedy: str = ""


def revoke(home: Home, registry: Registry, signs: Signs, node: str, why: str, now_ms: int) -> Outcome:
    """Revokes a node with all its certificates. Doing it again is harmless. Raises Trouble, OSError."""
    registry.revoke(node, why, now_ms)
    return enforce(home, registry, signs, [node], now_ms)


def enforce(home: Home, registry: Registry, signs: Signs, gone: Iterable[str], now_ms: int) -> Outcome:
    """Has the broker know whom the registry revoked, and ends the sessions of those who are `gone`."""
    put_crl(home, registry, signs, now_ms)
    return _tell(home, registry, gone)


def settle(home: Home, registry: Registry, since: Container[int] = ()) -> Outcome:
    """The same for all who have nothing left but what was revoked, once their list is in place.

    `since`: serial numbers of which that was done before.
    """
    known = {each.user for each in registry.members()}
    gone = {each.node for each in registry.certificates() if each.revoked_ms and each.serial not in since}
    return _tell(home, registry, gone - known)


def _tell(home: Home, registry: Registry, gone: Iterable[str]) -> Outcome:
    told = enrol.publish(home, registry)
    if _elsewhere(home, told):
        return Outcome(told, False, "have the keeper of the broker read crl.pem and the lists that "
                       "fleet broker config writes, and end the session")  # fmt: skip
    if broker.running(home.broker, MOSQUITTO) is None:
        return Outcome(told, True)
    return Outcome(told, *_show_out(home, sorted(gone)))


def _elsewhere(home: Home, told: bool) -> bool:
    """Whether the broker is somebody else's. Who spoils fleet.toml shall not keep anybody in at one that runs here."""
    try:
        return home.ports().broker_kind == NOBODY
    except Trouble:
        if not told:
            raise
        return False


def put_crl(home: Home, registry: Registry, signs: Signs, now_ms: int) -> None:
    """The list of the revoked, signed anew and put in place whole."""
    with files.locked(home.authority / "own.lock"):  # its other writer's, `fleet.authority.own`
        files.replace(home.authority / "crl.pem", signs.crl(registry.revoked(now_ms), now_ms), 0o644)


def _show_out(home: Home, gone: list[str]) -> tuple[bool, str]:
    if kick(home.broker, gone):
        return True, ""
    LOG.warning("Mosquitto does not end the session of %s; it is started again.", ", ".join(gone))
    if broker.end(home.broker, MOSQUITTO):
        return True, ""
    return False, f"stop the Mosquitto that works in {home.broker}"
