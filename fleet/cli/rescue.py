"""`fleet data rescue`: what a pulled card still holds, into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge.wire.identity import node_id
from fleet import show
from fleet.cli.options import HomeFolder, Output, home_of, registry_of
from fleet.clock import SystemClock
from fleet.home import Home
from fleet.rescue import UNTOUCHED, Haul, journal_on, node_of, opened, read, spool, take_in
from fleet.show import Form
from fleet.store.read import StoreReader
from fleet.trouble import Exit, Trouble

LOOK_S, SAY_S = 0.2, 5.0
CardPlace = Annotated[
    Path, typer.Argument(metavar="CARD|DIR", help="A mounted card, a folder copied from one, or its partition.")
]
OfNode = Annotated[str | None, typer.Option("--node", help="Whose card it is, where no board on it says so.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what is on it, and file nothing.")]


def rescue(
    card: CardPlace, node: OfNode = None, dry_run: DryRun = False, output: Output = Form.TABLE, home: HomeFolder = None
) -> None:
    """File what a pulled card holds and the store does not have; the card is only read. Twice changes nothing."""
    place, haul = home_of(home), Haul()
    with opened(card) as folder:
        journal = journal_on(folder)
        name = _whose(place, node or node_of(journal, folder))
        content = read(journal, name, _known(place, name), haul)
        if dry_run:
            for _ in content:
                pass
        else:
            spooled = spool(place, name, SystemClock().wall_ms(), content)
    if not dry_run:
        _file(place, spooled)
        _prove(place, name, haul)
    _tell(place, name, haul, output, dry_run)


def _whose(place: Home, name: str | None) -> str:
    if name is None:
        raise Trouble("No board on the card says which node it was in.", UNTOUCHED,
                      "fleet data rescue again, with --node NODE", Exit.USAGE)  # fmt: skip
    try:
        node_id(name)
    except ValueError as error:
        raise Trouble(f"{error}.", UNTOUCHED, "fleet node list", Exit.USAGE) from error
    if name not in {each.id for each in registry_of(place).nodes()}:
        raise Trouble(f"{name} is not a node of this fleet.", UNTOUCHED,
                      f"fleet node add {name}, or the id that it bears here with --node", Exit.REFUSED)  # fmt: skip
    return name


def _known(place: Home, node: str) -> Any:
    """Which seqs of a journal have their receipt."""
    if not place.readings.exists():
        return lambda _epoch, _first, _last: set()
    reader = StoreReader(place.readings)
    return lambda epoch, first, last: reader.receipts(node, epoch, first, last)


def _file(place: Home, spooled: Path) -> None:
    """By the office if one runs, else by ourselves."""
    waited_s = 0.0
    while spooled.exists():
        try:
            with place.locked():
                take_in(place, spooled)
        except Trouble as trouble:
            if trouble.code is not Exit.REFUSED:
                raise
            show.wait(LOOK_S)
            waited_s += LOOK_S
            if waited_s - LOOK_S < SAY_S <= waited_s:
                show.note(f"The office that runs in {place.folder} files it; what was read waits in {spooled}. Ctrl-C "
                          "loses nothing: the office goes on. Is it well? fleet health")  # fmt: skip


def _prove(place: Home, node: str, haul: Haul) -> None:
    """That each record has its receipt now. Raises Trouble where one has not."""
    if unfiled := haul.not_in(_known(place, node)):
        raise Trouble(f"{unfiled} of {haul.records} records could be neither filed nor kept as they came.",
                      "The rest is stored, and the card is as it was.",
                      f"see what `fleet serve` logs in {place.folder}, then fleet data rescue again")  # fmt: skip


def _tell(place: Home, node: str, haul: Haul, output: Form, dry_run: bool) -> None:
    known = haul.readings - haul.new_readings
    facts: dict[str, Any] = {"node": node, "readings": haul.readings, "new": haul.new_readings, "known": known,
                             "damaged": haul.damaged, "records": haul.records, "new_records": haul.new_records,
                             "epochs": [standing["epoch"] for standing in haul.standings],
                             "unreadable_bytes": haul.facts["unreadable"],
                             "newer_files": haul.facts["newer"]}  # fmt: skip
    show.out(show.card(facts, output, "node"))
    done = "Would file" if dry_run else "Filed"
    show.note(f"{done} {haul.new_readings} of {haul.readings} readings; {known} were here already.")
    if haul.damaged:
        show.note(f"{haul.damaged} readings that it should hold cannot be read any more.")
    if haul.facts["newer"]:
        show.note(f"{haul.facts['newer']} files are of a newer format and were left alone: use a newer fleet.")
    gaps = [] if dry_run else [line for line in StoreReader(place.readings).gaps(node) if line.loss.records]
    if gaps:
        show.note(f"{len(gaps)} gaps remain. See: fleet data gaps {node}")
