"""`fleet cert`: the certificates of nodes and office, and what went wrong with them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fleet import broker, choose, enrol, show
from fleet.claims import due_ms, late
from fleet.cli.node import NodeId
from fleet.cli.options import (
    DryRun,
    HomeFolder,
    Labels,
    Output,
    Yes,
    authority_of,
    home_of,
    print_rows,
    registry_of,
    sure,
)
from fleet.clock import SystemClock
from fleet.home import Home
from fleet.papers import ADDED, REVOKED, Certificate
from fleet.registry import COLLECTOR, Node, Registry
from fleet.show import Field, Form
from fleet.tls import of_broker
from fleet.trouble import Exit, Trouble

app = typer.Typer(help="Certificates: list, renew, revoke, needs-renewal, incidents.", no_args_is_help=True)

OFFICE = "office"
UNCHANGED = "Nothing was changed."
FIELDS = [
    Field("node", "NODE"),
    Field("state", "STATE"),
    Field("ends", "ENDS"),
    Field("due", "RENEWED FROM", wide=True),
    Field("issued", "ISSUED", wide=True),
    Field("key", "KEY", wide=True),
    Field("serial", "SERIAL", wide=True),
    Field("reason", "REASON"),
]
INCIDENTS = [
    Field("at", "AT"),
    Field("kind", "KIND"),
    Field("node", "NODE"),
    Field("times", "TIMES"),
    Field("first", "FIRST", wide=True),
    Field("what", "WHAT"),
]
REASONS = {
    "good": "",
    "due": "The node renews it by itself when it reaches the desk.",
    "ended": "The node renews it by itself when it reaches the desk.",
    "late": "It ended more than 400 days ago: fleet cert renew NODE lets the node renew it.",
    "revoked": "fleet node add NODE --renew lets the node in again, with a new key.",
    "none": "The node has not fetched one yet.",
}
DUE = ("due", "ended", "late")
Only = Annotated[str | None, typer.Argument(metavar="[NODE]", help="One node only: its id, or the beginning of it.")]
Whom = Annotated[str, typer.Argument(metavar="NODE|office", help="A node that is late; or the office's own ones.")]
NewKeys = Annotated[bool, typer.Option("--new-keys", help="With office: all of them at once, for new keys.")]
All = Annotated[bool, typer.Option("--all", help="Those before the newest, too.")]
Why = Annotated[str, typer.Option(help="Why, for those who look later.")]


@app.command("list")
def list_certificates(
    node: Only = None, label: Labels = None, every: All = False, output: Output = Form.TABLE, home: HomeFolder = None
) -> None:
    """List the certificates of nodes and office: until when, and who renews them."""
    place = home_of(home)
    print_rows(_rows(place, node, label, every), FIELDS, output)


@app.command("needs-renewal")
def needs_renewal(
    node: Only = None, label: Labels = None, output: Output = Form.TABLE, home: HomeFolder = None
) -> None:
    """List what should have been renewed by now. Exit code 1 when there is any."""
    found = [row for row in _rows(home_of(home), node, label, False) if row["state"] in DUE]
    print_rows(found, FIELDS, output)
    if found:
        raise typer.Exit(int(Exit.WRONG))


@app.command()
def renew(node: Whom, new_keys: NewKeys = False, dry_run: DryRun = False, home: HomeFolder = None) -> None:
    """Let a node that is late renew its certificate; or renew the office's own."""
    place = home_of(home)
    if node == OFFICE:
        return _renew_office(place, new_keys, dry_run)
    if new_keys:
        raise Trouble("A node makes its keys itself.", UNCHANGED, f"fleet node add {node} --renew", Exit.USAGE)
    registry, now_ms = registry_of(place), SystemClock().wall_ms()
    known = choose.by_prefix(registry.nodes(), node)
    newest = _renewable(registry, known)
    if not late(newest, now_ms):
        until = show.when(newest.not_after_ms)
        return show.note(f"{known.id} needs nobody's leave: it renews its certificate, of {until}, by itself.")
    if dry_run:
        return show.note(f"Would let {known.id} renew its certificate, which ended {show.when(newest.not_after_ms)}.")
    registry.grant(known.id, now_ms)
    show.out(f"{known.id}\n")
    show.note(f"{known.id} may renew its certificate, once, within 180 days, with the key that it has.")


def _renewable(registry: Registry, node: Node) -> Certificate:
    """Its newest certificate. Raises Trouble when it cannot have another."""
    key = registry.living_key(node.id)
    found = [each for each in registry.certificates(node.id) if key is not None and each.key == key.key]
    if node.state != ADDED:
        raise Trouble(f"{node.id} is {node.state}.", UNCHANGED, f"fleet node add {node.id} --renew", Exit.REFUSED)
    if not found:
        raise Trouble(f"{node.id} has no certificate that could be renewed.", UNCHANGED,
                      f"fleet card token {node.id} DIR, so that it can fetch its first", Exit.REFUSED)  # fmt: skip
    return found[0]


def _renew_office(place: Home, new_keys: bool, dry_run: bool) -> None:
    from fleet.authority.own import OwnCertificates

    registry, authority, now_ms = registry_of(place), authority_of(place), SystemClock().wall_ms()
    if dry_run:
        which = "all certificates of the office, for new keys" if new_keys else "those of the office that are due"
        return show.note(f"Would renew {which}, and the list of the revoked.")
    own = OwnCertificates(place, authority, registry.revoked)
    renewed = own.renew(now_ms, new_keys)
    if enrol.know_collector(place, registry, own.key_of(COLLECTOR)):
        enrol.publish(place, registry)
    tls = of_broker(place.authority)
    if renewed and tls is not None:
        broker.reload_certificates(place.broker, tls)
    show.out("".join(f"{name}\n" for name in renewed))
    show.note(f"Renewed: {', '.join(renewed)}." if renewed else "Unchanged: nothing of the office's own is due.")


@app.command()
def revoke(node: NodeId, why: Why = "", yes: Yes = False, dry_run: DryRun = False, home: HomeFolder = None) -> None:
    """Take a node out for ever: its live session ends, and no certificate or token of it is good any more."""
    place = home_of(home)
    registry = registry_of(place)
    known = choose.by_prefix(registry.nodes(), node)
    if not choose.printable(why):
        raise Trouble("That reason cannot be shown in one line.", UNCHANGED, "give a shorter --why", Exit.USAGE)
    already = known.state == REVOKED
    if dry_run:
        return show.note(f"Would leave {known.id} unchanged: it is revoked already." if already
                         else f"Would revoke {known.id}, end its session, and let it in no more.")  # fmt: skip
    if not already:
        sure(f"revoke {known.id} and end its session", yes)
    told, ended, remedy = _revoke(place, registry, known.id, why)
    if not already:
        show.out(f"{known.id}\n")
    _tell_revoked(f"Unchanged: {known.id} was revoked before" if already else f"{known.id} is revoked for ever",
                  told, ended, remedy)  # fmt: skip


def _tell_revoked(what: str, told: bool, ended: bool, remedy: str) -> None:
    running = (
        "Its session, if it had one, has ended." if told else "No broker of this office runs; it will not let it in."
    )
    if ended:
        return show.note(f"{what}. {running} Readings that it holds stay on its card.")
    show.note(f"{what}, but its session may still live.\nNext: {remedy}")
    raise typer.Exit(int(Exit.PARTIAL))


def _revoke(place: Home, registry: Registry, node: str, why: str) -> tuple[bool, bool, str]:
    """Whether a broker was told, whether no session can be left, and if one can, what to do."""
    now_ms = SystemClock().wall_ms()
    registry.revoke(node, why, now_ms)
    told = enrol.publish(place, registry)
    if not place.secure:
        return told, True, ""
    from fleet import revoking

    try:
        outcome = revoking.revoke(place, registry, authority_of(place), node, why, now_ms)
    except Trouble as trouble:
        show.note(f"{trouble.happened} So the list of the revoked was not signed here.")
        return told, False, "fleet serve, which signs it within a minute while it runs, and when it starts"
    return outcome.told, outcome.ended, outcome.remedy


@app.command()
def incidents(node: Only = None, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """List events of security, the newest first: who asked for what he may not have, and what operators allowed."""
    registry = registry_of(home_of(home))
    wanted = choose.by_prefix(registry.nodes(), node).id if node else None
    rows = [{"at": show.when(each.last_ms), "kind": each.kind, "node": each.node, "times": each.times,
             "first": show.when(each.first_ms), "what": each.what}
            for each in registry.incidents() if wanted in (None, each.node)]  # fmt: skip
    print_rows(rows, INCIDENTS, output)


def _rows(place: Home, node: str | None, label: list[str] | None, every: bool) -> list[dict[str, Any]]:
    registry, now_ms = registry_of(place), SystemClock().wall_ms()
    known = registry.nodes()
    wanted = [choose.by_prefix(known, node)] if node else choose.by_labels(known, choose.labels(label or []))
    rows = _office_rows(place, now_ms) if not (node or label) and place.secure else []
    given: dict[str, list[Certificate]] = {}
    for each in registry.certificates() if every else registry.newest_certificates():
        given.setdefault(each.node, []).append(each)
    return rows + [_row(one, each, now_ms) for one in wanted for each in given.get(one.id, [None])]


def _row(node: Node, given: Certificate | None, now_ms: int) -> dict[str, Any]:
    state = _state(node, given, now_ms)
    facts = {"node": node.id, "state": state, "ends": None, "due": None, "issued": None, "key": None, "serial": None}
    if given is not None:
        facts |= {"ends": show.when(given.not_after_ms), "due": show.when(due_ms(given)), "key": given.key,
                  "issued": show.when(given.issued_ms), "serial": f"{given.serial:x}"}  # fmt: skip
    return facts | {"reason": REASONS[state].replace("NODE", node.id)}


def _state(node: Node, given: Certificate | None, now_ms: int) -> str:
    if node.state != ADDED or (given is not None and given.revoked_ms):
        return "revoked"
    return "none" if given is None else _age(given, now_ms)


def _age(given: Certificate, now_ms: int) -> str:
    if late(given, now_ms):
        return "late"
    if now_ms >= given.not_after_ms:
        return "ended"
    return "due" if now_ms >= due_ms(given) else "good"


def _office_rows(place: Home, now_ms: int) -> list[dict[str, Any]]:
    """The office's own certificates, as `office/broker` and so on; no node can be called so."""
    from fleet.authority import certificates
    from fleet.authority.own import OWN, leaf_in

    rows = []
    for name in OWN:
        leaf = leaf_in(place.authority / f"{name}.pem")
        row: dict[str, Any] = dict.fromkeys([field.key for field in FIELDS]) | {"node": f"{OFFICE}/{name}"}
        if leaf is None:
            rows.append(row | {"state": "none", "reason": "fleet serve makes it when it starts."})
            continue
        begin_ms, end_ms = certificates.begins_ms(leaf), certificates.ends_ms(leaf)
        given = Certificate(leaf.serial_number, OFFICE, "", begin_ms, begin_ms, end_ms, "")
        state = "ended" if now_ms >= end_ms else _age(given, now_ms)
        rows.append(row | {"state": state, "ends": show.when(end_ms), "due": show.when(due_ms(given)),
                           "issued": show.when(begin_ms), "serial": f"{leaf.serial_number:x}",
                           "reason": "" if state == "good" else "fleet serve renews it while it runs."})  # fmt: skip
    return rows
