"""The spool: letters between those of the nodes, gone when they are committed, and taken again when they are not."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.wire.jsontext import to_json
from edge.wire.messages import Hello
from edge.wire.record import pack
from edge.wire.topics import up
from fleet.collect import CardSaid, Incoming, Outgoing, sort
from fleet.collector import Collector
from fleet.inlet import Letter
from fleet.live import Live
from fleet.spool import FRAME, SPOOL, SpoolError, SpoolInlet, frames, letters, put
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Card, Committed, Parcel, Records, StoreError
from tests.fleet.store.lives import SCHEMAS
from tests.fleet.store.test_packs import chunk, clock

LIVE = Letter(Incoming(up("pole-2", "status"), b'{"node":"pole-2","online":true}', 5), 1, 1)


class Inner:
    """An inlet of which the test knows all."""

    def __init__(self, waiting: int = 0) -> None:
        self.waiting = waiting
        self.asked: list[float] = []
        self.accepted: list[Letter] = []
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("start")

    def receive(self, timeout_s: float) -> Letter | None:
        self.asked.append(timeout_s)
        self.waiting -= 1
        return LIVE if self.waiting >= 0 else None

    def accept(self, letters: Sequence[Letter]) -> None:
        self.accepted += letters

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        self.said.append(f"publish {qos}")

    def shut(self) -> None:
        self.said.append("shut")

    def stop(self) -> None:
        self.said.append("stop")


def content(count: int = 5) -> list[tuple[bytes, bytes]]:
    said = CardSaid(Hello("pole-1", "", 7, 1, count + 3), [SCHEMAS[0].encode().hex(), "00"])
    return [(b"R", pack(clock(1)))] + [(b"R", pack(chunk(seq + 3))) for seq in range(count)] + [(b"H", to_json(said))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_what_was_put_in_comes_out_as_letters_and_parcels(folder: Path) -> None:
    path = put(folder, "one", "pole-1", 77, content())
    found = list(letters(path))
    assert [letter.number for letter in found] == list(range(1, 8)) and {each.connection for each in found} == {SPOOL}
    first, last = sort(found[0].message), sort(found[-1].message)
    assert isinstance(first, Records) and first.rescued and (first.node, first.arrived_ms) == ("pole-1", 77)
    assert isinstance(last, Card) and last.schemas[0] == SCHEMAS[0].encode() and last.hello.next == 8


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[]\n", b'{"node":"POLE","arrived_ms":1}\n',
                                  b'{"node":"pole-1","arrived_ms":Infinity}\n', b'[' * 200_000,
                                  b'{"node":"pole-1","arrived_ms":-1}\n',
                                  b'{"node":"pole-1","arrived_ms":99999999999999999999}\n',
                                  b'{"node":"pole-1","arrived_ms":1}\nR',
                                  b'{"node":"pole-1","arrived_ms":1}\nR\0\0\0\1',
                                  b'{"node":"pole-1","arrived_ms":1}\nR\xff\xff\xff\xff',
                                  b'{"node":"pole-1","arrived_ms":1}\nX\0\0\0\0'])  # fmt: skip
def test_what_we_did_not_write_is_set_aside(folder: Path, text: bytes) -> None:
    folder.mkdir()
    (folder / "one.letters").write_bytes(text)
    with pytest.raises(SpoolError):
        list(letters(folder / "one.letters"))
    put(folder, "two", "pole-1", 77, content())
    inlet = SpoolInlet(Inner(), folder)
    assert inlet.receive(0) is None
    inlet._looked_ms = None
    letter = inlet.receive(0)
    assert letter and letter.number == 1 and [path.name for path in folder.glob("*.bad")] == ["one.bad"]


def test_what_was_handed_out_of_a_file_set_aside_does_not_count_for_the_next(folder: Path) -> None:
    spoilt = put(folder, "one", "pole-1", 77, content(4))
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    whole = put(folder, "two", "pole-1", 77, content(1))
    inlet = SpoolInlet(Inner(), folder)
    strays = [letter for _ in range(6) if (letter := inlet.receive(0)) is not None]
    inlet._looked_ms = None
    got = [letter for _ in range(5) if (letter := inlet.receive(0)) is not None]
    assert len(strays) == 5 and len(got) == 3
    inlet.accept(strays)
    assert whole.exists()
    inlet.accept(got)
    assert not whole.exists()


def test_a_half_written_file_never_bears_its_name(folder: Path) -> None:
    def broken() -> list[tuple[bytes, bytes]]:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        put(folder, "one", "pole-1", 77, (frame for each in (content, broken) for frame in each()))
    assert list(folder.iterdir()) == []


def test_frames_end_where_the_file_does() -> None:
    assert list(frames(io.BytesIO(FRAME.pack(b"R", 2) + b"ab"))) == [(b"R", b"ab")]


def test_the_other_inlet_is_waited_for_only_while_there_is_nothing_here(folder: Path) -> None:
    inner = Inner()
    inlet = SpoolInlet(inner, folder)
    assert inlet.receive(0.5) is None and inner.asked == [0.5]
    put(folder, "one", "pole-1", 77, content())
    inlet._looked_ms = None
    assert inlet.receive(0.5) is not None and inner.asked == [0.5, 0]


def test_both_get_their_turn(folder: Path) -> None:
    put(folder, "one", "pole-1", 77, content(20))
    inlet = SpoolInlet(Inner(1000), folder)
    got = [letter.connection for _ in range(40) if (letter := inlet.receive(1)) is not None]
    assert got.count(SPOOL) == 10 and got.count(1) == 30


def test_a_file_goes_when_all_of_it_is_committed(folder: Path) -> None:
    path, inner = put(folder, "one", "pole-1", 77, content(2)), Inner(1)
    inlet = SpoolInlet(inner, folder)
    got = [letter for _ in range(9) if (letter := inlet.receive(0)) is not None]
    assert len(got) == 5 and path.exists()
    inlet.accept(got[:-1])
    assert path.exists() and inner.accepted == [LIVE]
    inlet.accept(got[-1:])
    assert not path.exists() and inlet.receive(0) is None


def test_what_else_is_asked_is_asked_of_the_other(folder: Path) -> None:
    inner = Inner()
    inlet = SpoolInlet(inner, folder)
    inlet.start()
    inlet.publish(Outgoing("x", b""), 0)
    put(folder, "one", "pole-1", 77, content())
    assert inlet.receive(0) is not None
    inlet.shut()
    assert inlet.receive(0) is None
    inlet.stop()
    assert inner.said == ["start", "publish 0", "shut", "stop"]


def test_a_file_that_cannot_even_be_moved_stops_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "one.letters").write_bytes(b"?")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "rename", refuse)
    inlet = SpoolInlet(Inner(1), folder)
    assert [inlet.receive(0), inlet.receive(0)] == [LIVE, None]


class Refusing:
    """A store that is full at first."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.left = store, 2

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        self.left -= 1
        if self.left >= 0:
            raise StoreError("the disk is full")
        return self.store.commit(batch)

    def quarantine(self, parcel: Records, why: str) -> Committed:
        return self.store.quarantine(parcel, why)

    def close(self) -> None:
        self.store.close()


def test_a_store_that_refuses_keeps_the_file(folder: Path, tmp_path: Path) -> None:
    path = put(folder, "one", "pole-1", 77, content())
    inlet, store = SpoolInlet(Inner(), folder), SqliteStore(tmp_path / "readings.db")
    collector = Collector(inlet, Refusing(store), Live())
    batch: Sequence[Letter] = [letter for _ in range(20) if (letter := inlet.receive(0)) is not None]
    for _ in range(2):
        batch = collector.take(batch)
        assert len(batch) == 7 and path.exists()
    assert collector.take(batch) == () and not path.exists()
    reader = StoreReader(tmp_path / "readings.db")
    assert reader.readings_by_node() == {"pole-1": sum(chunk(seq + 3).count for seq in range(5))}
    (line,) = reader.nodes()
    assert (line.last_ms, line.hello) == (0, None)
