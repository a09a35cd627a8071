"""Whether a NATS server's configuration suits us. Pure; see `fleet.lint`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge.wire.messages import CheckResult
from edge.wire.record import LARGEST_PACKET
from fleet import natsconf
from fleet.access import ANYBODY, Grant, judge
from fleet.rights import INTERNAL, MOST_SUBSCRIPTIONS, MOST_UNACKED
from fleet.verdicts import LEAST_UNACKED, SELDOM_S, TLS, Known, Read, bad, certificates, count, good, size, tls

MOST_PENDING = 32_767  # two consumers' worth must stay under 65,535, or SUBACK says 0x80
SUBSCRIPTIONS = 1_000  # that NATS 2.15 allows unless it is told otherwise


def nats(text: str, read: Read, known: Known) -> Iterator[CheckResult]:
    """The checks of `nats.conf` and what it includes. Raises ValueError."""
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
    yield size(natsconf.size(str(told.get("max_payload", LARGEST_PACKET))), "max_payload:")
    yield _known_users(told, mqtt, doors)
    yield judge(list(_permissions(doors, known.keys or {})), known.users)
    listen, secrecy = str(mqtt.get("listen", mqtt.get("host", ""))), _table(mqtt, "tls")
    yield tls(bool(secrecy), listen, str(secrecy.get("min_version", TLS[0])))
    if known.keys is not None:
        mapped = secrecy.get("verify_and_map") == "true"
        asked = mapped or secrecy.get("verify") == "true"
        yield certificates(bool(secrecy), asked, mapped, "mqtt tls verify_and_map: true")


def _often(sync: str) -> bool:
    return natsconf.seconds(sync) <= SELDOM_S


def _pending(mqtt: Mapping[str, Any], stream: Mapping[str, Any], users: int) -> CheckResult:
    subscriptions = count(str(_table(stream, "limits").get("default_max_consumers", SUBSCRIPTIONS)))
    if subscriptions < 2 * users:
        return bad("queue", f"It allows {subscriptions} subscriptions, too few for {users} users.",
                   f"Set jetstream limits {{ default_max_consumers: {MOST_SUBSCRIPTIONS} }}.")  # fmt: skip
    most = count(str(mqtt.get("max_ack_pending", LEAST_UNACKED - 1)))
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
