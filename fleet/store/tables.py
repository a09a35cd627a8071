"""The tables of `readings.db`, and the settings without which its promises would not hold.

Plain rows that every tool can read. A receipt is the proof that (node, epoch, seq) arrived; its key is what
duplicates fall on. A receipt's rows lie side by side in `readings` (first_row, readings), so that re-dating a chunk
needs no index of its own; rows that grew too old are gone, and what they said is in `hours` (Unix hours; values in
steps, the mean is sum / count), or in `loose` while a record that is still to come may change their date, or where
none ever came: those whose `dated` is 0 count hours since their boot. Of what is in `loose` and not yet `sure` the
readings themselves lie on the `shelf`, pressed. `runs` are receipts that grew old, many as one (see `runs.py`).
`gaps` is what nodes confess; `holes` is what a hello shows they no longer hold although it never came; both are
weighed against the receipts when read, for late copies may still be on their way. `copies` is what shows that a
journal was put back as it once was: leaps and hellos that cannot be of one journal, and records, as they came, whose
number is another's. `journals` says how far each is settled (`upto`, and `beyond`: how many above it), what it has
given out (`next`), by the highest `grown` which one its node writes now, what its newest hello said: `readings_total`
in all seqs below `said`, and the most that its node counted by its own word (`peak`, see `tellings.py`): where that
stepped back, `steps` says so. `boots` are the last boots in which each node spoke, in what order, and `clones` the
nodes in whose name two speak (see `clones.py`). One connection writes (SQLite before 3.51.3 can corrupt a WAL that two
write); readers open the file read-only.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

VERSION = 4
PAGE_BYTES = 4096

TABLES = """
CREATE TABLE nodes(key INTEGER PRIMARY KEY, node TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE receipts(
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  kind INTEGER NOT NULL, readings INTEGER NOT NULL, boot INTEGER, offset_ms INTEGER, quality INTEGER,
  arrived_ms INTEGER NOT NULL, state INTEGER NOT NULL, first_row INTEGER,
  UNIQUE(node, epoch, seq)) STRICT;
CREATE INDEX undated_receipts ON receipts(node) WHERE kind=1 AND offset_ms IS NULL;
CREATE INDEX unstored_receipts ON receipts(state) WHERE state<>0;
CREATE TABLE journals(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, upto INTEGER NOT NULL, beyond INTEGER NOT NULL,
  lowest INTEGER NOT NULL, next INTEGER NOT NULL, readings_total INTEGER NOT NULL, grown INTEGER NOT NULL,
  said INTEGER NOT NULL DEFAULT 0, folded INTEGER NOT NULL DEFAULT 0,
  told_ms INTEGER NOT NULL DEFAULT 0, peak INTEGER NOT NULL DEFAULT 0, peak_ms INTEGER NOT NULL DEFAULT 0,
  boot_id TEXT NOT NULL DEFAULT '', greeted_ms INTEGER NOT NULL DEFAULT 0, greeted_next INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(node, epoch)) STRICT;
CREATE TABLE schemas(node INTEGER NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY(node, key)) STRICT;
CREATE TABLE clocks(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, boot_id TEXT NOT NULL,
  offset_ms INTEGER, quality INTEGER NOT NULL, uncertainty_ms INTEGER, PRIMARY KEY(node, epoch, boot, seq)) STRICT;
CREATE TABLE series(
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL, sensor TEXT NOT NULL, quantity TEXT NOT NULL, channel TEXT NOT NULL,
  decimals INTEGER NOT NULL, unit TEXT NOT NULL, UNIQUE(node, sensor, quantity, channel, decimals)) STRICT;
CREATE TABLE readings(
  id INTEGER PRIMARY KEY, series INTEGER NOT NULL, t_ms INTEGER NOT NULL, steps INTEGER NOT NULL,
  flags INTEGER NOT NULL, receipt INTEGER NOT NULL) STRICT;
CREATE INDEX readings_by_series ON readings(series, t_ms);
CREATE TABLE hours(
  series INTEGER NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL NOT NULL, low INTEGER NOT NULL,
  high INTEGER NOT NULL, flags INTEGER NOT NULL, PRIMARY KEY(series, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE loose(
  series INTEGER NOT NULL, hour INTEGER NOT NULL, epoch INTEGER NOT NULL, boot INTEGER NOT NULL,
  dated INTEGER NOT NULL, sure INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL NOT NULL, low INTEGER NOT NULL,
  high INTEGER NOT NULL, flags INTEGER NOT NULL, PRIMARY KEY(series, hour, epoch, boot, dated, sure))
  STRICT, WITHOUT ROWID;
CREATE VIEW all_hours AS SELECT series, hour, count, sum, low, high, flags FROM hours
  UNION ALL SELECT series, hour, count, sum, low, high, flags FROM loose WHERE dated=1;
CREATE TABLE shelf(receipt INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE runs(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  readings INTEGER NOT NULL, counts BLOB NOT NULL, PRIMARY KEY(node, epoch, first)) STRICT, WITHOUT ROWID;
CREATE TABLE copies(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, digest BLOB NOT NULL, payload BLOB,
  records INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, PRIMARY KEY(node, epoch, seq, digest)) STRICT;
CREATE TABLE steps(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, told_ms INTEGER NOT NULL, before INTEGER NOT NULL,
  after INTEGER NOT NULL, next_before INTEGER NOT NULL, next_after INTEGER NOT NULL,
  PRIMARY KEY(node, epoch, told_ms)) STRICT;
CREATE TABLE gaps(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  readings INTEGER NOT NULL, why TEXT NOT NULL, from_ms INTEGER, to_ms INTEGER, PRIMARY KEY(node, epoch, seq)) STRICT;
CREATE TABLE holes(
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(node, epoch, first, last)) STRICT;
CREATE TABLE events(receipt INTEGER PRIMARY KEY, kind INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE raw(
  receipt INTEGER PRIMARY KEY, node INTEGER NOT NULL, schema BLOB, why TEXT NOT NULL, body BLOB NOT NULL,
  receipts INTEGER NOT NULL DEFAULT 1, seq INTEGER NOT NULL DEFAULT 0, counts TEXT) STRICT;
CREATE INDEX raw_by_schema ON raw(node, schema);
CREATE TABLE refused(
  node INTEGER NOT NULL, kind TEXT NOT NULL, digest BLOB NOT NULL, why TEXT NOT NULL, payload BLOB NOT NULL,
  arrived_ms INTEGER NOT NULL, PRIMARY KEY(node, kind, digest)) STRICT;
CREATE TABLE presence(
  node INTEGER PRIMARY KEY, online INTEGER NOT NULL DEFAULT 0, since_ms INTEGER, last_ms INTEGER NOT NULL DEFAULT 0,
  hello TEXT, health TEXT, refused INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE boots(
  node INTEGER NOT NULL, tag TEXT NOT NULL, at_ms INTEGER NOT NULL, lag_ms INTEGER NOT NULL, turn INTEGER NOT NULL,
  PRIMARY KEY(node, tag)) STRICT;
CREATE TABLE clones(node INTEGER PRIMARY KEY, returns INTEGER NOT NULL, last_ms INTEGER NOT NULL) STRICT;
"""


def _made(first: str, after: str = "") -> str:
    """The tables from `first` up to the one called `after`, or to the last."""
    end = TABLES.index(f"CREATE TABLE {after}(") if after else len(TABLES)
    return TABLES[TABLES.index(f"CREATE TABLE {first}(") : end]


GROWTH = {
    1: f"""{_made("hours", "loose")}ALTER TABLE journals ADD COLUMN said INTEGER NOT NULL DEFAULT 0;
ALTER TABLE raw ADD COLUMN receipts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE raw ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE raw ADD COLUMN counts TEXT;
UPDATE raw SET seq=(SELECT seq FROM receipts WHERE id=receipt);
""",
    2: f"""{_made("loose", "gaps")}ALTER TABLE journals ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN peak INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN peak_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
ALTER TABLE journals ADD COLUMN greeted_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN greeted_next INTEGER NOT NULL DEFAULT 0;
""",
    3: _made("boots"),
}  # what a store of that version lacks of the next

SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "wal_autocheckpoint": 2000,
    "journal_size_limit": 64 << 20,
    "busy_timeout": 5000,
    "cache_size": -32768,
    "temp_store": 2,
    "cell_size_check": 1,
    "trusted_schema": 0,
    "mmap_size": 0,
}


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes: tables made, settings asserted, transactions begun by hand.

    Raises sqlite3.Error, and ValueError when a setting did not take or the file is of a newer version.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        _apply(connection)
        _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.OperationalError where there is no store yet, or one of another
    version."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA trusted_schema=0")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        connection.close()
        raise sqlite3.OperationalError(f"it is of version {version}, and this fleet reads version {VERSION}; "
                                       "an older one is taken over by `fleet serve`")  # fmt: skip
    return connection


def _apply(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    for name, wanted in SETTINGS.items():
        connection.execute(f"PRAGMA {name}={wanted}").fetchall()
        (found,) = connection.execute(f"PRAGMA {name}").fetchone() or (wanted,)
        if found != wanted:
            raise ValueError(f"the store's setting {name} is {found}, it must be {wanted}")


def _make(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ValueError(f"the store was written by a newer fleet (version {version}, this one knows {VERSION})")
    work = TABLES if version == 0 else "".join(GROWTH[each] for each in range(version, VERSION))
    if work:
        connection.executescript(f"BEGIN IMMEDIATE;{work}PRAGMA user_version={VERSION};COMMIT;")
