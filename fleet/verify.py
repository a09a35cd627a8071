"""Whether the account of a node adds up: named questions with an answer, a reason and a remedy. Pure."""

from __future__ import annotations

from edge.wire.messages import CheckResult, State
from fleet.show import when
from fleet.store.answers import Account, Stock

GOOD, BAD, UNKNOWN = State.GOOD, State.BAD, State.UNKNOWN
WAIT = "Wait until the node has sent them, then look again."
READ_CARD = "If its old card can still be read: fleet data rescue CARD --node {node}; see fleet data gaps {node}."
KEEP = "Keep a copy of the store, and report it: this should not be possible."


def journal_check(account: Account) -> CheckResult:
    """One journal: ok, missing, or more than told."""
    return CheckResult(f"journal {account.epoch}", *_journal(account))


def _journal(account: Account) -> tuple[State, str, str]:
    sums = _words(account)
    if account.unnamed:
        reason = f"Missing: {account.unnamed} records never came, and no gap says how much was in them: {sums}."
        return BAD, reason, READ_CARD.format(node=account.node)
    if gone := account.erased + (0 if account.current else account.in_flight):
        reason = f"Missing: {gone} readings that its node had counted and nobody received: {sums}."
        return BAD, reason, READ_CARD.format(node=account.node)
    if account.told is None:
        return UNKNOWN, f"{sums}; its node has not said how many it took.", "Wait for the node's next hello."
    left = account.told - account.here - account.named
    if account.waiting and left >= 0:
        return UNKNOWN, f"{account.waiting} records are still to come, {left} readings: {sums}.", WAIT
    if account.copied and (left < 0 or 0 < left - account.named_more <= account.forgotten):
        reason = f"Nobody can tell: there were two copies of this journal, and each left out other numbers: {sums}."
        return UNKNOWN, reason, f"See: fleet data gaps {account.node}"
    if left > account.named_more or account.missed:
        reason = f"Missing: {max(left, account.missed)} readings that no gap names: {sums}."
        return BAD, reason, READ_CARD.format(node=account.node)
    if left < 0:
        return BAD, f"More than told: {-left} readings too many: {sums}.", KEEP
    return GOOD, f"It adds up: {sums}.", ""


def _words(account: Account) -> str:
    told = "" if account.told is None else f"{account.told} taken, "
    words = f"{told}{account.here} here, {account.named} named in gaps"
    words += f", {account.forgotten} here that its disk then lost" if account.forgotten else ""
    words += f", {account.in_flight} taken since and not here at {when(account.as_of_ms)}" if account.in_flight else ""
    back = "its count stepped back: an older copy of the journal, or a card that forgot"
    return words + (f"; at {when(account.stepped_ms)} {back}" if account.stepped_ms else "")


def stock_checks(stock: Stock) -> list[CheckResult]:
    """Rows against receipts, nothing twice, everything readable."""
    return [_rows(stock), _twice(stock), _readable(stock)]


def _rows(stock: Stock) -> CheckResult:
    words = f"{stock.rows} rows for {stock.receipted} readings in receipts"
    words += f", {stock.in_hours} in hours for {stock.rolled}" if stock.rolled or stock.in_hours else ""
    words += f", {stock.undated_in_hours} of them without a date" if stock.undated_in_hours else ""
    if (stock.rows, stock.in_hours, stock.strays) == (stock.receipted, stock.rolled, 0):
        return CheckResult("rows", GOOD, f"{words}.")
    strays = f"; {stock.strays} rows belong to no receipt" if stock.strays else ""
    return CheckResult("rows", BAD, f"{words}{strays}.", KEEP)


def _twice(stock: Stock) -> CheckResult:
    if not stock.twice:
        return CheckResult("duplicates", GOOD, "No row says what another one says.")
    return CheckResult("duplicates", BAD, f"{stock.twice} rows say what another one says.", KEEP)


def _readable(stock: Stock) -> CheckResult:
    bad = [f"{stock.quarantined_records} records ({stock.quarantined} readings) that nobody can read"]
    bad = bad if stock.quarantined_records else []
    bad += [f"{stock.refused} messages that are not ours to read"] if stock.refused else []
    raw = f"{stock.raw_records} records ({stock.raw} readings) wait for their schema"
    if bad:
        reason = f"Kept as they came: {' and '.join(bad)}."
        return CheckResult("readable", BAD, reason, "Compare the versions of node and office; keep the store.")
    if stock.raw_records:
        return CheckResult("readable", UNKNOWN, f"{raw}, which was asked for.", "Wait for the node's next hello.")
    return CheckResult("readable", GOOD, "Everything that came could be read.")
