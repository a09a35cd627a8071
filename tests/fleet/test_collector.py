"""From a node's message to a verified row and back to an ack, through the real broker and over its dead body."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import from_json, to_json
from edge.wire.messages import Ack, Hello
from edge.wire.record import Record, RecordKind, pack
from edge.wire.schema import Column, Schema
from edge.wire.topics import down, every_down, up
from fleet import collector
from fleet.collect import Outgoing
from fleet.collector import Complaint
from fleet.serve import Office
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Committed, Greeting, Parcel, Records, StoreError
from fleet.store.tables import VERSION
from tests.fleet.pole import Pole, wait_for
from tests.fleet.store.test_poison import A_BUG, of_version

SCHEMA = Schema((Column("air", "temperature", "", 2),))
CLOCK = Record(5, 1, RecordKind.CLOCK, 0, to_json(ClockRecord(1, "b" * 32, 1_700_000_000_000, ClockQuality.SYNCED)))
NAMES = Record(5, 2, RecordKind.SCHEMA, 0, SCHEMA.encode())


def chunk(seq: int) -> Record:
    body = encode(SCHEMA, 1, ClockQuality.SYNCED, [Cell(seq * 1000, 0, 2100 + seq)])
    return Record(5, seq, RecordKind.CHUNK, 1, body)


def acks(pole: Pole) -> list[Ack]:
    return [from_json(Ack, payload) for topic, payload, _ in pole.heard if topic.endswith("/ack")]


def heard(pole: Pole, topic: str, times: int) -> bool:
    return [each for each, _, _ in pole.heard].count(topic) == times


def test_a_reading_becomes_a_row_and_the_node_may_forget_it(office: Office, pole_a: Pole) -> None:
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: acks(pole_a)[-1:] == [Ack(5, 3)], "the ack of all three")
    (line,) = office.reader.tail()
    assert (line.node, line.sensor, line.t_ms, line.steps) == ("pole-a", "air", 1_700_000_003_000, 2103)
    assert line.dated and office.live.rows == 1


def test_a_hello_is_answered_with_what_is_here(office: Office, pole_a: Pole) -> None:
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(chunk(3), chunk(4)))
    wait_for(lambda: acks(pole_a), "the ack")
    before = len(acks(pole_a))
    pole_a.say(up("pole-a", "hello"), to_json(Hello("pole-a", "b" * 32, 5, 1, 5)))
    wait_for(lambda: len(acks(pole_a)) > before, "the answer to the hello")
    assert acks(pole_a)[-1] == Ack(5, 0, [(3, 4)], [SCHEMA.key.hex()])


def test_what_is_pending_is_sent_again_at_every_hello(office: Office, pole_a: Pole) -> None:
    office.collector.pending = lambda node: [Outgoing(down(node, "desired"), b"{}")]
    assert pole_a.subscribe(every_down("pole-a")) == 1
    for times in (1, 2):
        pole_a.say(up("pole-a", "hello"), to_json(Hello("pole-a", "b" * 32, 5, 1, 5)))
        wait_for(partial(heard, pole_a, down("pole-a", "desired"), times), "the desired state")


def test_rubbish_harms_nobody_and_is_kept(office: Office, pole_a: Pole) -> None:
    for kind in ("record", "hello", "status", "health"):
        pole_a.say(up("pole-a", kind), b"\xff\x00rubbish")
    pole_a.say(up("pole-a", "hello"), to_json(Hello("pole-b", "", 5, 1, 5)))
    pole_a.say("lantaarn/v1/pole-a/up/gossip", b"?")
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: office.live.rows == 1, "the row behind the rubbish")
    refused = office.reader.db.execute("SELECT kind, payload FROM refused ORDER BY kind").fetchall()
    assert [kind for kind, _ in refused] == ["health", "hello", "hello", "record", "status"]


def test_nothing_is_lost_when_the_broker_is_killed(office: Office, pole_a: Pole) -> None:
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: acks(pole_a), "the first ack")
    before = office.kill_broker(down_for_s=0.2)
    wait_for(lambda: office.broker_pid not in (None, before), "the new broker")
    wait_for(lambda: len(pole_a.connects) > 1 and office.inlet.subscribed.is_set(), "both connections")
    assert pole_a.subscribe(every_down("pole-a")) == 1
    for seq in (3, 4, 5):
        pole_a.say(up("pole-a", "record"), pack(chunk(seq)))
    wait_for(lambda: acks(pole_a)[-1] == Ack(5, 5), "the ack after the restart")
    assert office.reader.stored_readings() == 3
    assert office.reader.duplicated_rows() == 0


class Ailing:
    """A store that fails a few times before it does its work: the disk is full, then it is not."""

    def __init__(self, store: SqliteStore, errors: list[Exception]) -> None:
        self.store, self.errors, self.refused = store, errors, 0

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        if self.errors:
            self.refused += 1
            raise self.errors.pop(0)
        return self.store.commit(batch)

    def quarantine(self, parcel: Records, why: str) -> Committed:
        return self.store.quarantine(parcel, why)

    def close(self) -> None:
        """The real one is closed by the office."""


def test_while_the_store_takes_nothing_nothing_is_acknowledged(office: Office, pole_a: Pole) -> None:
    ailing = Ailing(office.store, [StoreError("disk full")])
    office.collector.store = ailing
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: ailing.refused == 1, "the refusal")
    assert acks(pole_a) == [] and office.reader.stored_readings() == 0
    wait_for(lambda: acks(pole_a) == [Ack(5, 3)], "the ack once there was room")
    assert office.reader.stored_readings() == 1


def plant_a_bug(office: Office, steps: int) -> None:
    """From now on no reading of this value can be filed."""
    db = sqlite3.connect(office.home.readings)
    db.execute(A_BUG.format(steps))
    db.close()


def quarantined(office: Office) -> list[tuple[int, bytes]]:
    sql = "SELECT receipts.seq, body FROM receipts JOIN raw ON id=receipt WHERE state=2"
    return office.reader.db.execute(sql).fetchall()


def test_poison_is_kept_and_acked_and_its_neighbours_are_filed(office: Office, pole_a: Pole) -> None:
    plant_a_bug(office, 2104)
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3), chunk(4), chunk(5)))
    pole_a.say(up("pole-a", "record"), pack(chunk(6)))
    wait_for(lambda: acks(pole_a)[-1:] == [Ack(5, 6)], "the watermark to pass the poison")
    assert office.reader.stored_readings() == 3
    assert quarantined(office) == [(4, chunk(4).body)]
    assert office.live.quarantined == 1


def test_a_message_that_raises_is_kept_as_it_came(office: Office, pole_a: Pole) -> None:
    db = sqlite3.connect(office.home.readings)
    db.execute("CREATE TRIGGER bug BEFORE UPDATE OF hello ON presence BEGIN SELECT RAISE(ABORT, 'a bug of ours'); END")
    db.close()
    hello = to_json(Hello("pole-a", "b" * 32, 5, 1, 5))
    pole_a.say(up("pole-a", "hello"), hello)
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: office.live.rows == 1, "the row behind it")
    ((payload, why),) = office.reader.db.execute("SELECT payload, why FROM refused").fetchall()
    assert payload == hello and "a bug of ours" in why


def test_the_collector_outlives_what_it_does_not_expect(office: Office, pole_a: Pole) -> None:
    ailing = Ailing(office.store, [KeyError("what?"), ZeroDivisionError(), StoreError("full"), RuntimeError()])
    office.collector.store = ailing
    assert pole_a.subscribe(every_down("pole-a")) == 1
    for seq in (3, 4):
        pole_a.say(up("pole-a", "record"), pack(chunk(seq)))
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES))
    wait_for(lambda: acks(pole_a)[-1:] == [Ack(5, 4)], "the ack of all")
    assert ailing.errors == [] and office.reader.stored_readings() == 2


class Averse(Ailing):
    """A store that cannot stand a hello, however often it is tried."""

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        self.errors = [RuntimeError("a bug of ours")] * any(isinstance(parcel, Greeting) for parcel in batch)
        return super().commit(batch)


def test_what_always_raises_does_not_stand_in_the_way(office: Office, pole_a: Pole) -> None:
    office.collector.store = Averse(office.store, [])
    hello = to_json(Hello("pole-a", "b" * 32, 5, 1, 5))
    pole_a.say(up("pole-a", "hello"), hello)
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: office.live.rows == 1, "the row behind it")
    refused = office.reader.db.execute("SELECT payload, why FROM refused").fetchall()
    assert refused == [(hello, "RuntimeError: a bug of ours")]


def test_an_answer_that_fails_costs_nothing(office: Office, pole_a: Pole) -> None:
    office.collector.pending = lambda node: [].pop()
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "hello"), to_json(Hello("pole-a", "b" * 32, 5, 1, 5)))
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: acks(pole_a)[-1:] == [Ack(5, 3)], "the ack")
    assert office.reader.db.execute("SELECT count(*) FROM refused").fetchone() == (0,)


def test_a_store_that_comes_back_has_quarantined_nothing(office: Office, pole_a: Pole) -> None:
    of_version(office.home.readings, VERSION + 1)
    office.store.db.close()
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: "opened again" in office.live.fault, "the failed attempt to open it")
    turned = office.live.turned_ms
    wait_for(lambda: office.live.turned_ms > turned, "another attempt")
    assert acks(pole_a) == []
    of_version(office.home.readings, VERSION)
    wait_for(lambda: acks(pole_a) == [Ack(5, 3)], "the ack once it is back")
    assert (office.reader.stored_readings(), quarantined(office), office.live.fault) == (1, [], "")


def test_what_was_not_committed_comes_back_from_the_broker(tmp_path: Path, office: Office, pole_a: Pole) -> None:
    ailing = Ailing(office.store, [StoreError("disk full")] * 1000)
    office.collector.store = ailing
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: ailing.refused, "the refusal")
    office.stop()
    office.__init__(office.home, office.ports, web=False)  # type: ignore[misc]
    office.start()
    wait_for(lambda: office.reader.stored_readings() == 1, "the row in the next life")


def test_a_session_that_somebody_took_is_noticed(office: Office) -> None:
    from fleet.registry import COLLECTOR

    credential = office.registry.credential(COLLECTOR)
    assert credential is not None
    thief = Pole.collector(office.home, credential.client_id)
    wait_for(lambda: thief.connects[-1:] == [0], "the thief")
    thief.leave()
    wait_for(lambda: office.live.sessions_lost >= 1 and office.live.connected, "the alarm")


def test_the_page_shows_what_was_stored(office: Office, pole_a: Pole) -> None:
    from fleet.window import OfficeWindow

    window = OfficeWindow(office.reader, office.registry, office.live, office.clock)
    before = window.marker()
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: office.live.rows == 1, "the row")
    nodes = window.nodes()
    assert nodes["totals"] == {"nodes": 2, "online": 0, "readings": 1, "gaps": 0}
    assert [(node["id"], node["readings"]) for node in nodes["nodes"]] == [("pole-a", 1), ("pole-b", 0)]
    (series,) = window.series("pole-a")
    assert window.points(series["id"], 0, 2_000_000_000_000, 9) == {"t_ms": [1_700_000_003_000], "values": [21.03]}
    assert nodes["office"] is None
    assert window.marker() > before and window.streets()["features"] == []


def office_line(office: Office) -> dict[str, str]:
    line: dict[str, str] = office.window.nodes()["office"]
    return line


def test_the_page_shows_how_the_office_does(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (office_line(office)["state"], office_line(office)["check"]) == ("good", "serve")
    office.kill_broker(down_for_s=60)
    wait_for(lambda: not office.live.connected, "the end of the connection")
    assert (office_line(office)["state"], office_line(office)["check"]) == ("bad", "broker")
    assert office_line(office)["reason"] and office_line(office)["remedy"]


@pytest.mark.parametrize("sql", ["DELETE FROM receipts", "CREATE TABLE x(y)"])
def test_readers_cannot_write(office: Office, sql: str) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        office.reader.db.execute(sql)


def test_what_goes_on_and_on_is_said_at_once_and_then_ever_less_often() -> None:
    complaint = Complaint()
    said = [second for second in range(86_400) if complaint.due(second * 1000)]
    assert said[:4] == [0, 60, 180, 420] and len(said) < 35 and said[-1] - said[-2] == 3600
    assert complaint.withdrawn() and not complaint.withdrawn()
    assert complaint.due(86_400_000)


def test_a_store_that_takes_nothing_is_in_the_log_once(
    office: Office, pole_a: Pole, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "TRY_AGAIN_S", 0.01)
    caplog.set_level("INFO")
    ailing = Ailing(office.store, [StoreError("disk full")] * 20)
    office.collector.store = ailing
    pole_a.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    wait_for(lambda: office.live.rows == 1, "the row")
    assert caplog.text.count("The store took nothing (disk full)") == 1
    assert "The store takes what comes in again." in caplog.text
