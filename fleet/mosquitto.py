"""Mosquitto's configuration, password file and access list: pure text, written from the registry.

Mosquitto grants any subscription and acknowledges any publish, and drops what the access list denies; so each user is
named there with one filter to write and one to read, and nobody else is. The client id becomes the user name, or a
node could throw another off by taking its id.

With an authority the user is the name in the certificate, and the list of the revoked decides who is out. Any
certificate of the authority lets one connect; without a line in the access list it can neither say nor hear anything.
The list is asked only when somebody connects, so a live session is ended by the dynamic-security plug-in, which keeps
no rights here: it knows nobody for longer than it takes to show one out (see `fleet.kick`). It is told so through a
socket in the broker's folder, by the one user with a password.

Passwords are 256 random bits: nobody guesses them, so one round of the key derivation is enough, and a storm of
reconnects is not CPU-bound. The salt follows from the client id, which is random: the same registry makes the same
file.

What it keeps is saved once a minute. A save writes the whole database, so saving at every change costs up to 330 KB a
message, and still proves nothing: readings stay on the pole until the office has acknowledged them. So a broker that
is killed costs a minute of messages sent twice. The queue for a collector that is away ends at 256 MiB for the same
reason.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from edge.wire.record import LARGEST_PACKET
from fleet.registry import COLLECTOR, Credential
from fleet.rights import MOST_UNACKED, filters
from fleet.tls import Tls

CONFIG, PASSWORDS, ACCESS, SECURITY = "mosquitto.conf", "mosquitto.passwd", "mosquitto.acl", "mosquitto.security.json"
SOCKET = "mosquitto.sock"  # relative, for the names of sockets must be short: the broker is started in its folder
USHER = "office.usher"  # shows the revoked out; a dot: no node can be called so
CONTROL, CONTROLLED = "$CONTROL/dynamic-security/v1", "$CONTROL/dynamic-security/v1/response"
ROUNDS = 1
SALT_BYTES = 12
AUTOSAVE_S = 60
MOST_QUEUED, MOST_QUEUED_BYTES = 100_000, 256 << 20


def password_file(credentials: Iterable[Credential]) -> str:
    """A line for each user, hashed as `mosquitto_passwd` does it: PBKDF2 with SHA-512."""
    return "".join(f"{each.user}:{_hashed(each)}\n" for each in credentials if not each.key)


def _hashed(credential: Credential) -> str:
    salt = hashlib.sha512(f"{credential.user} {credential.client_id}".encode()).digest()[:SALT_BYTES]
    key = hashlib.pbkdf2_hmac("sha512", credential.password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def access_list(credentials: Iterable[Credential]) -> str:
    """What each user may write and read."""
    return "\n".join(_access(each.user) for each in credentials)


def _access(user: str) -> str:
    says, hears = (CONTROL, CONTROLLED) if user == USHER else filters(user)
    return f"user {user}\ntopic write {says}\ntopic read {hears}\n"


def access_patterns(credentials: Iterable[Credential]) -> str:
    """The same rights by name, for whoever is let in: nothing is to be loaded anew for a new node, and whoever the
    authority ever signed has a tree of its own. For brokers whose keeper is not at hand: the collector is named even
    before the office ran for the first time."""
    says, hears = (each.replace("node", "%u") for each in filters("node"))
    nodes = f"pattern write {says}\npattern read {hears}\n"
    office = [COLLECTOR, *(USHER for each in credentials if each.user == USHER)]
    return "\n".join([*map(_access, office), nodes])


def security(credentials: Iterable[Credential]) -> str:
    """What the plug-in keeps: nobody. Whoever it does not know is judged by the access list."""
    ways = ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe")
    return json.dumps({"defaultACLAccess": dict.fromkeys(ways, False), "clients": [], "groups": [], "roles": []}) + "\n"


def server_config(
    folder: Path, host: str, port: int, child: bool = True, tls: Tls | None = None, plugin: Path | None = None
) -> str:
    """Mosquitto's own file. A `child` of ours stays who it is, and leaves its pid and log in `folder`."""
    place = f"{port}" if host == "::" else f"{port} {host}"  # told "::" it would hear nobody of IPv4
    return f"""# Written by `fleet`; changes are lost.
{CHILD.format(folder=folder) if child else ""}{_door(folder, plugin) if tls else ""}listener {place}
allow_anonymous false
password_file {folder / PASSWORDS}
acl_file {folder / ACCESS}
use_username_as_clientid true
allow_zero_length_clientid false

{_tls(tls) if tls else PLAIN}
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_on_changes false
autosave_interval {AUTOSAVE_S}
max_inflight_messages {MOST_UNACKED}
max_queued_messages {MOST_QUEUED}
max_queued_bytes {MOST_QUEUED_BYTES}
max_packet_size {LARGEST_PACKET}
set_tcp_nodelay true
sys_interval 0
"""


def _door(folder: Path, plugin: Path | None) -> str:
    """Comes first, so that it is open before the other one is knocked at."""
    return DOOR.format(folder=folder, plugin=plugin) if plugin else ""


def _tls(tls: Tls) -> str:
    return f"""cafile {tls.trust}
certfile {tls.certificate}
keyfile {tls.key}
crlfile {tls.crl}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


PLAIN = """# Passwords go as they are: keep the port on a private network or a VPN. With certificates TLS stands here.
"""
DOOR = f"""
# The office's own door: who was revoked is shown out through it.
plugin {{plugin}}
plugin_opt_config_file {{folder}}/{SECURITY}
listener 0 {SOCKET}

"""
CHILD = """user root
pid_file {folder}/mosquitto.pid
log_dest file {folder}/mosquitto.log
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""
