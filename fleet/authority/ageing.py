"""When what the office signed for itself is too old, and how old it is. Pure.

Its certificates are renewed at two thirds of their lives, or at once when they no longer fit: another name in
fleet.toml, another authority, a clock that was wrong. The list of the revoked is signed anew when it is a day old, and
at once when it lacks somebody. A broker that finds it ended refuses everybody: at half of its life the office says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509

from edge.wire.messages import CheckResult, State
from fleet import show
from fleet.authority import certificates, keys
from fleet.authority.certificates import DAY_MS, HOUR_MS

EARLY_DAYS = 2 * 365  # so long before its issuing certificate ends an authority should be rolled over
LIST = "revocation list"
REMEDY = "Look whether `fleet serve` runs, and into what it says; then: fleet cert renew office."


def due(leaf: x509.Certificate, key_pem: str, issuing: x509.Certificate, hosts: Sequence[str], now_ms: int) -> str:
    """Why a certificate of ours must be made anew; "" when it need not."""
    begin_ms, end_ms = certificates.begins_ms(leaf), certificates.ends_ms(leaf)
    if keys.public_der(keys.load(key_pem).public_key()) != keys.public_der(leaf.public_key()):
        return "it is for another key"
    if not certificates.signed_by(leaf, issuing):
        return "another authority signed it"
    if hosts and set(hosts) != set(hosts_in(leaf)):
        return "it is for other names"
    if now_ms < begin_ms:
        return "it is not valid yet"
    return "two thirds of its life are over" if now_ms >= begin_ms + (end_ms - begin_ms) * 2 // 3 else ""


def hosts_in(leaf: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses in a server's certificate."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(sorted(str(name.value) for name in names))


def lists_in(text: str) -> list[x509.CertificateRevocationList]:
    """The revocation lists in a PEM text; none when one of them cannot be read."""
    end = "-----END X509 CRL-----"
    parts = [part + end for part in text.split(end)[:-1]]
    try:
        return [x509.load_pem_x509_crl(part.encode()) for part in parts]
    except ValueError:
        return []


def crl_due(
    lists: Sequence[x509.CertificateRevocationList],
    issuers: Sequence[x509.Certificate],
    serials: set[int],
    now_ms: int,
) -> bool:
    """Whether the lists must be signed anew: a day old, from the future, of other authorities, or without somebody."""
    if not _complete(lists, issuers):
        return True
    ages = [now_ms - _signed_ms(each) for each in lists]
    listed = [{entry.serial_number for entry in each} for each in lists]
    return max(ages) >= DAY_MS or min(ages) < 0 or any(not serials <= known for known in listed)


def crl_check(
    lists: Sequence[x509.CertificateRevocationList], issuers: Sequence[x509.Certificate], now_ms: int
) -> CheckResult:
    """Judges the age of the lists of the revoked at `now_ms` (Unix ms)."""
    if not _complete(lists, issuers):
        reason = "The list of the revoked is missing or cannot be read: brokers that need it let nobody in."
        return CheckResult(LIST, State.BAD, reason, REMEDY)
    return age_check(lists, now_ms)


def age_check(lists: Sequence[x509.CertificateRevocationList], now_ms: int, name: str = LIST) -> CheckResult:
    """Judges their age at `now_ms` (Unix ms), whoever signed them; there must be one."""
    signed_ms = min(_signed_ms(each) for each in lists)
    ends_ms = min(_ends_ms(each) for each in lists)
    if now_ms >= ends_ms:
        reason = f"The list of the revoked ended on {show.when(ends_ms)}: brokers that need it let nobody in."
        return CheckResult(name, State.BAD, reason, REMEDY)
    if now_ms < signed_ms - HOUR_MS:
        reason = (
            f"The list of the revoked is of {show.when(signed_ms)}, which is yet to come: a clock was wrong, or is."
        )
        return CheckResult(name, State.BAD, reason, f"Look at the clock of this machine. {REMEDY}")
    days = (now_ms - signed_ms) // DAY_MS
    if now_ms - signed_ms >= (ends_ms - signed_ms) // 2:
        reason = f"The list of the revoked is {days} days old; from {show.when(ends_ms)} on nobody is let in."
        return CheckResult(name, State.BAD, reason, REMEDY)
    return CheckResult(
        name, State.GOOD, f"The list of the revoked is {days} days old and counts for {certificates.CRL_DAYS}."
    )


def certificate_check(leaves: dict[str, x509.Certificate | None], now_ms: int) -> CheckResult:
    """Whether the office's own certificates are there and renewed in time: bad at five sixths of their lives."""
    for name, leaf in leaves.items():
        if leaf is None:
            return CheckResult("certificates", State.BAD, f"The {name} of the office has no certificate.", REMEDY)
        begin_ms, end_ms = certificates.begins_ms(leaf), certificates.ends_ms(leaf)
        if not begin_ms <= now_ms < begin_ms + (end_ms - begin_ms) * 5 // 6:
            reason = f"The certificate of the office's {name} counts until {show.when(end_ms)} and was not renewed."
            return CheckResult("certificates", State.BAD, reason, REMEDY)
    return CheckResult("certificates", State.GOOD, "The office's own certificates are in order.")


def authority_check(end_ms: int, now_ms: int) -> CheckResult:
    """Whether it is time for a roll-over: bad two years before the issuing certificate ends. One that is made while the
    clock is years ahead signs nothing that counts today, so the clock is named first."""
    if now_ms >= end_ms - EARLY_DAYS * DAY_MS:
        reason = f"The issuing certificate ends on {show.when(end_ms)}; certificates of nodes end with it."
        remedy = "If this machine's clock is right (timedatectl): fleet init --roll-over, while the office is stopped."
        return CheckResult("authority", State.BAD, f"{reason} Here it is {show.day(now_ms)}.", remedy)
    return CheckResult("authority", State.GOOD, f"The issuing certificate counts until {show.when(end_ms)}.")


def _complete(lists: Sequence[x509.CertificateRevocationList], issuers: Sequence[x509.Certificate]) -> bool:
    return bool(lists) and [each.issuer for each in lists] == [each.subject for each in issuers]


def _signed_ms(each: x509.CertificateRevocationList) -> int:
    return int(each.last_update_utc.timestamp()) * 1000 + HOUR_MS


def _ends_ms(each: x509.CertificateRevocationList) -> int:
    return int(each.next_update_utc.timestamp()) * 1000 if each.next_update_utc else 0
