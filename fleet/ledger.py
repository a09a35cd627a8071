"""What is read and written of papers within one transaction of the registry.

The desk must do three things at once: mark a token used, know the key, file the certificate. So it is handed the open
transaction, and whatever ends it early, a power cut too, leaves none of the three.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fleet.papers import Certificate, Incident, Key, Token
from fleet.tables import CERTIFICATES, CREDENTIALS, INCIDENTS, KEYS, NODES, TOKENS

MOST_INCIDENTS = 1_000  # of a kind
TOGETHER_MS = 3_600_000  # incidents of a kind and a node that are so near are one
FAR = 1 << 50
TURN: sa.ColumnClause[int] = sa.literal_column("certificates.rowid", sa.BigInteger)  # no clock that was ahead is later
LONGEST_WHAT = 500  # characters


class Ledger:
    """The papers, over a transaction that is open."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def state(self, node: str) -> str | None:
        """`added`, `revoked` or `retired`; None where there is no such node."""
        found = self._connection.execute(sa.select(NODES.c.state).where(NODES.c.id == node)).scalar_one_or_none()
        return str(found) if found is not None else None

    def key(self, key: str) -> Key | None:
        """What is known of this key, revoked or not."""
        row = self._connection.execute(sa.select(KEYS).where(KEYS.c.key == key)).one_or_none()
        return Key(**row._mapping) if row else None

    def living_key(self, node: str) -> Key | None:
        """The one key that the node proves itself with."""
        found = sa.select(KEYS).where(KEYS.c.node == node, KEYS.c.revoked_ms == 0)
        row = self._connection.execute(found).one_or_none()
        return Key(**row._mapping) if row else None

    def token(self, hashed: str) -> Token | None:
        """The token with this hash."""
        row = self._connection.execute(sa.select(TOKENS).where(TOKENS.c.hash == hashed)).one_or_none()
        return Token(**row._mapping) if row else None

    def newest(self, node: str, key: str) -> Certificate | None:
        """The certificate that this key was given last."""
        found = sa.select(CERTIFICATES).where(CERTIFICATES.c.node == node, CERTIFICATES.c.key == key)
        last = found.order_by(TURN.desc()).limit(1)
        row = self._connection.execute(last).one_or_none()
        return _certificate(row._mapping) if row else None

    def certificates(self, node: str | None = None) -> list[Certificate]:
        """Of one node or of all, by node, the newest first."""
        wanted = sa.select(CERTIFICATES).order_by(CERTIFICATES.c.node, CERTIFICATES.c.issued_ms.desc())
        if node is not None:
            wanted = wanted.where(CERTIFICATES.c.node == node)
        return [_certificate(row._mapping) for row in self._connection.execute(wanted)]

    def newest_of_all(self) -> list[Certificate]:
        """The certificate that each node was given last, one that is not revoked if it has any; without its text."""
        facts = [column for column in CERTIFICATES.c if column.name != "chain"]
        good = sa.case((CERTIFICATES.c.revoked_ms == 0, FAR), else_=0)
        last = sa.func.max(good + TURN).label("last")  # SQLite takes the rest from the same row
        newest = sa.select(*facts, last).group_by(CERTIFICATES.c.node).subquery()
        wanted = sa.select(*[newest.c[column.name] for column in facts]).order_by(newest.c.node)
        return [_certificate(row._mapping) for row in self._connection.execute(wanted)]

    def revoked(self, now_ms: int = 0) -> list[tuple[int, int]]:
        """(serial, revoked at) of those certificates that had not ended at `now_ms`, by that time."""
        gone = CERTIFICATES.c.revoked_ms > 0, CERTIFICATES.c.not_after_ms > now_ms
        wanted = sa.select(CERTIFICATES.c.serial, CERTIFICATES.c.revoked_ms).where(*gone)
        rows = self._connection.execute(wanted.order_by(CERTIFICATES.c.revoked_ms, CERTIFICATES.c.serial))
        return [(int(serial, 16), at_ms) for serial, at_ms in rows]

    def add_token(self, token: Token) -> None:
        """Enters a token that nobody has used."""
        facts = {name: getattr(token, name) for name in TOKENS.c.keys()}  # noqa: SIM118
        self._connection.execute(TOKENS.insert().values(**facts))

    def void_tokens(self, node: str, now_ms: int, but: str = "") -> None:
        """Forgets tokens of the node: those that nobody used, except the one with the hash `but`, and those too old."""
        open_or_old = sa.or_(TOKENS.c.used_ms == 0, TOKENS.c.expires_ms < now_ms)
        self._connection.execute(TOKENS.delete().where(TOKENS.c.node == node, TOKENS.c.hash != but, open_or_old))

    def use_token(self, hashed: str, key: str, now_ms: int) -> None:
        """Marks a token as used by a key."""
        self._connection.execute(TOKENS.update().where(TOKENS.c.hash == hashed).values(key=key, used_ms=now_ms))

    def register(self, node: str, key: str, now_ms: int) -> None:
        """From now on this key is the node; a password that it had is void."""
        self._connection.execute(KEYS.insert().values(key=key, node=node, since_ms=now_ms))
        self._connection.execute(CREDENTIALS.delete().where(CREDENTIALS.c.user == node))
        self._connection.execute(CREDENTIALS.insert().values(user=node, password="", client_id="", key=key))

    def grant(self, key: str, now_ms: int) -> None:
        """Notes that an operator lets this key renew late; 0 takes it back, or uses it up."""
        self._connection.execute(KEYS.update().where(KEYS.c.key == key).values(granted_ms=now_ms))

    def file(self, certificate: Certificate) -> None:
        """Keeps a certificate. Of those of the node that ended the text is forgotten; number and times stay, for the
        clock by which they ended may be wrong, and what was forgotten could never be revoked."""
        old = CERTIFICATES.c.node == certificate.node, CERTIFICATES.c.not_after_ms < certificate.issued_ms
        self._connection.execute(CERTIFICATES.update().where(*old).values(chain=""))
        facts = {name: getattr(certificate, name) for name in CERTIFICATES.c.keys()}  # noqa: SIM118
        self._connection.execute(CERTIFICATES.insert().values(**facts | {"serial": f"{certificate.serial:x}"}))

    def disown(self, node: str, why: str, now_ms: int) -> None:
        """Revokes all that the node ever proved itself with. What was revoked before keeps its date."""
        living = KEYS.update().where(KEYS.c.node == node, KEYS.c.revoked_ms == 0)
        self._connection.execute(living.values(revoked_ms=now_ms, why=why[:LONGEST_WHAT], granted_ms=0))
        valid = CERTIFICATES.update().where(CERTIFICATES.c.node == node, CERTIFICATES.c.revoked_ms == 0)
        self._connection.execute(valid.values(revoked_ms=now_ms))
        self._connection.execute(CREDENTIALS.delete().where(CREDENTIALS.c.user == node))

    def disowned(self) -> dict[str, int]:
        """When the last key of each node was revoked, of those that lost any."""
        gone = sa.select(KEYS.c.node, sa.func.max(KEYS.c.revoked_ms)).where(KEYS.c.revoked_ms > 0)
        return {str(node): int(at_ms) for node, at_ms in self._connection.execute(gone.group_by(KEYS.c.node))}

    def set_state(self, node: str, state: str) -> None:
        """`added`, `revoked` or `retired`."""
        self._connection.execute(NODES.update().where(NODES.c.id == node).values(state=state))

    def note(self, kind: str, node: str, what: str, now_ms: int, times: int = 1) -> None:
        """Writes an incident down; the oldest of its kind go when there are too many. Of its kind only: anybody can
        claim a thousand nodes without a proof, and no alarm must go for that."""
        near = sa.and_(INCIDENTS.c.kind == kind, INCIDENTS.c.node == node,
                       INCIDENTS.c.last_ms.between(now_ms - TOGETHER_MS, now_ms + TOGETHER_MS))  # fmt: skip
        newest = sa.select(INCIDENTS.c.id).where(near).order_by(INCIDENTS.c.id.desc()).limit(1)
        known = self._connection.execute(newest).scalar_one_or_none()
        told = {"what": what[:LONGEST_WHAT], "last_ms": now_ms}
        if known is not None:
            again = INCIDENTS.update().where(INCIDENTS.c.id == known)
            self._connection.execute(again.values(**told, times=INCIDENTS.c.times + times))
            return
        self._connection.execute(INCIDENTS.insert().values(kind=kind, node=node, first_ms=now_ms, times=times, **told))
        alike = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.kind == kind).order_by(INCIDENTS.c.id.desc())
        oldest = alike.limit(1).offset(MOST_INCIDENTS).scalar_subquery()
        self._connection.execute(INCIDENTS.delete().where(INCIDENTS.c.kind == kind, INCIDENTS.c.id <= oldest))

    def answer(self, kind: str, node: str, what: str, now_ms: int) -> None:
        """Writes down what an operator did about a node, where something happened with it that this may answer: else
        a thousand cards made anew would push out what answered something."""
        if self._connection.execute(sa.select(INCIDENTS.c.id).where(INCIDENTS.c.node == node).limit(1)).first():
            self.note(kind, node, what, now_ms)

    def redate(self, now_ms: int, after_ms: int) -> None:
        """Incidents dated later than `after_ms` happened by `now_ms`: the clock was ahead, and nobody could settle them
        until it is that late."""
        ahead = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.last_ms > after_ms)
        found = self._connection.execute(ahead.order_by(INCIDENTS.c.last_ms.desc(), INCIDENTS.c.id.desc())).scalars()
        for later, each in enumerate(found.all()):
            last_ms = now_ms - later  # what answered another still comes after it
            dated = INCIDENTS.update().where(INCIDENTS.c.id == each)
            self._connection.execute(dated.values(last_ms=last_ms, first_ms=sa.func.min(INCIDENTS.c.first_ms, last_ms)))

    def incidents(self, since_ms: int = 0) -> list[Incident]:
        """What happened since then, the newest first."""
        columns = [column for column in INCIDENTS.c if column.name != "id"]
        since = sa.select(*columns).where(INCIDENTS.c.last_ms >= since_ms)
        rows = self._connection.execute(since.order_by(INCIDENTS.c.last_ms.desc(), INCIDENTS.c.id.desc()))
        return [Incident(**row._mapping) for row in rows]


def _certificate(row: sa.RowMapping) -> Certificate:
    facts: dict[str, Any] = {"chain": ""} | dict(row)
    return Certificate(**facts | {"serial": int(facts["serial"], 16)})
