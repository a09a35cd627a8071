"""The whole agent on a told clock: its real rooms, a disk in memory, an office in the same process."""

from __future__ import annotations

import errno
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agent import Agent
from edge.events import Arrived, Asked, Failed, Stop
from edge.journal.naming import SKIPPED
from edge.office import OfficeError
from edge.wire.chunks import Schema
from edge.wire.messages import Ack, ClockRecord, GapRecord, Health, Hello, State, Status, from_json, to_json
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk
from tests.edge.loopback import Loopback
from tests.edge.pole import PORTS, WIRING, Pole, cells, events


def test_what_is_sampled_arrives() -> None:
    pole = Pole()
    pole.live(30)
    pole.clock.advance(2)
    pole.settle()
    assert pole.office.readings() == cells(pole.office) == pole.sampled == 120
    assert pole.office.doubles == 0
    journal = pole.agent.node.commits.journal
    assert journal is not None and journal.backlog_readings == 0


def test_it_greets_with_what_it_is() -> None:
    pole = Pole()
    pole.live(2)
    hello = from_json(Hello, pole.office.said["hello"][0])
    assert (hello.node, hello.boot_id, [line.name for line in hello.sensors]) == (
        "pole-001", pole.clock.boot_id, ["air", "soil"])  # fmt: skip
    assert from_json(Status, pole.office.retained["status"]).online
    assert from_json(Health, pole.office.said["health"][0]).checks


def test_an_outage_loses_nothing_and_the_present_comes_first_after_it() -> None:
    pole = Pole()
    pole.live(3)
    pole.office.up = False
    pole.links[0].cut()
    pole.live(400)
    before = pole.office.readings()
    assert before < 20
    pole.office.up = True
    while not pole.links[0].joined:
        pole.live(1)
    first = pole.office.said["record"][-1]
    pole.live(60)
    pole.clock.advance(2)
    pole.settle()
    assert pole.office.readings() == pole.sampled
    assert first


def test_stop_commits_what_is_open_and_says_goodbye() -> None:
    pole = Pole()
    pole.live(5)
    pole.clock.advance(0.3)
    pole.settle()
    pole.clock.advance(0.1)  # far from the next commit
    pole.sample("air")
    pole.agent.inbox.put(Stop())
    pole.agent.run()
    pole.agent.finish()
    assert pole.office.readings() == pole.sampled
    assert not from_json(Status, pole.office.retained["status"]).online
    assert not pole.links[0].joined
    assert [event.what for event in events(pole.office)] == ["agent started", "agent stopped"]
    pole.start()
    assert "boot" in pole.health() and pole.health()["boot"].state is State.GOOD
    assert len(pole.clock.boot_id) == 32 and pole.agent.node.health(0).boot == pole.clock.boot_id[-8:]


def test_a_killed_agent_goes_on_where_its_journal_ends_and_tells_so() -> None:
    pole = Pole()
    pole.office.up = False
    pole.live(10)
    pole.links[0].cut()
    pole.disk.crash("lost", Random(1))
    pole.office.up = True
    pole.start()
    assert pole.health()["boot"].state is State.BAD
    assert pole.agent.node.boot.ordinal == 1
    pole.live(90)
    journal = pole.agent.node.commits.journal
    assert journal is not None
    assert pole.office.readings() == cells(pole.office)
    assert pole.sampled - journal.total_readings <= 2 * 4  # one commit interval at the kill, one open now


def test_another_boot_has_another_number() -> None:
    pole = Pole()
    pole.live(5)
    pole.start("f" * 32)
    pole.live(5)
    assert pole.agent.node.boot.ordinal == 2
    clocks = [from_json(ClockRecord, r.body) for r in pole.office.records.values() if r.kind == RecordKind.CLOCK]
    assert {(c.boot, c.boot_id) for c in clocks} == {(1, "0" * 31 + "1"), (2, "f" * 32)}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_disk_that_refuses_stops_nothing_and_is_told(number: int) -> None:
    pole = Pole()
    pole.live(5)
    pole.disk.fail("pwrite", number, times=8)
    pole.live(5)
    journal = pole.health()["journal"]
    assert journal.state is State.BAD and "kept in memory" in journal.reason and journal.remedy
    pole.live(10)
    pole.clock.advance(2)
    pole.settle()
    assert pole.health()["journal"].state is State.GOOD
    assert pole.office.readings() == cells(pole.office) == pole.sampled


def test_a_disk_that_refuses_for_long_costs_bounded_memory_and_what_it_cost_is_named() -> None:
    pole = Pole()
    pole.live(3)
    pole.agent.node.commits._cap_bytes = 20_000
    pole.disk.fail("pwrite", errno.EIO, times=10**6)
    pole.live(300)
    assert pole.agent.node.commits.lost > 0
    waiting = pole.agent.node.commits.waiting
    assert waiting < 300
    pole.disk.heal()
    pole.live(5)
    pole.clock.advance(2)
    pole.settle()
    lost = [event.details["readings"] for event in events(pole.office) if event.what == "readings lost"]
    assert sum(int(str(n)) for n in lost) == pole.agent.node.commits.lost == pole.sampled - pole.office.readings()


def test_without_a_journal_at_first_it_waits_for_one() -> None:
    disk = MemoryDisk()
    disk.fail("create", errno.EIO, times=3)
    pole = Pole(disk=disk)
    pole.live(10)
    pole.clock.advance(2)
    pole.settle()
    assert pole.office.readings() == pole.sampled
    pole.links[0].cut()
    pole.live(5)
    assert from_json(Hello, pole.office.said["hello"][-1]).epoch > 0


def test_credentials_that_are_missing_leave_a_journalling_node() -> None:
    pole = Pole()

    def refused(put: object) -> Loopback:
        raise OfficeError("There are no credentials.", "Make some.")

    pole.agent = Agent(WIRING, pole.clock, MemoryDisk(), PORTS, refused, pole.random)
    pole.play_sensors()
    pole.agent.start()
    pole.live(5)
    session = pole.health()["session"]
    assert (session.state, session.reason, session.remedy) == (State.BAD, "There are no credentials.", "Make some.")
    journal = pole.agent.node.commits.journal
    assert journal is not None and journal.total_readings >= pole.sampled - 8


def test_a_schema_that_the_office_lacks_is_sent_again() -> None:
    pole = Pole()
    pole.live(3)
    schema = next(r for r in pole.office.records.values() if r.kind == RecordKind.SCHEMA)
    pole.office.records.clear()
    ask = Ack(schema.epoch, 0, resend_schema=[Schema.decode(schema.body).key.hex()])
    pole.agent.inbox.put(Arrived("ack", to_json(ask)))
    pole.settle()
    again = [r for r in pole.office.records.values() if r.kind == RecordKind.SCHEMA]
    assert [r.body for r in again] == [schema.body] and again[0].seq > schema.seq


def test_a_sensor_that_fails_is_told_once_and_so_is_its_recovery() -> None:
    pole = Pole()
    pole.live(3)
    for _ in range(60):
        pole.clock.advance(1)
        pole.agent.inbox.put(Failed("air", pole.clock.boot_ms(), "nack", "nobody answers at 0x44"))
        pole.sample("soil")
        pole.settle()
    air, soil = pole.health()["sensor.air"], pole.health()["sensor.soil"]
    assert air.state is State.BAD and "nobody answers at 0x44" in air.reason and "edge scan" in air.remedy
    assert soil.state is State.GOOD
    pole.live(2)
    assert pole.health()["sensor.air"].state is State.GOOD
    told = [(e.what, e.details.get("sensor")) for e in events(pole.office)]
    assert told == [("agent started", None), ("sensor failed", "air"), ("sensor recovered", "air")]


def test_questions_from_the_pole() -> None:
    pole = Pole()
    pole.live(3)
    (status,) = pole.ask({"ask": "status"})
    assert status["node"] == "pole-001"
    counters = status["counters"]
    assert isinstance(counters, dict) and counters["sampled"] == 12
    assert pole.ask({"ask": "read", "sensor": "air"}) == []  # not before the sensor has spoken
    pole.sample("soil")
    pole.settle()
    answers: list[dict[str, object]] = []
    pole.agent.inbox.put(Asked({"ask": "read", "sensor": "air"}, answers.append))
    pole.settle()
    pole.sample("air")
    pole.settle()
    (answer,) = answers
    sensors = answer["sensors"]
    assert isinstance(sensors, list) and [s["name"] for s in sensors] == ["air"] and sensors[0]["age_ms"] == 0
    assert "no sensor" in str(pole.ask({"ask": "read", "sensor": "x"})[0]["error"])
    assert "error" in pole.ask({"ask": "dance"})[0]


def test_a_question_that_no_sensor_answers_is_answered_with_what_is_known() -> None:
    pole = Pole()
    pole.live(3)
    answers: list[dict[str, object]] = []
    pole.agent.inbox.put(Asked({"ask": "read", "sensor": None}, answers.append))
    pole.settle()
    pole.clock.advance(11)
    pole.settle()
    sensors = answers[0]["sensors"]
    assert isinstance(sensors, list) and [s["age_ms"] for s in sensors] == [11_000, 11_000]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(["live", "cut", "kill", "reboot", "full", "shut"]), max_size=12))
def test_through_cuts_kills_and_full_disks_every_journalled_reading_arrives_once(seed: int, life: list[str]) -> None:
    pole = Pole(seed=seed)
    chance = Random(seed)
    for act in [*life, "heal"]:
        pole.office.up = act != "shut"
        if act == "cut" and pole.links:
            pole.links[0].cut()
        if act in ("kill", "reboot"):
            pole.disk.heal()
            pole.disk.crash("mixed" if act == "reboot" else "kept", chance)
            pole.start(f"{chance.getrandbits(128):032x}" if act == "reboot" else None)
        if act == "full":
            pole.disk.fail("pwrite", errno.ENOSPC, times=3)
        pole.live(chance.randint(1, 20))
    pole.live(700, readings=0)
    journal = pole.agent.node.commits.journal
    assert journal is not None
    pole.clock.advance(60)
    pole.settle()
    assert journal.total_readings == pole.office.readings() == cells(pole.office)
    gaps = [from_json(GapRecord, r.body) for r in pole.office.records.values() if r.kind == RecordKind.GAP]
    skipped = sum(gap.last - gap.first + 1 for gap in gaps if gap.why == SKIPPED)
    assert len({seq for _, seq in pole.office.records}) == journal.next - 1 - skipped
    assert pole.agent.node.courier is not None and pole.agent.node.courier.uplink.outbox.acked == journal.next - 1
