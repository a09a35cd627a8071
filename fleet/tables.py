"""The registry's tables, and how an older file becomes one of today.

The file says its own version in SQLite's `user_version`. It is brought up to date in one transaction, so that a power
cut leaves the old one or the new one. A file of a newer `fleet` is refused: what it means is not known here.

A node has one living key at most, and a key has one node for ever: the database itself refuses anything else, whatever
the code above it believes.
"""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 1
COLLECTOR = "collector"  # no node may be called so
FORMER_COLLECTOR = "office.collector"  # in version 0

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
    sa.Column("key", sa.Text, nullable=False, server_default=""),
)
KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("granted_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("revoked_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)
sa.Index("keys_living", KEYS.c.node, unique=True, sqlite_where=KEYS.c.revoked_ms == 0)
TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False, index=True),
    sa.Column("hardware", sa.Text, nullable=False),
    sa.Column("made_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False, server_default=""),
    sa.Column("used_ms", sa.BigInteger, nullable=False, server_default="0"),
)
CERTIFICATES = sa.Table(
    "certificates",
    METADATA,
    sa.Column("serial", sa.Text, primary_key=True),  # hexadecimal: it has up to 159 bits
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("not_before_ms", sa.BigInteger, nullable=False),
    sa.Column("not_after_ms", sa.BigInteger, nullable=False),
    sa.Column("chain", sa.Text, nullable=False),
    sa.Column("revoked_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("certificates_node", "node", "issued_ms"),
)
INCIDENTS = sa.Table(
    "incidents",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
)
FIRST = (NODES, CREDENTIALS)  # without these a file is no registry of any version


def make(connection: sa.Connection) -> None:
    """All tables, in an empty file."""
    METADATA.create_all(connection)
    _say_version(connection)


def version(connection: sa.Connection) -> int:
    """The version that the file says it has."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def lacking(connection: sa.Connection) -> list[str]:
    """The tables that are missing, though a registry of the file's version has them."""
    wanted = {table.name for table in (METADATA.sorted_tables if version(connection) else FIRST)}
    return sorted(wanted - set(sa.inspect(connection).get_table_names()))


def renew(connection: sa.Connection) -> None:
    """Makes a registry of an older version one of today; one of today stays as it is. Raises ValueError."""
    if version(connection) == VERSION:
        return
    if connection.execute(sa.select(NODES.c.id).where(NODES.c.id == COLLECTOR)).first():
        raise ValueError(f"it has a node called {COLLECTOR}, which is the office's own name by now")
    connection.exec_driver_sql("ALTER TABLE credentials ADD COLUMN \"key\" TEXT NOT NULL DEFAULT ''")
    office = CREDENTIALS.update().where(CREDENTIALS.c.user == FORMER_COLLECTOR)
    connection.execute(office.values(user=COLLECTOR))
    METADATA.create_all(connection)
    _say_version(connection)


def _say_version(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
