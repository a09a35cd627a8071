"""Which brokers `fleet serve` can run as its child, and how they differ: a program and a handful of names."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleet import files, mosquitto, rights
from fleet.clock import new_password
from fleet.registry import Credential
from fleet.tls import Tls
from fleet.trouble import Exit, Trouble

NOBODY = "none"  # the kind of a broker that is somebody else's
SYSTEM = ("/usr/sbin", "/usr/local/sbin")  # where Debian puts servers, and PATH often does not look
LIBRARIES = ("/usr/lib", "/usr/local/lib")
PLUGIN = "mosquitto_dynamic_security.so"
SECRET = "mosquitto.usher"  # the password of who shows the revoked out


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of broker. Its config, pid and log are called after it, in the broker's folder."""

    kind: str
    program: str
    remedy: str  # how to get the program
    config_text: Callable[..., str]  # of folder, host, port, whether it is our child, and its certificate
    lists: dict[str, Callable[[Iterable[Credential]], str]]  # by file name: who may come in, and do what
    keyed: dict[str, Callable[[Iterable[Credential]], str]] = field(default_factory=dict)  # more, with certificates

    @property
    def config(self) -> str:
        return f"{self.kind}.conf"

    @property
    def pid(self) -> str:
        return f"{self.kind}.pid"

    @property
    def log(self) -> str:
        return f"{self.kind}.log"

    @property
    def out(self) -> str:
        return f"{self.kind}.out"

    def find(self) -> str:
        """The program: beside our Python, where the wheel puts it, else on PATH. Raises Trouble when there is none."""
        beside = Path(sys.executable).parent / self.program
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM))
        found = str(beside) if os.access(beside, os.X_OK) else shutil.which(self.program, path=path)
        if found is None:
            raise Trouble(f"There is no {self.program} here.", "Nothing was started.", self.remedy)
        return found

    def write_lists(self, folder: Path, credentials: Iterable[Credential], child: bool = True) -> list[Path]:
        """Puts who may come in into `folder`, each file whole or not at all; the files."""
        known = list(credentials)
        lists = dict(self.lists)
        if child and self.keyed and any(each.key for each in known):
            known.append(usher(folder))
            lists |= self.keyed
        for name, text in lists.items():
            files.replace(folder / name, text(known), 0o600)
        return [folder / name for name in lists]

    def by_pattern(self) -> Server:
        """The same, where rights stand once for all nodes. Raises Trouble where a broker knows no such thing."""
        if mosquitto.ACCESS not in self.lists:
            raise Trouble(f"{self.kind} gives rights to users, not by pattern.", "Nothing was written.",
                          f"fleet broker config {self.kind} --to DIR", Exit.USAGE)  # fmt: skip
        return replace(self, lists=self.lists | {mosquitto.ACCESS: mosquitto.access_patterns})

    def command(self, config: Path) -> list[str]:
        """How to start it. Raises Trouble."""
        return [self.find(), "-c", str(config)]


def usher(folder: Path) -> Credential:
    """Who shows the revoked out of the Mosquitto in this folder; the secret is made once. Raises OSError."""
    path = folder / SECRET
    if not path.exists():
        files.replace(path, new_password() + "\n", 0o600)
    return Credential(mosquitto.USHER, path.read_text().strip(), mosquitto.USHER)


def plugin() -> Path | None:
    """Mosquitto's plug-in for dynamic security, where Debian puts it: among the libraries of this kind of machine."""
    kinds = (str(sysconfig.get_config_var("MULTIARCH") or ""), "")
    found = (Path(place) / kind / PLUGIN for place in LIBRARIES for kind in kinds)
    return next((path for path in found if path.is_file()), None)


def _mosquitto_config(folder: Path, host: str, port: int, child: bool = True, tls: Tls | None = None) -> str:
    return mosquitto.server_config(folder, host, port, child, tls, plugin() if child and tls else None)


NATS = Server("nats", "nats-server", 'pip install "lantaarn[office]"', rights.server_config,
              {"users.conf": rights.user_list})  # fmt: skip
MOSQUITTO = Server("mosquitto", "mosquitto", "sudo apt install mosquitto && sudo systemctl disable --now mosquitto",
                   _mosquitto_config,
                   {mosquitto.PASSWORDS: mosquitto.password_file, mosquitto.ACCESS: mosquitto.access_list},
                   {mosquitto.SECURITY: mosquitto.security})  # fmt: skip
SERVERS = {server.kind: server for server in (NATS, MOSQUITTO)}
KINDS = (*SERVERS, NOBODY)
