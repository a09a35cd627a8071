"""What the store answers when it is asked: lines about nodes, series, readings and losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeLine:
    """What the store knows of a node; `hello` and `health` are the newest messages as plain JSON objects."""

    node: str
    online: bool | None
    since_ms: int | None
    last_ms: int
    hello: dict[str, Any] | None
    health: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity of one sensor, with its newest reading; `last_value` is None while there is none.

    `interval_ms` is the usual time between its readings, by the last few; None while there are too few.
    """

    id: int
    node: str
    sensor: str
    quantity: str
    channel: str
    decimals: int
    unit: str
    last_ms: int | None
    last_value: float | None
    last_flags: int
    interval_ms: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """`count` readings around `t_ms`: their mean, lowest and highest, and the doubts any of them had.

    `rolled`: some of it is known by the hour only.
    """

    t_ms: int
    value: float
    low: float
    high: float
    count: int
    flags: int
    rolled: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """What is left of an hour's readings: how many, the lowest, the highest and the sum, in steps of `decimals`."""

    count: int
    low: int
    high: int
    sum: float
    decimals: int


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """A stored reading with its names. `row` grows with arrival.

    With `whole` it is the mean of an hour that was rolled up, at the beginning of that hour; of an hour since the boot,
    where it never was dated.
    """

    row: int
    t_ms: int
    dated: bool
    node: str
    sensor: str
    quantity: str
    channel: str
    steps: int
    decimals: int
    unit: str
    flags: int
    clock: int | None
    whole: Whole | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Of seqs `first` to `last` of a journal `records` are missing, and `arrived` came all the same.

    `readings` is how many readings were in those that are missing, None where nobody can say.
    """

    node: str
    epoch: int
    first: int
    last: int
    readings: int | None
    why: str
    records: int
    arrived: int = 0


@dataclass(frozen=True, slots=True)
class GapLine:
    """A loss, and the dates of what is here before and after it (Unix ms); None where nothing dated is."""

    loss: Loss
    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Unread:
    """What of a node the office holds and cannot read.

    Records whose schema is awaited, records that nobody can decode, and messages without a readable envelope.
    """

    raw: int = 0
    quarantined: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One journal: what its node says that it took, against what the store can show for it. Readings, unless said.

    `told` is None while the node never said. `named`: in gaps, of what did not arrive; up to `named_more` more are in
    gap records that reach beyond the moment of the telling. `waiting`: records that neither came nor are named;
    `unnamed`: those of them that will not come any more. `forgotten`: came before the node's disk lost them.
    `missed`: by how much all this falls short of what the node noted in a health record after that moment.

    `told_ms`: when it said so. `in_flight`: what it has taken since, as its newest word at `as_of_ms` shows, and is not
    here yet. `stepped_ms`: when it last said less than before (`tellings`), `erased`: what it had counted by then and
    nobody received. `copied`: there were two copies of it (`copies`), and which numbers were left out depends on whom
    one asks.
    """

    node: str
    epoch: int
    current: bool
    told: int | None
    here: int
    named: int
    named_more: int = 0
    waiting: int = 0
    unnamed: int = 0
    forgotten: int = 0
    missed: int = 0
    told_ms: int | None = None
    in_flight: int = 0
    as_of_ms: int | None = None
    stepped_ms: int | None = None
    erased: int = 0
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Stock:
    """What of a node is in the store. Rows against receipts, hours against receipts, and what is wrong with any.

    `twice`: rows that say what another row says; `strays`: rows that no receipt speaks for. `raw` and `quarantined` are
    readings, as the records claim; `raw_records` and `quarantined_records` how many records they are in.
    `undated_in_hours`: those of `in_hours` that grew old without ever being dated, and count hours since their boot.
    """

    node: str
    rows: int
    receipted: int
    in_hours: int
    rolled: int
    twice: int
    strays: int
    raw: int
    raw_records: int
    quarantined: int
    quarantined_records: int
    refused: int
    undated_in_hours: int = 0
