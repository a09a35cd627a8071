"""Which nodes there are, where they hang, and what they prove themselves with.

The registry is the truth; the broker's user list is written from it. A rollback journal with `synchronous=EXTRA`:
there is little to write, and with the journal's deletion synced too, what `fleet node add` reported is there after a
power cut. A file that is damaged or empty is refused, never taken for an office without nodes: the user list that is
written from it would lock every node out.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from fleet import tables
from fleet.claims import Kind
from fleet.ledger import Ledger
from fleet.papers import ADDED, REVOKED, Certificate, Incident, Key, Token
from fleet.tables import COLLECTOR, CREDENTIALS, NODES
from fleet.trouble import Exit, Trouble

__all__ = ["COLLECTOR", "Credential", "Node", "Registry"]

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class Node:
    """A node and its site. `state` is `added`, `revoked` or `retired`."""

    id: str
    site: str
    lat: float | None = None
    lon: float | None = None
    labels: dict[str, str] = field(default_factory=dict)
    added_ms: int = 0
    state: str = ADDED


def revoked(nodes: Iterable[Node]) -> frozenset[str]:
    """The ids of those that are let in no more."""
    return frozenset(node.id for node in nodes if node.state == REVOKED)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a broker asks for: a password, or a certificate of the key called `key` (see fleet.authority.keys).

    The client id is as secret as a password: whoever has it takes the session over. A node with a key of its own draws
    its client id itself, and nobody else knows it.
    """

    user: str
    password: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    key: str = ""


class Registry:
    """The nodes table and its secrets; every call is one transaction. Any thread may use it.

    Makes the file where there is none. Raises Trouble, then and later, when what is there is no registry or cannot be
    used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            _make(path)
        self.engine = _engine(path)
        with self._transaction() as connection:
            path.chmod(0o600)
            lacking, version = tables.lacking(connection), tables.version(connection)
        if lacking:
            raise _unusable(path, f"it has no table of {' and '.join(lacking)}", damaged=True)
        if version > tables.VERSION:
            raise Trouble(f"The registry {path} was made by a newer fleet.", "Nothing was changed.",
                          "run that release of fleet, or put an older copy of the registry back",
                          Exit.REFUSED)  # fmt: skip
        if version < tables.VERSION:
            with self._transaction(writing=True) as connection:
                tables.renew(connection)

    def nodes(self) -> list[Node]:
        """All nodes, by id."""
        with self._transaction() as connection:
            return [_node(row) for row in connection.execute(sa.select(NODES).order_by(NODES.c.id))]

    def node(self, node: str) -> Node | None:
        """The node with exactly this id."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(NODES).where(NODES.c.id == node)).one_or_none()
            return _node(row) if row else None

    def add(self, node: Node, secret: Credential | Token) -> None:
        """Enters a node with its password, or with its token. Raises ValueError when the id is taken."""
        try:
            with self._transaction(writing=True) as connection:
                connection.execute(NODES.insert().values(**_row(node)))
                _enter(connection, secret)
        except sa.exc.IntegrityError:
            raise ValueError(f"{node.id} is in the registry already") from None

    def set_credential(self, credential: Credential) -> None:
        """Gives a user a new credential; the old one is void from the next reload of the broker."""
        with self._transaction(writing=True) as connection:
            connection.execute(CREDENTIALS.delete().where(CREDENTIALS.c.user == credential.user))
            connection.execute(CREDENTIALS.insert().values(**_secret(credential)))

    def credential(self, user: str) -> Credential | None:
        """The credential of a node or of the collector."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(CREDENTIALS).where(CREDENTIALS.c.user == user)).one_or_none()
            return Credential(*row) if row else None

    def credentials(self) -> list[Credential]:
        """All of them, by user."""
        with self._transaction() as connection:
            return [Credential(*row) for row in connection.execute(sa.select(CREDENTIALS).order_by(CREDENTIALS.c.user))]

    def members(self) -> list[Credential]:
        """Who may come in at the broker, by user: whoever has a password, or a key that is not revoked."""
        return [each for each in self.credentials() if each.password or each.key]

    def certificates(self, node: str | None = None) -> list[Certificate]:
        """The certificates of one node or of all, by node, the newest first."""
        with self.turn(writing=False) as ledger:
            return ledger.certificates(node)

    def newest_certificates(self) -> list[Certificate]:
        """The certificate that each node was given last, by node; without its text."""
        with self.turn(writing=False) as ledger:
            return ledger.newest_of_all()

    def revoked(self, now_ms: int = 0) -> list[tuple[int, int]]:
        """(serial, revoked at, Unix ms) of the certificates that are revoked and had not ended by themselves."""
        with self.turn(writing=False) as ledger:
            return ledger.revoked(now_ms)

    def revoke(self, node: str, why: str, now_ms: int) -> None:
        """Takes all rights from a node, its key and its certificates, for ever. Doing it again changes nothing, but
        answers what happened meanwhile."""
        with self.turn() as ledger:
            ledger.disown(node, why, now_ms)
            ledger.set_state(node, REVOKED)
            ledger.answer(Kind.DISOWNED, node, "An operator revoked it.", now_ms)

    def disowned(self) -> dict[str, int]:
        """When (Unix ms) a node lost the last of the keys that it lost."""
        with self.turn(writing=False) as ledger:
            return ledger.disowned()

    def readmit(self, node: str, secret: Credential | Token, now_ms: int) -> None:
        """Lets a node come in anew, with this password or token: all that it had before is revoked."""
        with self._transaction(writing=True) as connection:
            ledger = Ledger(connection)
            ledger.disown(node, "replaced", now_ms)
            ledger.void_tokens(node, now_ms)
            ledger.set_state(node, ADDED)
            ledger.answer(Kind.DISOWNED, node, "An operator lets it in anew.", now_ms)
            _enter(connection, secret)

    def living_key(self, node: str) -> Key | None:
        """The key that the node proves itself with; None when it has none, or none that is not revoked."""
        with self.turn(writing=False) as ledger:
            return ledger.living_key(node)

    def grant(self, node: str, now_ms: int) -> None:
        """Lets the node's key renew its certificate although it is late, and notes that."""
        with self.turn() as ledger:
            key = ledger.living_key(node)
            if key is not None:
                ledger.grant(key.key, now_ms)
                ledger.note(Kind.GRANTED, node, "An operator lets it renew its certificate late.", now_ms)

    def reissued(self, node: str, now_ms: int) -> None:
        """Writes down that an operator put a fresh token on the node's card, if that can answer anything."""
        with self.turn() as ledger:
            ledger.answer(Kind.REISSUED, node, "An operator put a fresh token on its card.", now_ms)

    def note_incident(self, kind: str, node: str, what: str, now_ms: int) -> None:
        """Writes down an event of security; `node` is "" when it concerns none that we know."""
        with self.turn() as ledger:
            ledger.note(kind, node, what, now_ms)

    def incidents(self, since_ms: int = 0) -> list[Incident]:
        """The events of security since then, the last thousand of each kind, the newest first."""
        with self.turn(writing=False) as ledger:
            return ledger.incidents(since_ms)

    @contextmanager
    def turn(self, writing: bool = True) -> Iterator[Ledger]:
        """The papers in one transaction: all that is done is there at the end, or nothing. One writes at a time."""
        with self._transaction(writing) as connection:
            yield Ledger(connection)

    @contextmanager
    def _transaction(self, writing: bool = False) -> Iterator[sa.Connection]:
        try:
            with self.engine.execution_options(writing=writing).begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except (sa.exc.DatabaseError, OSError, ValueError) as error:
            cause = getattr(error, "orig", None) or error
            raise _unusable(self.path, str(cause), getattr(cause, "sqlite_errorcode", 0) & 255 in DAMAGED) from error


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _settle)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _make(path: Path) -> None:
    """An empty registry, there with all its tables or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    with _engine(beside).begin() as connection:
        tables.make(connection)
    os.rename(beside, path)


def _unusable(path: Path, why: str, damaged: bool) -> Trouble:
    stands = "Nothing was changed: the broker's user list stays as it is, nodes keep their readings."
    if not damaged:
        return Trouble(f"The registry {path} cannot be used: {why}.", stands, f"df -h {path.parent}; ls -l {path}")
    remedy = f"put your copy of it back; without one, try: sqlite3 {path} .recover | sqlite3 {path.parent}/mended.db"
    return Trouble(f"The registry {path} is damaged: {why}.", stands, remedy, Exit.REFUSED)


def _settle(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say ourselves when a transaction begins
    for setting in ("journal_mode=DELETE", "synchronous=EXTRA", "busy_timeout=5000", "trusted_schema=0"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: sa.Connection) -> None:
    """Who is to write says so at once: who began by reading might find that another has written since."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _enter(connection: sa.Connection, secret: Credential | Token) -> None:
    if isinstance(secret, Token):
        Ledger(connection).add_token(secret)
    else:
        connection.execute(CREDENTIALS.insert().values(**_secret(secret)))


def _row(node: Node) -> dict[str, object]:
    return {"id": node.id, "site": node.site, "lat": node.lat, "lon": node.lon, "added_ms": node.added_ms,
            "labels": json.dumps(node.labels, sort_keys=True), "state": node.state}  # fmt: skip


def _secret(credential: Credential) -> dict[str, object]:
    return {"user": credential.user, "password": credential.password, "client_id": credential.client_id,
            "key": credential.key}  # fmt: skip


def _node(row: sa.Row[tuple[object, ...]]) -> Node:
    facts = dict(row._mapping)
    return Node(**(facts | {"labels": json.loads(facts["labels"])}))
