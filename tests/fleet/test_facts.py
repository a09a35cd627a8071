"""Facts of many nodes are gathered at once, and are those that each node alone would give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.messages import CheckResult, Health, Hello, SensorLine, State
from fleet.facts import all_facts
from fleet.health import AFTERMATH_MS, NodeFacts, checks
from fleet.live import Live
from fleet.registry import Credential, Node, Registry
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Parcel, Refused, Vitals
from fleet.window import OfficeWindow
from tests.fleet.store.lives import FAST, lives, tell
from tests.fleet.store.test_packs import chunk, clock, names, say


@dataclass(frozen=True)
class Fixed:
    """A clock that stands."""

    now_ms: int

    def wall_ms(self) -> int:
        return self.now_ms


NAMES = ["pole-1", "pole-2", "pole-3", "pole-4"]
HEALTH = Health(1, [CheckResult("power", State.BAD, "It is low.", "Look at the supply.")])


def others(node: str) -> list[Parcel]:
    hello = Hello(node, "b" * 32, 9, 3, 6, sensors=[SensorLine("air", "sht31"), SensorLine("quiet", "sds011")])
    return [Greeting(node, hello, 5), Vitals(node, HEALTH, 6), Refused(node, "record", b"?", "no payload", 7)]


@settings(max_examples=60)
@given(lives(), st.permutations(NAMES))
def test_together_or_alone_the_facts_are_the_same(told: list[Parcel], wanted: list[str]) -> None:
    with TemporaryDirectory(dir=FAST) as folder:
        path = Path(folder) / "readings.db"
        store, reader = SqliteStore(path), StoreReader(path)
        tell(store, [*told, *others("pole-3")], [])
        together = all_facts(reader, wanted)
        assert together == [fact for name in wanted for fact in all_facts(reader, [name])]
        assert [fact.node for fact in together] == wanted
        assert together[wanted.index("pole-4")] == NodeFacts("pole-4")
        third = together[wanted.index("pole-3")]
        assert ([sensor.name for sensor in third.sensors], third.own) == (["air", "quiet"], HEALTH.checks)
        assert (third.lost_records, third.waiting, third.refused, third.last_ms) == (2, 3, 1, 7)
        reader.close()
        store.close()


def test_nobody_talks_himself_out_of_being_missed(tmp_path: Path) -> None:
    store, reader = SqliteStore(tmp_path / "readings.db"), StoreReader(tmp_path / "readings.db")
    tell(store, [Greeting("pole-1", Hello("pole-1", "b" * 32, 9, 3, 6, publish_ms=2**62), 5)], [])
    (facts,) = all_facts(reader, ["pole-1"])
    assert facts.publish_ms == 3_600_000
    assert checks(facts, 5 + 86_400_000)[0].state is State.BAD
    reader.close()
    store.close()


def test_the_number_of_questions_does_not_grow_with_the_nodes(tmp_path: Path) -> None:
    store, reader = SqliteStore(tmp_path / "readings.db"), StoreReader(tmp_path / "readings.db")
    asked: list[str] = []
    reader.db.set_trace_callback(asked.append)
    counts = []
    for many in (2, 40):
        names = [f"pole-{number}" for number in range(many)]
        store.commit([parcel for name in names for parcel in others(name)])
        asked.clear()
        all_facts(reader, names)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 20


def test_who_had_a_copy_is_out_when_the_node_lost_its_key_and_seen_when_he_comes_again(tmp_path: Path) -> None:
    store, reader = SqliteStore(tmp_path / "readings.db"), StoreReader(tmp_path / "readings.db")
    store.commit([Vitals("pole-1", Health(turn * 10_000, boot="ab"[turn % 2] * 8), turn * 10_000 - 75_000)
                  for turn in range(1, 9)])  # fmt: skip
    for disowned, cloned_ms in (({}, 5_000), ({"pole-1": 4_000}, 0), ({"pole-1": 5_001 - AFTERMATH_MS}, 0),
                                ({"pole-1": 5_000 - AFTERMATH_MS}, 5_000), ({"pole-2": 4_000}, 5_000)):  # fmt: skip
        (facts,) = all_facts(reader, ["pole-1"], disowned=disowned)
        assert facts.cloned_ms == cloned_ms
        bad = [check.name for check in checks(facts, 5_000) if check.state is State.BAD]
        assert ("identity" in bad) == bool(cloned_ms)
    reader.close()
    store.close()


def test_what_a_clock_ahead_has_dated_does_not_hide_that_a_sensor_fell_silent(tmp_path: Path) -> None:
    """Boot 1 lived three years ahead; boot 2 was right, and has been quiet for an hour."""
    store, reader = SqliteStore(tmp_path / "readings.db"), StoreReader(tmp_path / "readings.db")
    now_ms, hour_ms, years_ms = 10**12 + 7_200_000, 3_600_000, 3 * 365 * 86_400_000
    ahead = [clock(1, 1, 10**12 + years_ms), names(2), chunk(3), chunk(4)]
    store.commit([Greeting("pole-1", Hello("pole-1", "b" * 32, 7, 1, 5), now_ms), say(*ahead)])
    (facts,) = all_facts(reader, ["pole-1"], now_ms=now_ms)
    assert {each.name: each.state for each in checks(facts, now_ms) if each.state is not State.GOOD} == {
        "clock": State.BAD, **{f"sensor {each.name}": State.UNKNOWN for each in facts.sensors}}  # fmt: skip
    store.commit([say(clock(5, 2, now_ms - hour_ms), chunk(6, 2), chunk(7, 2))])
    for at_ms, quiet in ((now_ms - hour_ms + 60_000, False), (now_ms, True)):
        (facts,) = all_facts(reader, ["pole-1"], now_ms=at_ms)
        answers = {each.name: each for each in checks(replace(facts, last_ms=at_ms), at_ms)}
        said = [answers[f"sensor {each.name}"].reason for each in facts.sensors]
        assert [reason.startswith("It is quiet") for reason in said] == [quiet] * len(said) and said
        assert answers["clock"].state is State.GOOD and f"{facts.ahead} readings of another" in answers["clock"].reason
    assert facts.ahead == reader.stored_readings() - 7
    registry = Registry(tmp_path / "registry.db")
    registry.add(Node("pole-1", "Plein"), Credential("pole-1", "secret", "id"))
    store.commit([Vitals("pole-1", Health(9), now_ms)])
    (line,) = OfficeWindow(reader, registry, Live(), Fixed(now_ms)).nodes()["nodes"]
    assert line["reason"].startswith("It is quiet"), "on the page as well"
    reader.close()
    store.close()
