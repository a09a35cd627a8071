"""Acks of a node that pays for its link: few of them, none too late, and nothing that one of them said is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from edge.events import Arrived
from edge.pace import Pace, pace_of
from edge.wire.jsontext import to_json
from edge.wire.messages import Hello
from edge.wire.record import Record, RecordKind, pack
from edge.wire.topics import every_down, up
from edge.wiring import OfficePlan
from fleet.postponed import MANY, MOST_MS, Postponed
from fleet.serve import Office
from fleet.store.store import AckDue, Greeting, Parcel, Records
from tests.edge.office_model import EPOCH, Luck, World
from tests.fleet.pole import Pole, wait_for
from tests.fleet.test_collector import acks

METERED = pace_of(OfficePlan("mqtt://x", "c.json", publish_ms=0, metered=True))


def hello(ack_ms: int, node: str = "pole-1", epoch: int = EPOCH) -> Greeting:
    return Greeting(node, Hello(node, "b" * 32, epoch, 0, 5, ack_ms=ack_ms), 0)


def message(node: str = "pole-1", epoch: int = EPOCH, seq: int = 1) -> Records:
    return Records(node, [Record(epoch, seq, RecordKind.EVENT, 0, b"")], 0)


def test_only_who_asks_for_it_waits() -> None:
    postponed, ack = Postponed(), AckDue("pole-1", EPOCH, 4)
    assert postponed.sift([ack], [message()], 0) == [ack]
    assert postponed.sift([ack], [hello(3_000)], 0) == [ack], "a hello is answered at once"
    assert postponed.sift([ack], [message()], 10) == []
    later = replace(ack, upto=5, ranges=((7, 8),))
    assert postponed.sift([later], [message()], 2_000) == []
    assert postponed.ripe(3_009) == []
    assert postponed.ripe(3_010) == [later] and postponed.all() == []
    assert postponed.sift([ack], [message()], 4_000) == []
    assert postponed.sift([later], [hello(0)], 4_001) == [later] and postponed.all() == []
    assert postponed.sift([ack], [message()], 4_002) == [ack]


def test_no_ack_waits_longer_than_a_node_is_patient() -> None:
    postponed, ack = Postponed(), AckDue("pole-1", EPOCH, 4)
    postponed.sift([], [hello(3_600_000)], 0)
    assert postponed.sift([ack], [message()], 100) == []
    assert postponed.ripe(100 + MOST_MS) == [ack]
    assert METERED.ack_ms <= MOST_MS < METERED.resend_ms / 2 and METERED.slow_ms > MOST_MS
    assert Pace().ack_ms == 0


def test_who_has_much_under_way_hears_at_once() -> None:
    postponed = Postponed()
    postponed.sift([], [hello(10_000)], 0)
    for number in range(1, MANY):
        assert postponed.sift([AckDue("pole-1", EPOCH, number)], [message()], number) == []
    last = AckDue("pole-1", EPOCH, MANY)
    assert postponed.sift([last], [message()], MANY) == [last]
    assert postponed.sift([AckDue("pole-1", EPOCH, MANY + 1)], [message()], MANY + 1) == [], "and then it waits again"


schemas = st.sampled_from(["", "", "", "x", "y"])
nodes = st.tuples(st.sampled_from(["pole-a", "pole-b"]), st.sampled_from([1, 2]))
hellos = st.sampled_from([None, None, None, 0, 2_000, 10_000])
steps_of = st.lists(st.tuples(st.integers(0, 3_000), nodes, schemas, hellos), max_size=60)


@given(steps_of)
def test_the_newest_ack_is_told_in_time_and_every_schema_is_asked_for(
    steps: list[tuple[int, tuple[str, int], str, int | None]],
) -> None:
    postponed, now, upto = Postponed(), 0, 0
    owed: dict[tuple[str, int], tuple[int, AckDue]] = {}  # since when, the newest
    asked: dict[tuple[str, int], set[str]] = {}

    def told(acks: list[AckDue]) -> None:
        for ack in acks:
            journal = ack.node, ack.epoch
            newest = owed.pop(journal)[1]
            assert ack.upto == newest.upto and set(ack.resend_schema) == asked.pop(journal)

    for pause, (node, epoch), schema, ack_ms in steps:
        now, upto, journal = now + pause, upto + 1, (node, epoch)
        told(postponed.ripe(now))
        assert all(now - since < MOST_MS for since, _ in owed.values())
        due = AckDue(node, epoch, upto, (), (schema,) if schema else ())
        owed[journal] = owed.get(journal, (now, due))[0], due
        asked.setdefault(journal, set()).update(due.resend_schema)
        parcel: Parcel = message(node, epoch) if ack_ms is None else hello(ack_ms, node, epoch)
        told(postponed.sift([due], [parcel], now))
        assert ack_ms is None or journal not in owed
    told(postponed.all())
    assert not owed


@dataclass
class City(World):
    """A node whose office keeps its acks for company."""

    told: int = 0
    postponed: Postponed = field(default_factory=Postponed)

    def collect(self, first: int, last: int) -> None:
        self.stored |= set(range(first, last + 1))
        ack = self.ack()
        due = AckDue("pole-1", EPOCH, ack.upto, tuple(ack.ranges))
        self._say(self.postponed.sift([due], [message()], self.now))

    def step(self) -> None:
        super().step()
        self._say(self.postponed.ripe(self.now))

    def _say(self, acks: list[AckDue]) -> None:
        for _ in acks:
            self.told += 1
            self.later(Arrived("ack", to_json(self.ack())), 300)


def test_a_node_on_a_metered_link_is_acked_seldom_and_sends_nothing_twice() -> None:
    told = []
    for ack_ms in (0, METERED.ack_ms):
        city = City(3, Luck(), METERED, backlog=1_500)
        city.postponed.sift([], [hello(ack_ms)], 0)
        city.run(100, commit_every_s=2)
        assert city.forgotten >= city.next - 8, "it drains, and live records come through"
        assert len({first for _, first, _ in city.sent}) == len(city.sent), "nothing is sent twice"
        told.append(city.told)
    assert told[1] < told[0] / 3, told


def test_the_collector_keeps_its_acks_for_company(office: Office, pole_a: Pole) -> None:
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "hello"), to_json(hello(300, "pole-a", 5).hello))
    wait_for(lambda: len(acks(pole_a)) == 1, "the answer to the hello")
    for seq in (1, 2, 3):
        pole_a.say(up("pole-a", "record"), pack(*message(epoch=5, seq=seq).records))
    wait_for(lambda: acks(pole_a)[-1].upto == 3, "the ack whose time has come")
    assert len(acks(pole_a)) <= 3
    answered = len(acks(pole_a))
    pole_a.say(up("pole-a", "hello"), to_json(hello(MOST_MS, "pole-a", 5).hello))
    wait_for(lambda: len(acks(pole_a)) > answered, "the answer to the second")
    before = len(acks(pole_a))
    pole_a.say(up("pole-a", "record"), pack(*message(epoch=5, seq=4).records))
    wait_for(lambda: 4 in office.reader.receipts("pole-a", 5, 1, 4), "the record")
    office.collector.stop()
    wait_for(lambda: acks(pole_a)[-1].upto == 4, "what was kept, when the collector ends")
    assert len(acks(pole_a)) == before + 1
