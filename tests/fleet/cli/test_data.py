"""`fleet data gaps`, `verify` and `rescue`: a real journal on a real card, with and without a running office."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from edge.epochs import FILE
from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from edge.journal.layout import SECTOR
from edge.wire.jsontext import to_json
from edge.wire.messages import GapRecord, Hello
from edge.wire.record import Record, RecordKind, pack
from fleet.home import Home
from fleet.spool import put
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Records
from tests.fleet.cli.test_serve import Serving, office
from tests.fleet.cli.typed import fleet
from tests.fleet.store.test_packs import chunk, clock, names

BOARD = '[node]\nid = "pole-a"\n'
COUNT = 30


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    fleet(place, "init")
    add(place)
    return place


def add(home: Path) -> None:
    assert fleet(home, "node", "add", "pole-a", "--credentials", home.parent / "a.json").returncode == 0


def card(folder: Path, epoch: int = 7) -> list[Record]:
    """A card as it comes out of a pole, and what is on it."""
    place = folder / "home" / "pi"
    place.mkdir(parents=True)
    (place / "node.toml").write_text(BOARD)
    disk = FolderDisk(place / "journal")
    journal = Journal.open(disk, lambda: epoch, 1 << 20, 16 * SECTOR)
    said = [clock(1), names(2), *[chunk(seq) for seq in range(3, COUNT)]]
    for record in said:
        journal.append([(record.kind, record.count, record.body)])
    journal.close()
    disk.close()
    (place / "journal" / FILE).write_text("{}")
    return [Record(epoch, record.seq, record.kind, record.count, record.body) for record in said]


def told(home: Path, *items: Record | Greeting) -> None:
    store = SqliteStore(home / "readings.db")
    for item in items:
        store.commit([item if isinstance(item, Greeting) else Records("pole-a", [item], 1000)])
    store.close()


def hello(total: int, upcoming: int, epoch: int = 7) -> Greeting:
    return Greeting("pole-a", Hello("pole-a", "b" * 32, epoch, 1, upcoming, readings_total=total, acked=0), 1000)


def rescue(home: Path, *words: str | Path) -> dict[str, Any]:
    done = fleet(home, "data", "rescue", *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def rows(home: Path) -> int:
    reader = StoreReader(home / "readings.db")
    assert reader.duplicated_rows() == 0
    return reader.stored_readings()


def readings(records: list[Record]) -> int:
    return sum(record.count for record in records)


def test_gaps_are_listed_with_their_state(home: Path) -> None:
    gap = Record(7, 9, RecordKind.GAP, 0, to_json(GapRecord(4, 6, 12, "journal full")))
    skip = Record(7, 5000, RecordKind.GAP, 0, to_json(GapRecord(10, 4999, 0, "skipped after a restart of the node")))
    told(home, clock(1), names(2), chunk(3), gap, chunk(7), skip)
    (found,) = json.loads(fleet(home, "data", "gaps", "pole", "-o", "json").stdout)
    assert (found["state"], found["readings"], found["records"], found["why"]) == ("missing", 12, 3, "journal full")
    assert (found["after"], found["before"]) == ("2001-09-09T01:46:43.030Z", "2001-09-09T01:46:47.000Z")
    told(home, chunk(5))
    every = fleet(home, "data", "gaps", "--all", "-o", "csv").stdout
    assert "pole-a,partly," in every and "pole-a,skipped,0,0," in every
    told(home, chunk(4), chunk(6))
    assert "pole-a,arrived,0,0,3," in fleet(home, "data", "gaps", "--all", "-o", "csv").stdout
    done = fleet(home, "data", "gaps")
    assert done.stdout.count("\n") == 1 and "0 readings are missing." in done.stderr
    told(home, hello(99, 6000), hello(0, 1, epoch=8))
    assert "and 1000 records of which nobody can say" in fleet(home, "data", "gaps").stderr


def test_an_account_that_adds_up_and_one_that_does_not(home: Path) -> None:
    told(home, clock(1), names(2), chunk(3), hello(chunk(3).count, 4))
    done = fleet(home, "data", "verify", "pole-a")
    assert done.returncode == 0 and "It adds up" in done.stdout and "4 questions: It adds up." in done.stderr
    told(home, hello(9, 4))
    done = fleet(home, "data", "verify", "-o", "json")
    assert done.returncode == 1 and "1 wrong" in done.stderr
    first, stored, *_ = json.loads(done.stdout)
    keys = {"node", "state", "check", "epoch", "told", "as_told_at", "here", "named", "waiting", "in_flight", "as_of",
            "raw", "stepped_back_at", "erased", "duplicated_rows", "rows", "receipted", "quarantined", "reason",
            "remedy"}
    assert all(set(line) == keys for line in json.loads(done.stdout)), "each line has each key, whatever it is about"
    assert (first["epoch"], first["as_told_at"], stored["epoch"]) == (7, "1970-01-01T00:00:01.000Z", None)
    assert (first["state"], first["told"], first["here"]) == ("bad", 9, chunk(3).count)
    assert first["reason"].startswith("Missing: 5 readings") and "fleet data rescue" in first["remedy"]
    assert (stored["duplicated_rows"], stored["rows"], stored["receipted"], stored["raw"]) == (0, 4, 4, 0)


def test_a_card_is_read_into_the_store_and_twice_changes_nothing(home: Path, tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    told(home, *said[:6], hello(readings(said), COUNT))
    told(home, hello(0, 1, epoch=8))
    assert fleet(home, "data", "verify").returncode == 1
    trial = rescue(home, "--dry-run", tmp_path / "card")
    assert trial["new"] == readings(said[6:]) and rows(home) == readings(said[:6])
    found = rescue(home, tmp_path / "card")
    assert (found["node"], found["readings"], found["new"]) == ("pole-a", readings(said), readings(said[6:]))
    assert (found["known"], found["damaged"], found["epochs"]) == (readings(said[:6]), 0, [7])
    assert rows(home) == readings(said)
    assert fleet(home, "data", "gaps").stdout.count("\n") == 1
    assert fleet(home, "data", "verify").returncode == 0
    again = rescue(home, tmp_path / "card" / "home" / "pi" / "journal")
    assert (again["new"], again["known"]) == (0, readings(said)) and rows(home) == readings(said)
    assert list((home / "spool").iterdir()) == []
    reader = StoreReader(home / "readings.db")
    (line,) = reader.nodes("pole-a")
    assert line.last_ms == 1000 and (line.hello or {})["epoch"] == 8, "the node itself said nothing"
    assert [(account.epoch, account.current) for account in reader.accounts()] == [(7, False), (8, True)]


def test_a_card_of_a_node_that_was_never_heard(home: Path, tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    journal = tmp_path / "card" / "home" / "pi" / "journal"
    shutil.copytree(journal, tmp_path / "copy")
    done = fleet(home, "data", "rescue", tmp_path / "copy")
    assert done.returncode == 2 and "--node NODE" in done.stderr
    assert rescue(home, tmp_path / "copy", "--node", "pole-a")["new"] == readings(said)
    assert rows(home) == readings(said) and fleet(home, "data", "verify").returncode == 0


def test_a_damaged_card_gives_what_it_has_and_names_the_rest(home: Path, tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    segment = min((tmp_path / "card" / "home" / "pi" / "journal").glob("segment-*"))
    data = bytearray(segment.read_bytes())
    data[5 * SECTOR + 20 : 6 * SECTOR] = bytes(6 * SECTOR - 5 * SECTOR - 20)
    segment.write_bytes(data)
    told(home, hello(0, 1, epoch=8))
    done = fleet(home, "data", "rescue", tmp_path / "card", "-o", "json")
    found = json.loads(done.stdout)
    assert (found["new"], found["damaged"]) == (readings(said) - said[4].count, said[4].count)
    assert f"{said[4].count} readings that it should hold cannot be read any more." in done.stderr
    assert "gaps remain" in done.stderr
    (gap,) = json.loads(fleet(home, "data", "gaps", "-o", "json").stdout)
    assert (gap["first"], gap["last"]) == (5, 5)


@pytest.mark.parametrize("what", ["nothing", "several", "file", "stranger"])
def test_what_cannot_be_meant_is_said(home: Path, tmp_path: Path, what: str) -> None:
    place = tmp_path / "card"
    place.mkdir()
    words: list[str | Path] = [place]
    if what == "several":
        card(place / "a")
        card(place / "b")
    elif what == "file":
        words = [home / "fleet.toml"]
    elif what == "stranger":
        card(place)
        words += ["--node", "pole-z"]
    done = fleet(home, "data", "rescue", *words)
    assert done.returncode in (1, 2, 4) and done.stdout == ""
    assert "Nothing was changed" in done.stderr and "Next: " in done.stderr and "Traceback" not in done.stderr
    assert not (home / "readings.db").exists() and not (home / "spool").exists()


@pytest.mark.once
def test_while_the_office_runs_it_is_the_one_that_writes(tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    with office(home=tmp_path / "home") as running:
        assert isinstance(running, Serving)
        add(running.home)
        found = rescue(running.home, tmp_path / "card")
        assert found["new"] == readings(said) and rows(running.home) == readings(said)
        assert rescue(running.home, tmp_path / "card")["new"] == 0
        assert list((running.home / "spool").iterdir()) == []


def test_a_name_that_no_node_can_have(home: Path, tmp_path: Path) -> None:
    card(tmp_path / "card")
    done = fleet(home, "data", "rescue", tmp_path / "card", "--node", "Pole A")
    assert done.returncode == 2 and "Nothing was changed" in done.stderr


def test_an_earlier_rescue_that_was_cut_short_is_finished_by_the_next(home: Path, tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    told(home, said[0])
    put(home / "spool", "card-1-1", "pole-a", 1000, [(b"R", pack(*said[:8]))])
    assert rescue(home, tmp_path / "card")["new"] == readings(said)
    assert rows(home) == readings(said) and list((home / "spool").iterdir()) == []


def test_a_store_that_takes_nothing_keeps_what_was_read(home: Path, tmp_path: Path) -> None:
    said = card(tmp_path / "card")
    told(home, hello(0, 1, epoch=8))
    db = sqlite3.connect(home / "readings.db")
    db.execute("CREATE TRIGGER full BEFORE INSERT ON receipts BEGIN SELECT RAISE(ABORT, 'full'); END")
    db.close()
    done = fleet(home, "data", "rescue", tmp_path / "card")
    assert done.returncode == 1 and done.stdout == ""
    assert f"{len(said)} of {len(said)} records could be neither filed nor kept" in done.stderr
    db = sqlite3.connect(home / "readings.db")
    db.execute("DROP TRIGGER full")
    db.close()
    assert rescue(home, tmp_path / "card")["readings"] == readings(said) and rows(home) == readings(said)


def test_a_newer_journal_is_said_to_be_one(home: Path, tmp_path: Path) -> None:
    card(tmp_path / "card")
    told(home, hello(0, 1))
    for path in (tmp_path / "card" / "home" / "pi" / "journal").glob("segment-*"):
        data = bytearray(path.read_bytes())
        if any(data[:SECTOR]):
            length = len(bytes(data[:SECTOR]).rstrip(b"\0"))
            data[4] = 99
            data[length - 4 : length] = crc32(bytes(data[: length - 4])).to_bytes(4, "little")
            path.write_bytes(data)
    done = fleet(home, "data", "rescue", tmp_path / "card", "-o", "json")
    assert json.loads(done.stdout)["newer_files"] >= 1 and "use a newer fleet" in done.stderr


FORBIDDEN = """
import json, struct, sys
body = json.dumps({"files": 3, "newer": 0, "forbidden": 2, "unreadable": 2}).encode()
sys.stdout.buffer.write(struct.pack(">cI", b"E", len(body)) + body)
"""


@pytest.mark.parametrize("what", ["files", "folder"])
def test_a_card_that_is_roots_is_not_called_empty(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    card(tmp_path / "card")
    shut, scandir = str(tmp_path / "card" / "home" / "pi" / "journal"), os.scandir

    def refuse(path: str) -> Any:
        if str(path) == shut:
            raise PermissionError(13, "Permission denied", shut)
        return scandir(path)

    if what == "files":
        monkeypatch.setattr("fleet.rescue.READ", [sys.executable, "-c", FORBIDDEN])
    else:
        monkeypatch.setattr("fleet.rescue._holds_segments", lambda folder: False)
        monkeypatch.setattr(os, "scandir", refuse)
    done = fleet(home, "data", "rescue", tmp_path / "card")
    assert done.returncode == 4 and shut in done.stderr and "Nothing was changed" in done.stderr
    assert "may not be" in done.stderr and "Next: sudo cp -r" in done.stderr
    assert not (home / "readings.db").exists() and not list(home.glob("spool/*"))


def test_an_office_that_is_slow_is_waited_for_and_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = card(tmp_path / "card")
    told(home, said[0])
    waits: list[float] = []
    with ExitStack() as running:
        running.enter_context(Home(home).locked())

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if sum(waits) > 12:
                running.close()

        monkeypatch.setattr("fleet.show.wait", wait)
        done = fleet(home, "data", "rescue", tmp_path / "card")
    assert done.returncode == 0 and rows(home) == readings(said)
    assert done.stderr.count("The office that runs") == 1 and "Ctrl-C loses nothing" in done.stderr


def test_a_damaged_store_is_a_sentence_and_no_traceback(home: Path, tmp_path: Path) -> None:
    card(tmp_path / "card")
    (home / "readings.db").write_bytes(b"this is no database " * 500)
    done = fleet(home, "data", "rescue", tmp_path / "card")
    assert done.returncode == 1 and "cannot be read" in done.stderr and "Next: " in done.stderr
    assert not list(home.glob("spool/*"))


def test_an_empty_tail_says_that_nodes_gather_first(home: Path) -> None:
    told(home, hello(0, 1))
    done = fleet(home, "data", "tail", "pole-a")
    assert done.returncode == 0 and "No reading of pole-a is here yet" in done.stderr
    assert "No reading" not in fleet(home, "data", "tail", "-n", "0").stderr


def test_a_partition_that_cannot_be_mounted_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_block_device", lambda path: True)
    done = fleet(home, "data", "rescue", home / "fleet.toml")
    assert done.returncode in (1, 4) and "mount -o ro,noload" in done.stderr and "Nothing was changed" in done.stderr
