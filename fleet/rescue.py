"""Reading a pulled card into the store: which folder on it is the journal, whose it is, and what came of it.

The journal is read by a process of its own (`python -m edge.rescue`), which opens nothing for writing. What it prints
goes into the spool, and from there into the store under the very receipts that the node would have got: by the office
if one runs, else by ourselves, under the lock that an office would hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.wire.identity import node_id
from edge.wire.jsontext import to_json
from edge.wire.messages import Hello
from edge.wire.record import RecordError, seqs, unpack
from fleet.collect import CardSaid, Outgoing
from fleet.collector import Collector
from fleet.home import Home
from fleet.inlet import Letter
from fleet.live import Live
from fleet.spool import SpoolInlet, frames, put
from fleet.store.damage import open_store
from fleet.trouble import Exit, Trouble

READ = [sys.executable, "-m", "edge.rescue"]
MOST_FOLDERS = 200_000
BATCH = 64  # letters
COPY = "sudo cp -r {} copy && sudo chown -R $USER copy && fleet data rescue copy"
UNTOUCHED = "Nothing was changed, neither on the card nor in the store."
Seq = tuple[int, int]  # epoch, seq
Known = Callable[[int, int, int], set[int]]  # epoch, first, last: the seqs between that are here


@dataclass(slots=True)
class Haul:
    """What was on the card: readings and records by epoch, and how each journal stood."""

    readings: int = 0
    records: int = 0
    new_readings: int = 0
    new_records: int = 0
    standings: list[dict[str, int]] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    schemas: list[bytes] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)  # epoch, first and last seq of each payload

    def not_in(self, known: Known) -> int:
        """How many records of it have no receipt."""
        return sum(last - first + 1 - len(known(epoch, first, last)) for epoch, first, last in self.spans)

    @property
    def damaged(self) -> int:
        """Readings that the card should hold and does not give any more."""
        return sum(standing["damaged"] for standing in self.standings)


def journal_on(card: Path) -> Path:
    """The journal's folder on a card, or in a copy of it. Raises Trouble where there is none, or more than one."""
    found = [folder for folder in _folders(card) if _holds_segments(folder)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Trouble(f"There are {len(found)} journals: {_some(found)}.", UNTOUCHED,
                      "fleet data rescue again, with the folder of one of them", Exit.USAGE)  # fmt: skip
    if shut := _shut(card):
        raise Trouble(f"No journal was found in {card}, but {_some(shut)} may not be looked into.", UNTOUCHED,
                      COPY.format(card), Exit.REFUSED)  # fmt: skip
    raise Trouble(f"There is no journal in {card}: no folder has files named segment-*.journal.", UNTOUCHED,
                  f"ls {card}; a card has several partitions, and the journal is on the one that holds the node's home",
                  Exit.WRONG)  # fmt: skip


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:5])) + ("" if len(paths) <= 5 else ", …")


def _shut(card: Path) -> list[Path]:
    """Folders that whoever calls may not look into: much on a card belongs to root."""
    shut: list[Path] = []
    for _ in islice(os.walk(card, onerror=lambda error: shut.append(Path(error.filename))), MOST_FOLDERS):
        pass
    return shut


def _folders(card: Path) -> Iterator[Path]:
    """Every folder on the card; what lies in a journal's quarantine is part of that journal."""
    for number, (folder, inner, _) in enumerate(os.walk(card)):
        inner[:] = sorted(name for name in inner if name != "quarantine")
        if number >= MOST_FOLDERS:
            return
        yield Path(folder)


def _holds_segments(folder: Path) -> bool:
    return any(True for place in (folder, folder / "quarantine") for _ in place.glob("segment-*.journal*"))


def node_of(journal: Path, card: Path) -> str | None:
    """The node whose board lies in the journal's folder, in the one around it, or further up on the card."""
    for folder in (journal, *journal.parents):
        names = _boards(folder.iterdir()) if folder.is_dir() else set()
        if len(names) == 1:
            return names.pop()
        if folder in (card, card.parent) and folder != journal:
            break
    return None


def _boards(files: Iterator[Path]) -> set[str]:
    found = set()
    for path in files:
        try:
            if path.name.endswith(".compiled.json"):
                found.add(node_id(json.loads(path.read_text())["node"]))
            elif path.suffix == ".toml":
                found.add(node_id(tomllib.loads(path.read_text())["node"]["id"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def read(journal: Path, node: str, known: Known, haul: Haul) -> Iterator[tuple[bytes, bytes]]:
    """The frames for the spool, while `haul` is filled. Raises Trouble when the card cannot be read."""
    process = subprocess.Popen([*READ, str(journal)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        for kind, content in frames(process.stdout):
            if kind == b"R":
                _count(content, known, haul)
                yield kind, content
            elif kind == b"S":
                haul.schemas.append(content)
            elif kind == b"J":
                haul.standings.append(json.loads(content))
            else:
                haul.facts = json.loads(content)
    if process.wait() or not haul.facts:
        raise Trouble(f"The journal in {journal} could not be read.", UNTOUCHED, f"ls -l {journal}; dmesg")
    if forbidden := haul.facts["forbidden"]:
        raise Trouble(f"{forbidden} of the {haul.facts['files']} files in {journal} may not be opened.", UNTOUCHED,
                      COPY.format(journal) + f" --node {node}", Exit.REFUSED)  # fmt: skip
    for standing in haul.standings:
        yield b"H", to_json(_said(node, standing, haul.schemas))


def _said(node: str, standing: dict[str, int], schemas: Sequence[bytes]) -> CardSaid:
    hello = Hello(node, "", standing["epoch"], standing["lowest"], standing["next"],
                  readings_total=standing["readings_total"], acked=standing["acked"])  # fmt: skip
    return CardSaid(hello, [body.hex() for body in schemas])


def _count(payload: bytes, known: Known, haul: Haul) -> None:
    try:
        items = unpack(payload)
    except RecordError as error:
        raise Trouble(f"What was read from the card is no payload of ours: {error}.", UNTOUCHED,
                      "use the same version of lantaarn for `edge` and `fleet`") from error  # fmt: skip
    haul.spans.append((items[0].epoch, items[0].seq, seqs(items[-1])[-1]))
    here = known(*haul.spans[-1])
    for item in items:
        new = item.seq not in here
        haul.records, haul.new_records = haul.records + 1, haul.new_records + new
        haul.readings, haul.new_readings = haul.readings + item.count, haul.new_readings + new * item.count


class Nowhere:
    """The inlet behind the spool's where no office runs: nothing comes, and answers go to nobody."""

    def start(self) -> None:
        """Nothing to start."""

    def receive(self, timeout_s: float) -> Letter | None:
        """Nothing comes."""
        return None

    def accept(self, letters: Sequence[Letter]) -> None:
        """Nobody waits for it."""

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        """Nodes are not there to hear it."""

    def shut(self) -> None:
        """Nothing to shut."""

    def stop(self) -> None:
        """Nothing to stop."""


def take_in(home: Home, spooled: Path) -> None:
    """Does what the office would: files what is in the spool. The home's lock is ours. Raises Trouble."""
    store, inlet = open_store(home.readings), SpoolInlet(Nowhere(), home.spool)
    collector = Collector(inlet, store, Live())
    try:
        while spooled.exists():
            batch = [letter for _ in range(BATCH) if (letter := inlet.receive(0)) is not None]
            if collector.take(batch):
                raise Trouble(f"The store {home.readings} took not all of it: {collector.live.fault}",
                              f"What it did not take waits in {spooled}.", f"df -h {home.folder}; then fleet data "
                              f"rescue again, or fleet serve --home {home.folder}")  # fmt: skip
    finally:
        store.close()


def spool(home: Home, node: str, arrived_ms: int, content: Iterator[tuple[bytes, bytes]]) -> Path:
    """Puts what was read into the home's spool. Raises Trouble."""
    try:
        return put(home.spool, f"card-{arrived_ms}-{os.getpid()}", node, arrived_ms, content)
    except OSError as error:
        raise Trouble(f"What was read from the card cannot be kept in {home.spool}: {error.strerror}.", UNTOUCHED,
                      f"df -h {home.folder}") from error  # fmt: skip


@contextmanager
def opened(card: Path) -> Iterator[Path]:
    """A folder to look into: the card itself, or where its partition is mounted, read-only. Raises Trouble."""
    if card.is_dir():
        yield card
        return
    if not card.is_block_device():
        raise Trouble(f"{card} is neither a folder nor a partition.", UNTOUCHED, "lsblk -f", Exit.USAGE)
    by_hand = f"sudo mount -o ro,noload {card} /mnt && fleet data rescue /mnt; sudo umount /mnt"
    if os.geteuid():
        raise Trouble(f"{card} is not mounted, and only root may do that.", UNTOUCHED, by_hand, Exit.REFUSED)
    with TemporaryDirectory(prefix="lantaarn-card-") as place:
        _mount(card, place, by_hand)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=False)


def _mount(card: Path, place: str, by_hand: str) -> None:
    """Without its journal replayed, if it is ext4: that would write."""
    said = ""
    for options in ("ro,noload", "ro"):
        done = subprocess.run(["mount", "-o", options, str(card), place], capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        said = done.stderr.strip()
    raise Trouble(f"{card} cannot be mounted: {said}.", UNTOUCHED, by_hand)
