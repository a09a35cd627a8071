"""`fleet node`: which nodes there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet import choose, enrol, show
from fleet.cli.options import (
    DryRun,
    HomeFolder,
    Labels,
    Output,
    authority_of,
    home_of,
    print_rows,
    reader_of,
    registry_of,
)
from fleet.clock import SystemClock
from fleet.facts import all_facts
from fleet.health import NodeFacts, checks, verdict
from fleet.home import Home
from fleet.registry import Node, revoked
from fleet.servers import NOBODY
from fleet.show import Field, Form

app = typer.Typer(help="Nodes: add, list, show.", no_args_is_help=True)

FIELDS = [
    Field("node", "NODE"),
    Field("state", "STATE"),
    Field("site", "SITE"),
    Field("last_heard", "LAST HEARD"),
    Field("latitude", "LATITUDE", wide=True),
    Field("longitude", "LONGITUDE", wide=True),
    Field("labels", "LABELS", wide=True),
    Field("added", "ADDED", wide=True),
    Field("reason", "REASON"),
]
NodeId = Annotated[str, typer.Argument(metavar="NODE", help="Its id, or the beginning of it.")]
Site = Annotated[str, typer.Option(help="The name of the place where it hangs.")]
Latitude = Annotated[float | None, typer.Option(help="Degrees north.")]
Longitude = Annotated[float | None, typer.Option(help="Degrees east.")]
CredentialsFile = Annotated[Path | None, typer.Option(help="Where to write the node's secrets (mode 0600).")]
Hardware = Annotated[str, typer.Option(help="The serial number of the only board that may use the card.")]
Renew = Annotated[bool, typer.Option(help="The node is known: give it a new secret and make the old one void.")]


@app.command()
def add(
    node: Annotated[str, typer.Argument(metavar="ID", help="3 to 32 of a-z, 0-9 and '-'.")],
    site: Site = "",
    lat: Latitude = None,
    lon: Longitude = None,
    label: Labels = None,
    credentials: CredentialsFile = None,
    hardware: Hardware = "",
    renew: Renew = False,
    dry_run: DryRun = False,
    home: HomeFolder = None,
) -> None:
    """Add a node: registry, rights at the broker, and its credentials file."""
    place = home_of(home)
    path = credentials or Path(f"{node}.credentials.json")
    if renew:
        return _renew(place, node, path, hardware, dry_run)
    registry = registry_of(place)
    new = Node(node, site or node, lat, lon, choose.labels(label or []), SystemClock().wall_ms())
    enrol.check_signed(place, registry)
    enrol.check(registry, new)
    enrol.address(place)
    enrol.board(hardware)
    enrol.check_new(path)
    if dry_run:
        return show.note(f"Would add {node} at {new.site} and write {path}.")
    told = enrol.add(place, registry, new, path, hardware=hardware)
    show.out(f"{node}\n")
    show.note(f"{node} is added; its credentials are in {path}. {_next(place, told)}")
    return None


def _renew(place: Home, node: str, path: Path, hardware: str, dry_run: bool) -> None:
    registry = registry_of(place)
    known = choose.by_prefix(registry.nodes(), node)
    enrol.board(hardware)
    enrol.check_new(path)
    if dry_run:
        return show.note(f"Would make the secret of {known.id} void and write a new one to {path}.")
    signs = authority_of(place) if place.secure else None
    told = enrol.renew(place, registry, known.id, path, hardware=hardware, signs=signs)
    show.out(f"{known.id}\n")
    show.note(f"{known.id} has a new secret in {path}; the old one is void. {_next(place, told)}")
    return None


def _next(place: Home, told: bool) -> str:
    if place.secure:
        return "With it the node fetches its certificate, once, within 180 days."
    if place.ports().broker_kind == NOBODY:
        return "The broker is somebody else's: write its files anew with fleet broker config."
    return "The broker knows it." if told else "The broker will know it at the next `fleet serve`."


@app.command("list")
def list_nodes(label: Labels = None, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """List the nodes, with what is to be said of each in one sentence."""
    place = home_of(home)
    nodes = choose.by_labels(registry_of(place).nodes(), choose.labels(label or []))
    print_rows(_rows(place, nodes), FIELDS, output)


@app.command("show")
def show_node(node: NodeId, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """Show one node: site, checks, series and gaps."""
    place = home_of(home)
    found = choose.by_prefix(registry_of(place).nodes(), node)
    (facts,) = _rows(place, [found])
    if place.readings.exists():
        facts |= _details(place, found, plain=output not in (Form.JSON, Form.YAML))
    show.out(show.card(facts, output, "node"))


def _rows(place: Home, nodes: list[Node]) -> list[dict[str, Any]]:
    return [_row(node, facts) for node, facts in zip(nodes, heard(place, nodes), strict=True)]


def heard(place: Home, nodes: list[Node]) -> list[NodeFacts]:
    """What the office knows of these nodes, in that order."""
    if place.readings.exists():
        names, disowned = [node.id for node in nodes], registry_of(place).disowned()
        return all_facts(reader_of(place), names, None, revoked(nodes), disowned, SystemClock().wall_ms())
    return [NodeFacts(node.id, revoked=node.id in revoked(nodes)) for node in nodes]


def _row(node: Node, facts: NodeFacts) -> dict[str, Any]:
    worst = verdict(checks(facts, SystemClock().wall_ms()))
    row: dict[str, Any] = {"node": node.id, "state": worst.state.value, "site": node.site}
    row |= {"last_heard": show.when(facts.last_ms or None), "latitude": node.lat, "longitude": node.lon}
    return row | {"labels": node.labels, "added": show.when(node.added_ms), "reason": worst.reason}


def _details(place: Home, known: Node, plain: bool) -> dict[str, Any]:
    reader, node = reader_of(place), known.id
    (facts,) = heard(place, [known])
    answers = checks(facts, SystemClock().wall_ms())
    series = [{"sensor": s.sensor, "quantity": s.quantity, "channel": s.channel, "unit": s.unit,
               "last": s.last_value, "at": show.when(s.last_ms)} for s in reader.series(node)]  # fmt: skip
    gaps = [{"epoch": loss.epoch, "first": loss.first, "last": loss.last, "readings": loss.readings, "why": loss.why}
            for loss in reader.losses(node)]  # fmt: skip
    told = [{"check": a.name, "state": a.state.value, "reason": a.reason, "remedy": a.remedy} for a in answers]
    if not plain:
        return {"checks": told, "series": series, "gaps": gaps}
    lines: dict[str, Any] = {f"check {a.name}": f"{a.state.value}: {a.reason} {a.remedy}".strip() for a in answers}
    lines |= {
        f"series {s['sensor']} {s['quantity']} {s['channel']}".strip(): f"{s['last']} {s['unit']}" for s in series
    }
    return lines | {f"gap {g['epoch']}/{g['first']}": f"to {g['last']}: {g['why']}" for g in gaps}
