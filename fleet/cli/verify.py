"""`fleet data verify`: whether the node's own counters and the store's sums agree."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edge.wire.messages import CheckResult, State
from fleet import choose, show
from fleet.cli.options import HomeFolder, Output, home_of, print_rows, reader_of, registry_of
from fleet.show import Field, Form
from fleet.store.answers import Account, Stock
from fleet.store.read import StoreReader
from fleet.trouble import Exit
from fleet.verify import journal_check, stock_checks

FIELDS = [
    Field("node", "NODE"),
    Field("state", "STATE"),
    Field("check", "CHECK"),
    Field("told", "TOLD"),
    Field("here", "HERE"),
    Field("named", "NAMED"),
    Field("epoch", "EPOCH", wide=True),
    Field("as_told_at", "AS TOLD AT", wide=True),
    Field("waiting", "WAITING", wide=True),
    Field("in_flight", "IN FLIGHT", wide=True),
    Field("as_of", "AS OF", wide=True),
    Field("stepped_back_at", "STEPPED BACK AT", wide=True),
    Field("erased", "ERASED", wide=True),
    Field("duplicated_rows", "TWICE", wide=True),
    Field("rows", "ROWS", wide=True),
    Field("receipted", "RECEIPTED", wide=True),
    Field("raw", "RAW", wide=True),
    Field("quarantined", "QUARANTINED", wide=True),
    Field("reason", "REASON"),
    Field("remedy", "REMEDY"),
]
EVERY: dict[str, Any] = dict.fromkeys(field.key for field in FIELDS)  # each line has each key
Only = Annotated[str | None, typer.Argument(metavar="[NODE]", help="One node only: its id, or the beginning of it.")]


def verify(node: Only = None, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """Compare what each node says that its journal took with what is here. Exit code 1 when it does not add up."""
    place = home_of(home)
    known = registry_of(place).nodes()
    wanted = [choose.by_prefix(known, node).id] if node else [each.id for each in known]
    reader = reader_of(place)
    found = [row for name in wanted for row in _rows(reader, name)]
    print_rows([row for row, _ in found], FIELDS, output)
    states = [check.state for _, check in found]
    wrong, unsure = states.count(State.BAD), states.count(State.UNKNOWN)
    told = "It adds up" if not wrong + unsure else f"{wrong} wrong, {unsure} not sure yet"
    show.note(f"{len(wanted)} {'node' if len(wanted) == 1 else 'nodes'}, {len(found)} questions: {told}.")
    if wrong:
        raise typer.Exit(int(Exit.WRONG))


def _rows(reader: StoreReader, node: str) -> list[tuple[dict[str, Any], CheckResult]]:
    rows = [_row(node, journal_check(account), _of_journal(account)) for account in reader.accounts(node)]
    stock = reader.stock(node)
    return rows + [_row(node, check, _of_stock(stock)) for check in stock_checks(stock)]


def _row(node: str, check: CheckResult, facts: dict[str, Any]) -> tuple[dict[str, Any], CheckResult]:
    named = {"node": node, "state": check.state.value, "check": check.name}
    return EVERY | named | facts | {"reason": check.reason, "remedy": check.remedy}, check


def _of_journal(account: Account) -> dict[str, Any]:
    return {"told": account.told, "here": account.here, "named": account.named, "waiting": account.waiting,
            "epoch": account.epoch, "as_told_at": show.when(account.told_ms), "in_flight": account.in_flight,
            "as_of": show.when(account.as_of_ms), "stepped_back_at": show.when(account.stepped_ms),
            "erased": account.erased}  # fmt: skip


def _of_stock(stock: Stock) -> dict[str, Any]:
    return {"duplicated_rows": stock.twice, "rows": stock.rows, "receipted": stock.receipted, "raw": stock.raw,
            "quarantined": stock.quarantined}  # fmt: skip
