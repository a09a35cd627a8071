"""The office's home: one folder that holds all it knows, so a backup is a copy.

fleet.toml     addresses and ports, for people to edit
authority/     who signs certificates, with keys (0600) and the office's own certificates
registry.db    which nodes there are, and the broker's passwords (0600)
readings.db    receipts and readings
broker/        the broker's config, user lists (0600), what it keeps, and its pid
serve.lock     held by the one `fleet serve`
spool/         what was read from cards, on its way into the store
pulse.json     what that one says of itself, every few seconds
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fleet.choose import meant
from fleet.servers import KINDS, NATS
from fleet.trouble import Exit, Trouble

DEFAULT = "~/.local/share/lantaarn/fleet"
LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
EXAMPLE_URL = "mqtts://office.example.org:8883"
HOST = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
URL = re.compile(rf"mqtts?://({HOST}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?/?")
EXAMPLE_DESK = "https://office.example.org:8443"
DESK_URL = re.compile(rf"https://({HOST}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?")
KEYS: dict[str, tuple[str, ...]] = {
    "broker": ("kind", "host", "port", "url"),
    "web": ("host", "port"),
    "enrol": ("host", "port", "url"),
    "store": ("keep",),
}
KEEP = re.compile("([1-9][0-9]{0,4})d")
DAY_MS = 86_400_000
CONFIG = """# The office of Lantaarn. `fleet serve` reads this when it starts.

[broker]
kind = "{broker_kind}"   # nats, mosquitto, or none: somebody else's, at host and port
host = "{broker_host}"   # where nodes may knock; 127.0.0.1 is this machine only
port = {broker_port}
{url}   # what `fleet node add` tells a node; made of host and port unless it is given

[web]
host = "{web_host}"
port = {web_port}

[enrol]
host = "{enrol_host}"   # where nodes fetch their certificates, over HTTPS
port = {enrol_port}
# url = "https://office.example.org:8443"   # what nodes are told; made of the host and port unless it is given

[store]
# keep = "400d"   # readings that are older become hourly roll-ups; without it every reading is kept
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the office listens, and the address its nodes are told."""

    broker_host: str = LOOPBACK
    broker_port: int = 1883
    web_host: str = LOOPBACK
    web_port: int = 8080
    url: str = ""
    broker_kind: str = NATS.kind
    enrol_host: str = LOOPBACK
    enrol_port: int = 8443
    enrol_told: str = ""
    secure: bool = False  # whether nodes and office prove themselves with certificates

    @property
    def enrol_url(self) -> str:
        """The `https://` address of the desk, for cards; "" when the office listens everywhere and none is given."""
        if self.enrol_told or self.enrol_host in EVERYWHERE:
            return self.enrol_told
        return f"https://{in_url(self.enrol_host)}:{self.enrol_port}"

    @property
    def node_url(self) -> str:
        """What nodes are told of the broker; "" when the office listens everywhere and no address is given."""
        if self.url or self.broker_host in EVERYWHERE:
            return self.url
        return f"{'mqtts' if self.secure else 'mqtt'}://{in_url(self.broker_host)}:{self.broker_port}"


def in_url(host: str) -> str:
    """A host as a URL wants it."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class Home:
    """The folder, and the names of what is in it."""

    folder: Path

    @property
    def config(self) -> Path:
        """`fleet.toml`."""
        return self.folder / "fleet.toml"

    @property
    def authority(self) -> Path:
        """Who signs certificates: roots, the issuing key, the office's own certificates."""
        return self.folder / "authority"

    @property
    def request(self) -> Path:
        """What an authority elsewhere was asked to sign, and its key."""
        return self.folder / "authority-request"

    @property
    def secure(self) -> bool:
        """Whether certificates prove who is who: there is an authority, even if its files are damaged."""
        return self.authority.is_dir()

    @property
    def registry(self) -> Path:
        """The nodes and their credentials."""
        return self.folder / "registry.db"

    @property
    def readings(self) -> Path:
        """The store."""
        return self.folder / "readings.db"

    @property
    def broker(self) -> Path:
        """The broker's own folder."""
        return self.folder / "broker"

    @property
    def pulse(self) -> Path:
        """What the running office says of itself."""
        return self.folder / "pulse.json"

    @property
    def spool(self) -> Path:
        """What was read from cards, on its way into the store."""
        return self.folder / "spool"

    @property
    def lock(self) -> Path:
        """Held by a running `fleet serve`."""
        return self.folder / "serve.lock"

    def in_use(self) -> bool:
        """Whether this home has a past: somebody may be let in already, or something may be stored."""
        return (self.broker / "users.conf").exists() or self.readings.exists()

    def ports(self) -> Ports:
        """What `fleet.toml` says. Raises Trouble when it cannot be read or a value is impossible."""
        try:
            facts = tomllib.loads(self.config.read_text())
            _known(facts)
            broker, web, desk = (facts.get(table, {}) for table in ("broker", "web", "enrol"))
            return sound(Ports(
                _host(broker), _port(broker, 8883 if self.secure else 1883, 1), _host(web), _port(web, 8080, 0),
                str(broker.get("url", "")), str(broker.get("kind", NATS.kind)),
                _host(desk), _port(desk, 8443, 0), str(desk.get("url", "")), self.secure,
            ))  # fmt: skip
        except (OSError, ValueError, AttributeError) as error:
            stands = "Nothing was started, changed or lost."
            what = f"{self.config} cannot be used: {error}" + ("" if str(error).endswith("?") else ".")
            raise Trouble(what, stands, f"edit {self.config}", Exit.USAGE) from error

    def keep_ms(self) -> int | None:
        """How long readings are kept, by `[store] keep`; None: for ever. Raises Trouble when that is no time."""
        try:
            keep = tomllib.loads(self.config.read_text()).get("store", {}).get("keep", "")
            found = KEEP.fullmatch(str(keep))
            if keep and not found:
                raise ValueError(f'[store] keep = {keep!r} is not a number of days, such as "400d"')
            return int(found[1]) * DAY_MS if found else None
        except (OSError, ValueError, AttributeError) as error:
            raise Trouble(f"{self.config} cannot be used: {error}.", "Nothing was started, changed or lost.",
                          f"edit {self.config}", Exit.USAGE) from error  # fmt: skip

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the home for one `fleet serve`. Raises Trouble when another has it."""
        handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle, self)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(handle)

    def check_idle(self) -> None:
        """Raises Trouble while a `fleet serve` works here; changes nothing."""
        with suppress(FileNotFoundError):
            handle = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Trouble(f"The office already works in {self.folder}.", "Nothing was changed.",
                              "end it (Ctrl-C, or its service), then the same", Exit.REFUSED) from error  # fmt: skip
            finally:
                os.close(handle)


def _lock(handle: int, home: Home) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        raise Trouble(
            f"Another `fleet serve` (process {holder}) already works in {home.folder}.",
            "It goes on undisturbed and nothing was lost; this one did not start.",
            f"fleet node list --home {home.folder}, or choose another home with --home",
            Exit.REFUSED,
        ) from error


def _host(facts: Mapping[str, object]) -> str:
    return str(facts.get("host", LOOPBACK))


def _port(facts: Mapping[str, object], default: int, lowest: int) -> int:
    port = facts.get("port", default)
    if not isinstance(port, int) or not lowest <= port < 65536:
        raise ValueError(f"port = {port!r} is not a port (1 to 65535)")
    return port


def _known(facts: Mapping[str, Mapping[str, object]]) -> None:
    """Raises ValueError for what nobody would read: a slip would go unnoticed."""
    for table, keys in facts.items():
        if table not in KEYS:
            raise ValueError(f"[{table}] means nothing here; {meant(table, KEYS)}")
        if not isinstance(keys, dict):
            raise ValueError(f"{table} must be a table: [{table}]")
        for key in keys:
            if key not in KEYS[table]:
                raise ValueError(f"{key} means nothing in [{table}]; {meant(key, KEYS[table])}")


def sound(ports: Ports) -> Ports:
    """The same. Raises ValueError when a host is no host or the address for nodes no address."""
    for host in (ports.broker_host, ports.web_host, ports.enrol_host):
        if host not in EVERYWHERE and not re.fullmatch(HOST, host) and not _numeric(host):
            raise ValueError(f"host = {host!r} is neither a name nor an address of a machine")
    if ports.broker_kind not in KINDS:
        raise ValueError(f"kind = {ports.broker_kind!r} is no broker we know; {meant(ports.broker_kind, KINDS)}")
    if ports.url and not URL.fullmatch(ports.url):
        raise ValueError(f"url = {ports.url!r} does not look like {EXAMPLE_URL}")
    if ports.enrol_told and not DESK_URL.fullmatch(ports.enrol_told):
        raise ValueError(f"url = {ports.enrol_told!r} does not look like {EXAMPLE_DESK}")
    return ports


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def no_url(home: Home, stands: str) -> Trouble:
    """The office listens everywhere, and there is no telling by which name nodes reach it."""
    happened = "The office listens on every address of this machine, and no node can be told which one to use."
    return Trouble(happened, stands, f'set [broker] url = "{EXAMPLE_URL}" in {home.config}, with an address that nodes '
                   "can reach", Exit.REFUSED)  # fmt: skip


def no_desk(home: Home, stands: str) -> Trouble:
    """The same of the desk."""
    happened = "The desk listens on every address of this machine, and no node can be told which one to use."
    return Trouble(happened, stands, f'set [enrol] url = "{EXAMPLE_DESK}" in {home.config}, with an address that nodes '
                   "can reach", Exit.REFUSED)  # fmt: skip


def find(folder: Path | None, environment: Mapping[str, str]) -> Home:
    """The home that is meant: the option, else FLEET_HOME, else the default. It may not exist."""
    return Home(Path(folder or environment.get("FLEET_HOME") or DEFAULT).expanduser().absolute())


def existing(home: Home) -> Home:
    """The same home. Raises Trouble where `fleet init` has not been."""
    if home.config.is_file() and not home.registry.is_file() and home.in_use():
        raise Trouble(f"The registry {home.registry} is missing: nobody knows which nodes there are.",
                      "Nothing was changed: the broker's user list stays as it is, nodes keep their readings.",
                      "put your copy of it back", Exit.REFUSED)  # fmt: skip
    if not home.config.is_file() or not home.registry.is_file():
        raise Trouble(f"There is no fleet home at {home.folder}.", "Nothing was changed.",
                      f"fleet init --home {home.folder}", Exit.REFUSED)  # fmt: skip
    return home


def write_config(home: Home, ports: Ports) -> None:
    """Makes the folders, private to their owner, and `fleet.toml` unless it is there."""
    for folder in (home.folder, home.broker):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not home.config.exists():
        text = CONFIG.format(broker_kind=ports.broker_kind, broker_host=ports.broker_host,
                             broker_port=ports.broker_port, url=_url_line(ports),
                             web_host=ports.web_host, web_port=ports.web_port,
                             enrol_host=ports.enrol_host, enrol_port=ports.enrol_port)  # fmt: skip
        home.config.write_text(text)


def _url_line(ports: Ports) -> str:
    return f"url = {json.dumps(ports.url)}" if ports.url else f'# url = "{EXAMPLE_URL}"'
