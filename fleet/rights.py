"""Who may say and hear what, and the NATS server's configuration: pure text, written from the registry.

Deny by default. A node may publish under its own `up/` and hear its own `down/`, nobody's else; the collector the
reverse. `$MQTT.sub.>` is where NATS delivers QoS 1 messages of a session to itself; a client cannot subscribe to it.
NATS protocol clients are given no rights at all: every user is for MQTT only, and that listener takes a random
loopback port. Passwords are 256 random bits, kept plain in a file of mode 0600: hashing them would make a storm of
reconnects CPU-bound.

With an authority, users are certificates: the server takes the name under "DNS" for the user. It begins with the key's
id, so that a right belongs to a key, and an older certificate of another key has none. Whoever is not in the list is
refused, however well the certificate is signed; to revoke is to leave out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from edge.wire import topics
from edge.wire.record import LARGEST_PACKET
from fleet.registry import COLLECTOR, Credential
from fleet.tls import Tls

ACK_WAIT = "10s"
MOST_SUBSCRIPTIONS = 200_000  # one a node, and what a storm leaves behind; by itself NATS 2.15 stops at 1,000
SYNC_EVERY = "30s"  # what a power cut may cost is sent again; a sync for each message costs a tenfold
MOST_UNACKED = 4096  # the sum over a session's filters must stay under 65,535, or SUBACK says 0x80
INTERNAL = "$MQTT.sub.>"
HANDSHAKE_S = 10


def subject(topic_filter: str) -> str:
    """An MQTT filter without `#`, as NATS writes it."""
    return topic_filter.replace("/", ".").replace("+", "*")


def filters(user: str) -> tuple[str, str]:
    """What a user may publish and what it may hear, as MQTT filters: the same at every broker."""
    if user == COLLECTOR:
        return f"{topics.ROOT}/+/down/+", topics.EVERY_UP
    return topics.every_up(user), topics.every_down(user)


def rights(user: str) -> tuple[list[str], list[str]]:
    """The same as NATS subjects."""
    says, hears = filters(user)
    return [subject(says)], [subject(hears), INTERNAL]


def user_list(credentials: Iterable[Credential]) -> str:
    """The include file with every user, its password and its rights."""
    lines = "\n".join(f"    {_user(credential)}" for credential in credentials)
    return f"authorization {{\n  timeout: 10\n  users: [\n{lines}\n  ]\n}}\n"


def name(credential: Credential) -> str:
    """The user as NATS knows it: with a certificate it is the name that the authority wrote into it."""
    return f"{credential.key}.{credential.user}" if credential.key else credential.user


def _user(credential: Credential) -> str:
    publish, subscribe = rights(credential.user)
    proof = "" if credential.key else f"password: {_quoted(credential.password)}, "
    return (
        f"{{user: {_quoted(name(credential))}, {proof}"
        f'allowed_connection_types: ["MQTT"], permissions: '
        f"{{publish: {{allow: {_list(publish)}}}, subscribe: {{allow: {_list(subscribe)}}}}}}}"
    )


def server_config(folder: Path, host: str, port: int, child: bool = True, tls: Tls | None = None) -> str:
    """The NATS server's own file; everything it writes stays in `folder`, whether it is our child or not."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"""# Written by `fleet`; changes are lost.
server_name: "lantaarn"
listen: "127.0.0.1:-1"
pid_file: {_quoted(str(folder / "nats.pid"))}
log_file: {_quoted(str(folder / "nats.log"))}
logfile_size_limit: 8MB
logfile_max_num: 3
max_payload: {LARGEST_PACKET}
jetstream {{
  store_dir: {_quoted(str(folder / "jetstream"))}
  max_memory_store: 64MB, max_file_store: 4GB, sync_interval: "{SYNC_EVERY}"
  limits {{ default_max_consumers: {MOST_SUBSCRIPTIONS} }}
}}
mqtt {{ listen: {_quoted(place)}, ack_wait: "{ACK_WAIT}", max_ack_pending: {MOST_UNACKED}{_tls(tls)} }}
include "users.conf"
"""


def _tls(tls: Tls | None) -> str:
    if tls is None:
        return ""
    return f""", tls {{
  cert_file: {_quoted(str(tls.certificate))}
  key_file: {_quoted(str(tls.key))}
  ca_file: {_quoted(str(tls.trust))}
  verify_and_map: true
  min_version: "1.2"
  timeout: {HANDSHAKE_S}
}}"""


def _quoted(text: str) -> str:
    return json.dumps(text)


def _list(subjects: list[str]) -> str:
    return "[" + ", ".join(_quoted(each) for each in subjects) + "]"
