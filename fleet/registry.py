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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from fleet.trouble import Exit, Trouble

METADATA = sa.MetaData()
NODES = sa.Table(
    "nodes",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("lat", sa.Float),
    sa.Column("lon", sa.Float),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("added_ms", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
CREDENTIALS = sa.Table(
    "credentials",
    METADATA,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
COLLECTOR = "office.collector"  # a dot: no node can be called so


@dataclass(frozen=True, slots=True)
class Node:
    """A node and its site. `state` is `added` until it is retired."""

    id: str
    site: str
    lat: float | None = None
    lon: float | None = None
    labels: dict[str, str] = field(default_factory=dict)
    added_ms: int = 0
    state: str = "added"


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
            lacking = set(METADATA.tables) - set(sa.inspect(connection).get_table_names())
        if lacking:
            raise _unusable(path, f"it has no table of {' and '.join(sorted(lacking))}", damaged=True)

    def nodes(self) -> list[Node]:
        """All nodes, by id."""
        with self._transaction() as connection:
            return [_node(row) for row in connection.execute(sa.select(NODES).order_by(NODES.c.id))]

    def node(self, node: str) -> Node | None:
        """The node with exactly this id."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(NODES).where(NODES.c.id == node)).one_or_none()
            return _node(row) if row else None

    def add(self, node: Node, credential: Credential) -> None:
        """Enters a node and its credential together. Raises ValueError when the id is taken."""
        try:
            with self._transaction() as connection:
                connection.execute(NODES.insert().values(**_row(node)))
                connection.execute(CREDENTIALS.insert().values(**_secret(credential)))
        except sa.exc.IntegrityError:
            raise ValueError(f"{node.id} is in the registry already") from None

    def set_credential(self, credential: Credential) -> None:
        """Gives a user a new credential; the old one is void from the next reload of the broker."""
        with self._transaction() as connection:
            connection.execute(CREDENTIALS.delete().where(CREDENTIALS.c.user == credential.user))
            connection.execute(CREDENTIALS.insert().values(**_secret(credential)))

    def credential(self, user: str) -> Credential | None:
        """The credential of a node or of the collector."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(CREDENTIALS).where(CREDENTIALS.c.user == user)).one_or_none()
            return Credential(*row) if row else None

    def credentials(self) -> list[Credential]:
        """All of them, by user: what the broker's user list is written from."""
        with self._transaction() as connection:
            return [Credential(*row) for row in connection.execute(sa.select(CREDENTIALS).order_by(CREDENTIALS.c.user))]

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except (sa.exc.DatabaseError, OSError, ValueError) as error:
            cause = getattr(error, "orig", None) or error
            raise _unusable(self.path, str(cause), getattr(cause, "sqlite_errorcode", 0) & 255 in DAMAGED) from error


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _settle)
    return engine


def _make(path: Path) -> None:
    """An empty registry, there with all its tables or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    METADATA.create_all(_engine(beside))
    os.rename(beside, path)


def _unusable(path: Path, why: str, damaged: bool) -> Trouble:
    stands = "Nothing was changed: the broker's user list stays as it is, nodes keep their readings."
    if not damaged:
        return Trouble(f"The registry {path} cannot be used: {why}.", stands, f"df -h {path.parent}; ls -l {path}")
    remedy = f"put your copy of it back; without one, try: sqlite3 {path} .recover | sqlite3 {path.parent}/mended.db"
    return Trouble(f"The registry {path} is damaged: {why}.", stands, remedy, Exit.REFUSED)


def _settle(connection: sqlite3.Connection, _record: object) -> None:
    for setting in ("journal_mode=DELETE", "synchronous=EXTRA", "busy_timeout=5000", "trusted_schema=0"):
        connection.execute(f"PRAGMA {setting}")


def _row(node: Node) -> dict[str, object]:
    return {"id": node.id, "site": node.site, "lat": node.lat, "lon": node.lon, "added_ms": node.added_ms,
            "labels": json.dumps(node.labels, sort_keys=True), "state": node.state}  # fmt: skip


def _secret(credential: Credential) -> dict[str, object]:
    return {"user": credential.user, "password": credential.password, "client_id": credential.client_id}


def _node(row: sa.Row[tuple[object, ...]]) -> Node:
    facts = dict(row._mapping)
    return Node(**(facts | {"labels": json.loads(facts["labels"])}))
