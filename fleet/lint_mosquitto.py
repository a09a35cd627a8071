"""Whether Mosquitto's configuration suits us. Pure; see `fleet.lint`.

Its settings belong to the listener above them, and a listener that is as it should be makes no other one good: the
worst counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from edge.wire.messages import CheckResult, State
from edge.wire.record import LARGEST_PACKET
from fleet.access import ANYBODY, EACH, Grant, judge
from fleet.rights import MOST_UNACKED
from fleet.verdicts import (
    LEAST_UNACKED,
    LOOPBACK,
    SELDOM_S,
    TLS,
    Known,
    Read,
    bad,
    certificates,
    count,
    good,
    size,
    tls,
)

LEAST_QUEUE = 10_000
ASKS = ("require_certificate", "use_identity_as_username")
BADNESS = (State.GOOD, State.UNKNOWN, State.BAD)


def mosquitto(text: str, read: Read, known: Known) -> Iterator[CheckResult]:
    """The checks of `mosquitto.conf`. Raises ValueError."""
    lines = [line.strip().split(None, 1) for line in text.splitlines()]
    told = {words[0]: words[1] for words in lines if len(words) == 2 and not words[0].startswith("#")}
    kept = told.get("persistence") == "true"
    yield good("persistence", "What waits survives a restart.") if kept else bad(
        "persistence", "What waits for the collector is gone after every restart, and must be sent again.",
        "Set persistence true.")  # fmt: skip
    yield _autosave(told)
    yield _queue(told)
    limit = told.get("message_size_limit", "0")
    if count(limit) and count(limit) < LARGEST_PACKET:
        yield bad("size", f"It acknowledges and drops what is longer than {limit} bytes.",
                  f"Set max_packet_size {LARGEST_PACKET} and no message_size_limit.")  # fmt: skip
    else:
        yield size(count(told.get("max_packet_size", "0")), "max_packet_size")
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
    found = [tls("certfile" in door, door["host"], door.get("tls_version", TLS[0])) for door in doors]
    yield max(found, key=lambda check: BADNESS.index(check.state))
    wanted = known.keys is not None
    if wanted:
        judged = [certificates("certfile" in door, door.get(ASKS[0]) == "true", door.get(ASKS[1]) == "true",
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
    every_s = count(told.get("autosave_interval", "1800"))
    if told.get("autosave_on_changes") == "true" or 0 < every_s <= SELDOM_S:
        return good("autosave", "It saves often enough.")
    often = f"every {every_s} s" if every_s else "only when it ends in good order"
    return bad("autosave", f"It saves {often}: what came since is gone when it is killed, its sessions too.",
               "Set autosave_interval 60.")  # fmt: skip


def _queue(told: Mapping[str, str]) -> CheckResult:
    most, unacked = count(told.get("max_queued_messages", "1000")), count(told.get("max_inflight_messages", "20"))
    if not most and not count(told.get("max_queued_bytes", "0")):
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
            who, access = (user if words[0] == "topic" else EACH), words[1] if len(words) > 2 else "readwrite"
            for way in ("write", "read"):
                if way in access:
                    yield Grant(who, "write" if way == "write" else "read", words[-1])
