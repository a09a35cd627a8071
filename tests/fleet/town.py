"""An authority with a broker and people who come to it: real certificates, real brokers, real sessions.

Certificates that our authority would not sign (of another time, for any user at all) are made by going past its rules.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet import broker as brokers
from fleet import files
from fleet.authority import certificates, keys
from fleet.authority.authority import Authority
from fleet.authority.certificates import Issued, Life
from fleet.broker import Broker, free_port, write_users
from fleet.clock import SystemClock
from fleet.registry import COLLECTOR, Credential
from fleet.servers import Server
from fleet.tls import Tls
from tests.fleet.pole import Pole

HOST = "127.0.0.1"
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Papers:
    """What somebody has: a key, a certificate, and the id under which it is known."""

    user: str
    issued: Issued
    tls: Tls

    @property
    def credential(self) -> Credential:
        return Credential(self.user, client_id=f"{self.user}-{'0' * 32}", key=self.issued.key)


class Town:
    """One authority, one broker of the given kind."""

    def __init__(self, folder: Path, server: Server, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.server = folder, server
        self.now_ms = SystemClock().wall_ms()
        self.authority = authority or Authority.make(folder / "authority", None, self.now_ms)
        self.papers = folder / "papers"
        self.papers.mkdir(exist_ok=True)
        (self.papers / "trust.pem").write_text(self.authority.trust())
        self.members: dict[str, Papers] = {}
        self.gone: list[tuple[int, int]] = []
        self.put_crl()
        self.broker = Broker(self.room, HOST, free_port(HOST), server, self.serve())

    @property
    def room(self) -> Path:
        """The broker's folder."""
        room = self.folder / "broker"
        room.mkdir(exist_ok=True)
        return room

    def serve(self) -> Tls:
        """A new certificate for the broker."""
        key, issued = self.authority.server_certificate([HOST, "localhost"], self.now_ms)
        return self._put("broker", key, issued)

    def client(self, user: str, name: str = "", life: Life | None = None) -> Papers:
        """A certificate for anybody, of any time; who is to come in must be a member."""
        key, authority = keys.new_key(), self.authority
        life = life or authority._life(self.now_ms, 365)
        issued = authority._issued(certificates.client(user, key.public_key(), authority._signer, life))
        return Papers(user, issued, self._put(name or f"{user}.{issued.key}", keys.dump(key), issued))

    def join(self, *users: str) -> list[Papers]:
        """New members, each with a new key."""
        self.members |= {user: self.client(user) for user in users}
        self.publish()
        return [self.members[user] for user in users]

    def publish(self) -> None:
        """Who may come in, as the office tells it."""
        write_users(self.room, [papers.credential for papers in self.members.values()])
        brokers.reload(self.room)

    def revoke(self, user: str) -> None:
        """The lists are in place, and the broker read them."""
        self.gone.append((self.members.pop(user).issued.serial, self.now_ms))
        self.put_crl()
        self.publish()

    def put_crl(self) -> None:
        files.replace(self.papers / "crl.pem", self.authority.crl(self.gone, self.now_ms), 0o644)

    def _put(self, name: str, key: str, issued: Issued) -> Tls:
        files = self.papers / f"{name}.pem", self.papers / f"{name}.key"
        for file, text in zip(files, (issued.chain, key), strict=True):
            file.write_text(text)
        return Tls(*files, self.papers / "trust.pem", self.papers / "crl.pem")


@contextmanager
def town(folder: Path, server: Server, *users: str) -> Iterator[Town]:
    """A town whose broker runs; the collector is always a member."""
    place = Town(folder, server)
    place.join(COLLECTOR, *users)
    place.broker.start()
    try:
        yield place
    finally:
        place.broker.stop()


def context(papers: Papers | None, town: Town) -> ssl.SSLContext:
    """A client's context that believes the town's authority; without papers it shows no certificate."""
    made = ssl.create_default_context(cafile=town.papers / "trust.pem")
    if papers:
        made.load_cert_chain(papers.tls.certificate, papers.tls.key)
    return made


def visit(town: Town, papers: Papers | None, client_id: str = "", again: bool = True, **more: Any) -> Pole:
    """Somebody at the broker's door; `again`: knocks once more after a second when it is shut out."""
    name = client_id or (papers.credential.client_id if papers else "nobody")
    url = f"mqtts://{HOST}:{town.broker.port}"
    return Pole({"client_id": name, "url": url} | more, tls=context(papers, town), again=again)
