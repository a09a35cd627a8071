"""Which brokers `fleet serve` can run as its child, and how they differ: a program and a handful of names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fleet import files, mosquitto, rights
from fleet.registry import Credential
from fleet.trouble import Trouble

NOBODY = "none"  # the kind of a broker that is somebody else's
SYSTEM = ("/usr/sbin", "/usr/local/sbin")  # where Debian puts servers, and PATH often does not look


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of broker. Its config, pid and log are called after it, in the broker's folder."""

    kind: str
    program: str
    remedy: str  # how to get the program
    config_text: Callable[..., str]  # of folder, host, port, and whether it is our child
    lists: dict[str, Callable[[Iterable[Credential]], str]]  # by file name: who may come in, and do what

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

    def write_lists(self, folder: Path, credentials: Iterable[Credential]) -> list[Path]:
        """Puts who may come in into `folder`, each file whole or not at all; the files."""
        known = list(credentials)
        for name, text in self.lists.items():
            files.replace(folder / name, text(known), 0o600)
        return [folder / name for name in self.lists]

    def command(self, config: Path) -> list[str]:
        """How to start it. Raises Trouble."""
        return [self.find(), "-c", str(config)]


NATS = Server("nats", "nats-server", 'pip install "lantaarn[office]"', rights.server_config,
              {"users.conf": rights.user_list})  # fmt: skip
MOSQUITTO = Server("mosquitto", "mosquitto", "sudo apt install mosquitto && sudo systemctl disable --now mosquitto",
                   mosquitto.server_config,
                   {mosquitto.PASSWORDS: mosquitto.password_file, mosquitto.ACCESS: mosquitto.access_list})  # fmt: skip
SERVERS = {server.kind: server for server in (NATS, MOSQUITTO)}
KINDS = (*SERVERS, NOBODY)
