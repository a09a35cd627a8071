"""The office's own papers: certificates of broker, desk and collector, what they believe, and who is revoked.

Certificates live for 90 days, the list of the revoked for 60; when they are due stands in `ageing`. Keys stay when a
certificate is renewed, so that the broker's list of who may come in need not change; they are plain files of mode 0600,
since no broker can be asked a passphrase. The list comes first: whatever else fails, it must not grow old.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from edge.wire.messages import CheckResult
from fleet import files
from fleet.authority import certificates, keys, vault
from fleet.authority.ageing import authority_check, certificate_check, crl_check, crl_due, due, lists_in
from fleet.authority.authority import Authority, Issued
from fleet.authority.keys import NoKey
from fleet.home import EVERYWHERE, Home, Ports
from fleet.registry import Registry

BROKER, DESK, COLLECTOR = "broker", "desk", "collector"
OWN = (BROKER, DESK, COLLECTOR)
ALWAYS = ("localhost", "127.0.0.1", "::1")
Revoked = Callable[[int], Iterable[tuple[int, int]]]  # at Unix ms: serials, and since when they are revoked


class OwnCertificates:
    """Keeps the files `broker.pem`, `desk.pem`, `collector.pem`, their keys, `trust.pem` and `crl.pem` of a home."""

    def __init__(self, home: Home, authority: Authority, revoked: Revoked | None = None) -> None:
        self.home, self.authority, self.folder = home, authority, home.authority
        self._revoked: Revoked = revoked or Registry(home.registry).revoked

    def renew(self, now_ms: int, new_keys: bool = False) -> list[str]:
        """Makes what is missing, renews what is due; the names of what is new (`broker`, `crl`, `trust`, …).

        `new_keys`: all three, with new keys. Raises Trouble, OSError.
        """
        with files.locked(self.folder / "own.lock"):
            if self.authority.previous_ended(now_ms):
                self.authority.forget_previous()
            renewed = self._sign_crl(now_ms)
            renewed += self._put(vault.TRUST, self.authority.trust_of_servers(now_ms), "trust")
            return renewed + [name for name in OWN if self._renew(name, now_ms, new_keys)]

    def key_of(self, name: str) -> str:
        """The key id of the broker, the desk or the collector; "" when it has no certificate."""
        leaf = leaf_in(self.folder / f"{name}.pem")
        return keys.key_id(leaf.public_key()) if leaf else ""

    def checks(self, now_ms: int) -> list[CheckResult]:
        """The health of all this."""
        leaves = {name: leaf_in(self.folder / f"{name}.pem") for name in OWN}
        end_ms = certificates.ends_ms(self.authority.issuing)
        return [certificate_check(leaves, now_ms), self.crl_check(now_ms), authority_check(end_ms, now_ms)]

    def crl_check(self, now_ms: int) -> CheckResult:
        """Whether the list of the revoked is young enough: bad at half of its life, and when it is missing."""
        lists = lists_in(vault.read_if_there(self.folder, vault.CRL) or "")
        return crl_check(lists, self.authority.issuers(now_ms), now_ms)

    def _renew(self, name: str, now_ms: int, new_key: bool) -> bool:
        key = None if new_key else self._usable_key(name)
        leaf, hosts = leaf_in(self.folder / f"{name}.pem"), () if name == COLLECTOR else hosts_of(self.home.ports())
        if key and leaf and not due(leaf, key, self.authority.issuing, hosts, now_ms):
            return False
        key_pem, issued = self._make(name, hosts, now_ms, key)
        vault.change(self.folder, {f"{name}.key": key_pem, f"{name}.pem": issued.chain})
        return True

    def _make(self, name: str, hosts: Sequence[str], now_ms: int, key: str | None) -> tuple[str, Issued]:
        if name == COLLECTOR:
            return self.authority.client_certificate(COLLECTOR, now_ms, key)
        return self.authority.server_certificate(hosts, now_ms, key)

    def _usable_key(self, name: str) -> str | None:
        text = vault.read_if_there(self.folder, f"{name}.key")
        try:
            return text if text and keys.load(text) else None
        except NoKey:
            return None

    def _put(self, name: str, text: str, word: str) -> list[str]:
        if vault.read_if_there(self.folder, name) == text:
            return []
        files.replace(self.folder / name, text)
        return [word]

    def _sign_crl(self, now_ms: int) -> list[str]:
        revoked = list(self._revoked(now_ms))
        lists = lists_in(vault.read_if_there(self.folder, vault.CRL) or "")
        if not crl_due(lists, self.authority.issuers(now_ms), {serial for serial, _ in revoked}, now_ms):
            return []
        return self._put(vault.CRL, self.authority.crl(revoked, now_ms), "crl")


def hosts_of(ports: Ports) -> tuple[str, ...]:
    """The names and addresses by which nodes and the office itself reach its servers."""
    told = [urlsplit(url).hostname or "" for url in (ports.node_url, ports.enrol_url) if url]
    hosts = {*ALWAYS, *told, ports.broker_host, ports.enrol_host} - {*EVERYWHERE, ""}
    return tuple(sorted({_plain(host) for host in hosts}))


def leaf_in(path: Path) -> x509.Certificate | None:
    """The first certificate in a file; None when there is none."""
    text = vault.read_if_there(path.parent, path.name)
    try:
        return x509.load_pem_x509_certificate(text.encode()) if text else None
    except ValueError:
        return None


def _plain(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()
