"""A street in a story: that it is the same each time it is told, that the promises hold in it, and that it would notice
if they did not. Each planted bug is one that a careful reader might overlook, and some seed finds it."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge import courier
from edge.effects import Effect, Forget, Sent
from edge.events import Puback
from edge.journal import journal as journals
from edge.journal.layout import Entry, pack_records
from edge.uplink import Input, Uplink
from edge.wire.record import RecordKind, seqs
from fleet.collect import acks, sort
from fleet.collector import Collector
from fleet.inlet import Letter
from fleet.store import copies
from fleet.store.store import AckDue, Records
from simulators.disk import MemoryFile
from simulators.story.plan import Plan
from simulators.story.runs import keep, kept, shrink, tell
from simulators.story.telling import Told
from simulators.story.troubles import KINDS, Trouble, script
from tests.simulators.planted import a_store_that_files_everything

CORPUS = Path(__file__).parent.parent / "corpus" / "stories"
SEEDS = range(1, 6)
CODE = """
from simulators.story.plan import Plan
from simulators.story.runs import tell
told = tell(Plan(3, 3, 0.02))
print(told.trace_hash, sorted(told.counts.items()))
"""


@pytest.mark.once
@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds_whatever_befalls_the_street(seed: int) -> None:
    told = tell(Plan(seed))
    assert {name: said for name, said in told.invariants.items() if said != "holds"} == {}


@pytest.mark.once
@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.json")), ids=lambda file: file.stem)
def test_what_once_broke_a_promise_breaks_none_any_more(file: Path) -> None:
    told = tell(*kept(file))
    assert {name: said for name, said in told.invariants.items() if said != "holds"} == {}


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 201))
def test_a_day_of_a_street_of_twenty(seed: int) -> None:
    told = tell(Plan(seed, 20, 1))
    assert {name: said for name, said in told.invariants.items() if said != "holds"} == {}


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(6, 31))
def test_thirty_seeds_of_five_nodes_and_two_hours(seed: int) -> None:
    test_every_promise_holds_whatever_befalls_the_street(seed)


@pytest.mark.once
def test_the_same_seed_tells_the_same_story_in_any_process() -> None:
    said = {subprocess.run([sys.executable, "-c", CODE], env={"PYTHONHASHSEED": salt, "PYTHONPATH": "."}, text=True,
                           cwd=Path(__file__).parent.parent.parent, capture_output=True, check=True).stdout
            for salt in ("0", "1", "4711")}  # fmt: skip
    assert len(said) == 1


def test_another_seed_is_another_story() -> None:
    assert tell(Plan(1, 1, 0.01)).trace_hash != tell(Plan(2, 1, 0.01)).trace_hash


def test_every_kind_of_trouble_comes_to_some_story() -> None:
    assert {trouble.kind for seed in range(40) for trouble in script(Plan(seed))} == set(KINDS)


# The teeth.


def found(seeds: Iterable[int], *invariants: str) -> Told:
    """The first of these stories that breaks one of the invariants."""
    for seed in seeds:
        told = tell(Plan(seed))
        if any(told.invariants[name] != "holds" for name in invariants):
            return told
    raise AssertionError("no seed found it")


@pytest.mark.once
def test_an_ack_before_the_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Collector._file

    def hasty(self: Collector, batch: Sequence[Letter]) -> None:
        for letter in batch:
            parcel = sort(letter.message)
            if isinstance(parcel, Records):
                first, last = parcel.records[0], parcel.records[-1]
                due = AckDue(parcel.node, first.epoch, 0, ((first.seq, seqs(last)[-1]),))
                self.inlet.publish(acks([due])[0], qos=0)
        file(self, batch)

    monkeypatch.setattr(Collector, "_file", hasty)
    found(range(1, 4), "acks follow commits")


@pytest.mark.once
def test_a_store_that_files_everything_that_comes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    a_store_that_files_everything(monkeypatch)
    found(range(1, 6), "no row twice")


@pytest.mark.once
def test_forgetting_what_only_the_broker_acknowledged_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Uplink.handle
    sent: dict[tuple[int, int], int] = {}

    def trusting(self: Uplink, event: Input, now_ms: int) -> list[Effect]:
        if isinstance(event, Sent) and event.mid is not None:
            sent[id(self), event.mid] = event.last
        effects = handle(self, event, now_ms)
        if isinstance(event, Puback) and (last := sent.get((id(self), event.mid))) is not None:
            return [Forget(last), *effects]
        return effects

    monkeypatch.setattr(Uplink, "handle", trusting)
    found(range(1, 8), "stored once or named")


# An older copy is put back while both of what the newer one and the older one wrote is partly with the office.
PUT_BACK = [
    Trouble(1_000_000, "copy", 0, 1_200_000, "same boot", 7),
    Trouble(1_500_000, "kill", 0, 1_000, "", 8),  # the newer copy leaps too
    Trouble(2_000_000, "cut", 0, 500_000, "", 9),  # of the older one's first life nothing is sent
    Trouble(2_300_000, "kill", 0, 1_000, "", 10),
    Trouble(2_400_000, "weather", -1, 600_000, "slow", 12),  # the answer to a hello may come before anything else
    Trouble(2_600_000, "copy", 0, 900_000, "other boot", 11),
]


@pytest.mark.once
def test_an_older_copy_that_is_put_back_breaks_no_promise() -> None:
    for seed in range(1, 6):
        told = tell(Plan(seed, 1, 0.05), PUT_BACK)
        assert {name: said for name, said in told.invariants.items() if said != "holds"} == {}


def found_in_copies(*invariants: str) -> None:
    broken = (tell(Plan(seed, 1, 0.05), PUT_BACK).invariants for seed in range(1, 6))
    assert any(told[name] != "holds" for told in broken for name in invariants), "no seed found it"


@pytest.mark.once
def test_a_life_that_does_not_leap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals.Journal, "leap", lambda *_: None)
    found_in_copies("no number twice")


@pytest.mark.once
def test_a_node_that_believes_what_was_said_to_another_copy_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "gave_out", lambda *_: True)
    monkeypatch.setattr(copies, "_note", lambda *_: None)  # for an office that knows says only what is so
    found_in_copies("stored once or named")


@pytest.mark.once
def test_an_office_that_takes_no_notice_of_copies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_note", lambda *_: None)
    found_in_copies("all is quiet at last", "stored once or named")


@pytest.mark.once
def test_an_eviction_without_a_gap_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = pack_records
    nothing = Entry(RecordKind.EVENT, 0, b'{"at_ms":0,"what":"nothing"}')

    def silent(entries: Sequence[Entry], *rest: Any) -> bytes:
        return pack([nothing if entry.kind == RecordKind.GAP else entry for entry in entries], *rest)

    monkeypatch.setattr(journals, "pack_records", silent)
    found(range(1, 12), "stored once or named")


@pytest.mark.once
def test_a_failed_sync_that_is_asked_again_and_believed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = MemoryFile.datasync

    def believing(self: MemoryFile) -> None:
        try:
            sync(self)
        except OSError:
            sync(self)

    monkeypatch.setattr(MemoryFile, "datasync", believing)
    found((4, 18, 21, *range(1, 31)), "stored once or named", "counts agree")


def test_a_story_that_fails_is_cut_down_to_what_it_takes_and_kept(tmp_path: Path) -> None:
    plan = Plan(1)
    every = script(plan)
    culprits = {every[2], every[5]}

    def pretended(_: Plan, troubles: Sequence[Trouble] | None = None) -> Told:
        broken = culprits <= set(troubles or ())
        return Told(plan, tuple(troubles or ()), "", {}, {"no row twice": "broken: so" if broken else "holds"}, ())

    small = shrink(pretended(plan, every), pretended)
    assert set(small.troubles) == culprits
    keep(small, tmp_path / "it.json")
    assert kept(tmp_path / "it.json") == (plan, sorted(culprits))
    assert json.loads((tmp_path / "it.json").read_text())["broke"] == ["no row twice"]
