"""A home with an authority, what its desk would say, and what its operator types; the clock goes as it is told."""

from __future__ import annotations

import json
from pathlib import Path

from edge.office import Card, read_card
from fleet.authority.authority import Authority
from fleet.clock import SystemClock
from fleet.desk import Desk
from fleet.enrolment import FRESH_MS, enrolment_checks
from fleet.registry import Registry
from tests.fleet.cli.typed import Done, fleet
from tests.fleet.desks import DAY_MS, URL, Pole, Time, granted

NODE = "pole-017"


class Town:
    """A home with an authority, and what its desk would say."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.time = folder, Time(SystemClock().wall_ms())
        assert fleet(folder, "init", "--port", "21999").returncode == 0
        if not (folder / "authority").exists():
            Authority.make(folder / "authority", None, self.time.now_ms)
        self.registry = Registry(folder / "registry.db")
        self.desk = Desk(self.registry, Authority.open(folder / "authority"), URL, self.time)

    def run(self, *words: str | Path) -> Done:
        return fleet(self.folder, *words)

    def done(self, *words: str | Path) -> Done:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done

    def add(self, node: str = NODE, *more: str) -> Path:
        file = self.folder.parent / node / "credentials.json"
        file.parent.mkdir(exist_ok=True)
        self.done("node", "add", node, "--credentials", file, *more)
        return file

    def enrolled(self, node: str = NODE) -> Pole:
        """A node that fetched its certificate."""
        pole = Pole(node, card(self.add(node)).token)
        granted(self.desk.claim(pole.claim(), "::1"))
        return pole

    def later(self, days: float) -> None:
        """The clock of this machine says so many days more."""
        self.time.now_ms += int(days * DAY_MS)

    def enrolment(self) -> tuple[str, str]:
        """What `fleet health` says of who asked."""
        now_ms = self.time.now_ms
        known = self.registry.incidents(now_ms - FRESH_MS), self.registry.newest_certificates()
        check, _ = enrolment_checks(*known, now_ms)
        return check.state.value, check.remedy

    def states(self, *words: str) -> dict[str, str]:
        rows = json.loads(self.run("cert", *(words or ("list",)), "-o", "json").stdout)
        return {row["node"]: row["state"] for row in rows}


def card(file: Path) -> Card:
    found = read_card(file, file.parent.name)
    assert isinstance(found, Card)
    return found
