"""Whether a broker's configuration suits us: what it keeps, how much it queues, whom it lets in. Pure.

It is for somebody else's broker as much as for ours. Nothing here decides whether readings are lost (nodes keep them
until the office has them); it decides how much must be sent again, and who can do harm.

`keys` are the key ids of users who come with certificates, and None in an office without an authority. With one, the
broker must ask everybody for a certificate, and Mosquitto must know whom the office revoked: its list is bad at half of
its life, long before it ends and locks everybody out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.wire.messages import CheckResult, State
from edge.wire.record import LARGEST_PACKET
from fleet import natsconf
from fleet.access import ANYBODY, Grant, judge
from fleet.rights import INTERNAL, MOST_SUBSCRIPTIONS, MOST_UNACKED

Read = Callable[[str], str | None]
SELDOM_S = 300
LEAST_QUEUE = 10_000
LEAST_UNACKED, MOST_PENDING = 100, 32_767  # NATS: two consumers' worth must stay under 65,535, or SUBACK says 0x80
SUBSCRIPTIONS = 1_000  # that NATS 2.15 allows unless it is told otherwise
TLS = ("1.2", "1.3")
ASKS = ("require_certificate", "use_identity_as_username")
BADNESS = (State.GOOD, State.UNKNOWN, State.BAD)
LOOPBACK = ("127.", "::1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Known:
    """What the office knows: its users, the key ids of those who have one, and the time (Unix ms)."""

    users: Collection[str]
    keys: Mapping[str, str] | None
    now_ms: int


def lint(
    kind: str, text: str, read: Read, users: Collection[str], keys: Mapping[str, str] | None = None, now_ms: int = 0
) -> list[CheckResult]:
    """The checks of a broker's configuration. `read` gives the files that it names; `users` are the office's own."""
    try:
        return list((_mosquitto if kind == "mosquitto" else _nats)(text, read, Known(users, keys, now_ms)))
    except ValueError as error:
        return [bad("config", f"It cannot be read: {error}.", f"Mend it, or take: fleet broker config {kind}")]


def guess(text: str) -> str:
    """Which broker's configuration this is."""
    return "nats" if re.search(r"^\s*\w+\s*[{:=]", text, re.MULTILINE) else "mosquitto"


def good(name: str, reason: str) -> CheckResult:
    return CheckResult(name, State.GOOD, reason)


def bad(name: str, reason: str, remedy: str) -> CheckResult:
    return CheckResult(name, State.BAD, reason, remedy)


def _size(largest: int | None, word: str) -> CheckResult:
    if not largest:
        return bad("size", "There is no limit: whoever is let in can fill its memory.", f"Set {word} {LARGEST_PACKET}.")
    if largest < LARGEST_PACKET:
        return bad("size", f"It takes {largest} bytes at most, and a node may send {LARGEST_PACKET}.",
                   f"Set {word} {LARGEST_PACKET}.")  # fmt: skip
    return good("size", f"Messages of up to {largest} bytes.")


def _tls(encrypted: bool, host: str, least: str) -> CheckResult:
    if encrypted and least.lower().removeprefix("tlsv") not in TLS:
        return bad("tls", f"It speaks TLS {least}, which is broken.", "Set the least version to TLS 1.2.")
    if encrypted or host.startswith(LOOPBACK):
        return good("tls", "Encrypted." if encrypted else "It listens on this machine only.")
    reason = f"It listens on {host or 'every address'}, and all that it carries, secrets too, can be read on the way."
    return CheckResult("tls", State.UNKNOWN, reason, "Keep it on a private network or a VPN.")


def _certificates(encrypted: bool, asked: bool, mapped: bool, settings: str) -> CheckResult:
    if not encrypted:
        return bad("certificates", "Nodes come with certificates, and it speaks no TLS.",
                   "Take: fleet broker config.")  # fmt: skip
    if asked and mapped:
        return good("certificates", "Nobody comes in without one, and the name in it is the user.")
    reason = "The name in the certificate is not the user." if asked else "It lets in who shows no certificate."
    return bad("certificates", reason, f"Set {settings}.")


def _mosquitto(text: str, read: Read, known: Known) -> Iterator[CheckResult]:
    lines = [line.strip().split(None, 1) for line in text.splitlines()]
    told = {words[0]: words[1] for words in lines if len(words) == 2 and not words[0].startswith("#")}
    kept = told.get("persistence") == "true"
    yield good("persistence", "What waits survives a restart.") if kept else bad(
        "persistence", "What waits for the collector is gone after every restart, and must be sent again.",
        "Set persistence true.")  # fmt: skip
    yield _autosave(told)
    yield _queue(told)
    limit = told.get("message_size_limit", "0")
    if _count(limit) and _count(limit) < LARGEST_PACKET:
        yield bad("size", f"It acknowledges and drops what is longer than {limit} bytes.",
                  f"Set max_packet_size {LARGEST_PACKET} and no message_size_limit.")  # fmt: skip
    else:
        yield _size(_count(told.get("max_packet_size", "0")), "max_packet_size")
    yield _strangers(told)
    doors = _doors(lines)
    forced = all(door.get("use_username_as_clientid") == "true" for door in doors)
    yield good("client-id", "The client id is the user's name.") if forced else bad(
        "client-id", "Whoever is let in can throw any other node off by taking its client id.",
        "Set use_username_as_clientid true, for each listener.")  # fmt: skip
    yield _access_list(told.get("acl_file"), read, known.users)
    yield from _secrecy(doors, known, read)


def _secrecy(doors: Sequence[Mapping[str, str]], known: Known, read: Read) -> Iterator[CheckResult]:
    """The worst of its doors counts."""
    found = [_tls("certfile" in door, door["host"], door.get("tls_version", TLS[0])) for door in doors]
    yield max(found, key=lambda check: BADNESS.index(check.state))
    wanted = known.keys is not None
    if wanted:
        judged = [_certificates("certfile" in door, door.get(ASKS[0]) == "true", door.get(ASKS[1]) == "true",
                                f"{ASKS[0]} true and {ASKS[1]} true, for each listener") for door in doors]  # fmt: skip
        yield max(judged, key=lambda check: BADNESS.index(check.state))
    lists = [door.get("crlfile") for door in doors if wanted or door.get("require_certificate") == "true"]
    if lists:
        yield _revoked(None if None in lists else lists[0], read, known.now_ms)


def _doors(lines: Iterable[list[str]]) -> list[dict[str, str]]:
    """What is set for each port. A socket of its own folder is none; without any port it is this machine's."""
    doors = [{"host": LOOPBACK[0]}]
    for words in lines:
        if words[:1] == ["listener"] and len(words) == 2:
            port, host = [*words[1].split(), "", ""][:2]
            doors.append({"port": port, "host": host})
        elif len(words) == 2 and not words[0].startswith("#"):
            doors[-1][words[0]] = words[1]
    return [door for door in doors[1:] if door["port"] != "0"] or doors[:1]


def _revoked(path: str | None, read: Read, now_ms: int) -> CheckResult:
    if path is None:
        return bad("crl", "It lets in who was revoked.", "Set crlfile; fleet broker config names it.")
    text = read(path)
    if text is None:
        return CheckResult("crl", State.UNKNOWN, f"{path} cannot be read.", "Run it as who may read that file.")
    from fleet.authority.ageing import age_check, lists_in  # cryptography is slow to come

    lists = lists_in(text)
    if not lists or len(lists) != text.count("BEGIN X509 CRL"):
        return bad("crl", f"{path} is no list of the revoked: it lets nobody in.", "Run: fleet cert renew office")
    return age_check(lists, now_ms, "crl")


def _autosave(told: Mapping[str, str]) -> CheckResult:
    every_s = _count(told.get("autosave_interval", "1800"))
    if told.get("autosave_on_changes") == "true" or 0 < every_s <= SELDOM_S:
        return good("autosave", "It saves often enough.")
    often = f"every {every_s} s" if every_s else "only when it ends in good order"
    return bad("autosave", f"It saves {often}: what came since is gone when it is killed, its sessions too.",
               "Set autosave_interval 60.")  # fmt: skip


def _queue(told: Mapping[str, str]) -> CheckResult:
    most, unacked = _count(told.get("max_queued_messages", "1000")), _count(told.get("max_inflight_messages", "20"))
    if not most and not _count(told.get("max_queued_bytes", "0")):
        return bad("queue", "A collector that is away fills its memory without end.", "Set max_queued_bytes 268435456.")
    if most and most < LEAST_QUEUE:
        return bad("queue", f"It drops what exceeds {most} messages while the collector is away, and tells nobody.",
                   "Set max_queued_messages 100000 and max_queued_bytes 268435456.")  # fmt: skip
    if unacked and unacked < LEAST_UNACKED:
        return bad("queue", f"It hands the collector {unacked} messages at a time.",
                   f"Set max_inflight_messages {MOST_UNACKED}.")  # fmt: skip
    return good("queue", "It holds enough for a collector that is away, and not too much.")


def _strangers(told: Mapping[str, str]) -> CheckResult:
    certificates = told.get("require_certificate") == "true"
    if told.get("allow_anonymous") == "true" or not (told.get("password_file") or certificates):
        return bad("anonymous", "It lets strangers in.", "Set allow_anonymous false and a password_file.")
    if "allow_anonymous" not in told:
        return CheckResult("anonymous", State.UNKNOWN, "Whether strangers come in depends on Mosquitto's version.",
                           "Set allow_anonymous false.")  # fmt: skip
    return good("anonymous", "Nobody comes in without a password or a certificate.")


def _access_list(path: str | None, read: Read, users: Collection[str]) -> CheckResult:
    if path is None:
        return bad("access", "Everybody may say and hear everything.", "Set acl_file; fleet broker config writes one.")
    text = read(path)
    if text is None:
        return CheckResult("access", State.UNKNOWN, f"{path} cannot be read.", "Run it as who may read that file.")
    return judge(list(grants(text)), users)


def grants(text: str) -> Iterator[Grant]:
    """What Mosquitto's access list grants."""
    user = ANYBODY
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["user"] and len(words) > 1:
            user = line.split(None, 1)[1].strip()
        elif words[:1] in (["topic"], ["pattern"]) and len(words) > 1:
            who, access = (user if words[0] == "topic" else "%u"), words[1] if len(words) > 2 else "readwrite"
            for way in ("write", "read"):
                if way in access:
                    yield Grant(who, "write" if way == "write" else "read", words[-1])


def _nats(text: str, read: Read, known: Known) -> Iterator[CheckResult]:
    told = natsconf.parse(text, read)
    mqtt, stream, doors = (_table(told, key) for key in ("mqtt", "jetstream", "authorization"))
    if not mqtt:
        yield bad("mqtt", "It does not speak MQTT.", "Add an mqtt block; fleet broker config nats writes one.")
    folder = str(stream.get("store_dir", ""))
    yield good("persistence", "What waits survives a restart.") if folder and not folder.startswith("/tmp/") else bad(
        "persistence", "What waits for the collector lies in a temporary folder, or nowhere.",
        "Add jetstream { store_dir: … } with a folder that stays.")  # fmt: skip
    sync = str(stream.get("sync_interval", "2m"))
    yield good("autosave", f"It is on disk after {sync} at most.") if sync == "always" or _often(sync) else bad(
        "autosave", f"It is on disk only after {sync}.", 'Set jetstream sync_interval: "30s".')
    yield _pending(mqtt, stream, len(known.users))
    yield _size(natsconf.size(str(told.get("max_payload", LARGEST_PACKET))), "max_payload:")
    yield _known_users(told, mqtt, doors)
    yield judge(list(_permissions(doors, known.keys or {})), known.users)
    listen, tls = str(mqtt.get("listen", mqtt.get("host", ""))), _table(mqtt, "tls")
    yield _tls(bool(tls), listen, str(tls.get("min_version", TLS[0])))
    if known.keys is not None:
        mapped = tls.get("verify_and_map") == "true"
        yield _certificates(bool(tls), mapped or tls.get("verify") == "true", mapped, "mqtt tls verify_and_map: true")


def _often(sync: str) -> bool:
    return natsconf.seconds(sync) <= SELDOM_S


def _pending(mqtt: Mapping[str, Any], stream: Mapping[str, Any], users: int) -> CheckResult:
    subscriptions = _count(str(_table(stream, "limits").get("default_max_consumers", SUBSCRIPTIONS)))
    if subscriptions < 2 * users:
        return bad("queue", f"It allows {subscriptions} subscriptions, too few for {users} users.",
                   f"Set jetstream limits {{ default_max_consumers: {MOST_SUBSCRIPTIONS} }}.")  # fmt: skip
    most = _count(str(mqtt.get("max_ack_pending", LEAST_UNACKED - 1)))
    if not LEAST_UNACKED <= most <= MOST_PENDING:
        told = mqtt.get("max_ack_pending", "not set")
        why = "its subscription is refused" if most > MOST_PENDING else "it is handed too few at a time"
        return bad("queue", f"For the collector max_ack_pending, {told}, does not do: {why}.",
                   f"Set mqtt max_ack_pending: {MOST_UNACKED}.")  # fmt: skip
    if not {"max_file_store", "max_file"} & set(stream):
        return bad("queue", "A collector that is away fills the disk.", "Set jetstream max_file_store: 4GB.")
    return good("queue", "It holds enough for a collector that is away, and not too much.")


def _known_users(told: Mapping[str, Any], mqtt: Mapping[str, Any], doors: Mapping[str, Any]) -> CheckResult:
    if "no_auth_user" in told or "no_auth_user" in mqtt or not (doors.get("users") or "accounts" in told):
        return bad("anonymous", "It lets strangers in.", "Set authorization users, and no no_auth_user.")
    return good("anonymous", "Nobody comes in without a password or a certificate.")


def _permissions(doors: Mapping[str, Any], keys: Mapping[str, str]) -> Iterator[Grant]:
    users = doors.get("users", [])
    for user in [each for each in users if isinstance(each, dict)] if isinstance(users, list) else []:
        allowed, name = user.get("permissions"), _owner(str(user.get("user", ANYBODY)), keys)
        yield from _allowed(name, "write", allowed, "publish")
        yield from _allowed(name, "read", allowed, "subscribe")


def _owner(name: str, keys: Mapping[str, str]) -> str:
    """Whose right it is: with a key it must be the right one, or it is a stranger's."""
    key, _, user = name.partition(".")
    return user if keys.get(user) == key else name


def _allowed(user: str, way: Any, permissions: Any, verb: str) -> Iterator[Grant]:
    given = permissions.get(verb, ">") if isinstance(permissions, dict) else ">"
    subjects = given.get("allow", ">") if isinstance(given, dict) else given
    for subject in subjects if isinstance(subjects, list) else [subjects]:
        if subject != INTERNAL:
            yield Grant(user, way, str(subject).replace(".", "/").replace("*", "+").replace(">", "#"))


def _table(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = told.get(key, {})
    return found if isinstance(found, dict) else {}


def _count(word: str) -> int:
    if not word.strip().isdigit():
        raise ValueError(f"{word!r} is no number")
    return int(word)
