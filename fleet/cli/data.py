"""`fleet data`: the readings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from drivers.reading import Quantity, from_steps
from edge.wire.clocks import ClockQuality
from fleet import choose, show
from fleet.cli import gaps, rescue, verify
from fleet.cli.options import HomeFolder, Output, home_of, reader_of, registry_of
from fleet.show import Field, Form
from fleet.store.answers import ReadingLine
from fleet.store.reader import Reader
from fleet.trouble import Exit, Trouble
from fleet.window import flag_words

app = typer.Typer(help="Readings: tail, export, gaps, verify, rescue.", no_args_is_help=True)
app.command("gaps")(gaps.gaps)
app.command("verify")(verify.verify)
app.command("rescue")(rescue.rescue)

LOOK_S = 0.5
MOST_AT_ONCE = 1000
KEYS = ("time", "node", "sensor", "quantity", "channel", "value", "unit", "flags", "clock")
HOURLY = ("count", "low", "high", "sum")  # of a line that stands for an hour, whose rows are gone
FIELDS = [Field(key, key.upper(), wide=key in ("channel", "clock")) for key in KEYS]
NodeId = Annotated[str | None, typer.Argument(metavar="[NODE]", help="One node only: its id, or the beginning of it.")]
Count = Annotated[int, typer.Option("-n", "--lines", min=0, max=100_000, help="How many readings to begin with.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as readings arrive, until Ctrl-C.")]


@app.command()
def tail(
    node: NodeId = None, lines: Count = 20, follow: Follow = False, output: Output = Form.TABLE, home: HomeFolder = None
) -> None:
    """The readings that arrived last."""
    place = home_of(home)
    name = choose.by_prefix(registry_of(place).nodes(), node).id if node else None
    reader = reader_of(place)
    found = reader.tail(name, lines)
    show.out(_text(found, output, first=True))
    if not found and lines:
        show.note(f"No reading of {name or 'any node'} is here yet. Nodes gather them for a minute, on a metered link "
                  "for five, unless [office] publish_every says otherwise. Is all well? fleet health")  # fmt: skip
    last = found[-1].row if found else reader.newest_row()
    while follow:
        show.wait(LOOK_S)
        found = reader.tail(name, MOST_AT_ONCE, after_row=last)
        last = found[-1].row if found else last
        show.out(_text(found, output, first=False))


@app.command()
def export(
    node: Annotated[str | None, typer.Option(help="One node only: its id, or the beginning of it.")] = None,
    quantity: Annotated[str | None, typer.Option(help="One quantity only, such as pm2_5.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this moment on; ISO 8601.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Until before this moment; ISO 8601.")
    ] = None,
    home: HomeFolder = None,
) -> None:
    """All readings as CSV: times in UTC, a unit on every line, doubts as words.

    What was too old to be kept (`[store] keep`) is one line an hour: its mean, flagged hourly, with count, low, high
    and sum.
    """
    place = home_of(home)
    name = choose.by_prefix(registry_of(place).nodes(), node).id if node else None
    reader, (from_ms, to_ms) = reader_of(place), (moment(since), moment(until))
    _check(reader, quantity, from_ms, to_ms)
    lines = reader.export(name, quantity, from_ms, to_ms)
    show.out(show.table_of_commas([], [*KEYS, *HOURLY]))
    for some in _chunks(lines):
        show.out(show.table_of_commas([[*_row(line).values(), *_hour(line)] for line in some]))


def moment(text: str | None) -> int | None:
    """Unix milliseconds of an ISO 8601 date or time; UTC where it names no zone. Raises Trouble."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Trouble(f"{text!r} is no moment.", "Nothing was exported.",
                      "write it as 2026-11-21 or 2026-11-21T08:30:00Z", Exit.USAGE) from error  # fmt: skip
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _check(reader: Reader, quantity: str | None, from_ms: int | None, to_ms: int | None) -> None:
    """Raises Trouble where what is asked for can only be a slip: nothing would be exported, and nothing said."""
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise Trouble("--from is not before --to: no moment lies between them.", "Nothing was exported.",
                      "fleet data export again, with the two the other way round", Exit.USAGE)  # fmt: skip
    known = {series.quantity for series in reader.series()} | {each.value for each in Quantity}
    if quantity is not None and quantity not in known:
        raise Trouble(f"There is no quantity {quantity!r}.", "Nothing was exported.",
                      choose.meant(quantity, known), Exit.USAGE)  # fmt: skip


def _row(line: ReadingLine) -> dict[str, Any]:
    time = show.when(line.t_ms) if line.dated else None
    flags = " ".join(filter(None, ["hourly" if line.whole else "", flag_words(line.flags)]))
    clock = "" if line.clock is None else ClockQuality(line.clock).word
    return dict(zip(KEYS, (time, line.node, line.sensor, line.quantity, line.channel, _value(line.steps, line.decimals),
                           line.unit, flags, clock), strict=True))  # fmt: skip


def _hour(line: ReadingLine) -> list[Any]:
    """The columns that only a whole hour fills."""
    if (whole := line.whole) is None:
        return [None] * len(HOURLY)
    return [whole.count, *(_value(steps, whole.decimals) for steps in (whole.low, whole.high, round(whole.sum)))]


def _value(steps: int, decimals: int) -> str:
    sign, digits = "-" if steps < 0 else "", str(abs(steps)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def _number(line: ReadingLine, form: Form) -> dict[str, Any]:
    return {"value": from_steps(line.steps, line.decimals)} if form in (Form.JSON, Form.YAML) else {}


def _text(found: list[ReadingLine], form: Form, first: bool) -> str:
    rows = [_row(line) | _number(line, form) for line in found]
    if form in (Form.JSON, Form.NAME, Form.YAML) and not first:
        return "".join(show.listing([row], FIELDS, form) for row in rows)
    text = show.listing(rows, FIELDS, form)
    return text if first else text.partition("\n")[2]


def _chunks(lines: Iterable[ReadingLine]) -> Iterator[list[ReadingLine]]:
    rest = iter(lines)
    while some := list(islice(rest, MOST_AT_ONCE)):
        yield some
