"""Counts over power cuts: nothing is counted twice, and nothing is lost but what happened since the last commit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

import pytest

from drivers.reading import Flag
from edge.runners.keeper import UNFIT
from edge.wire.record import RecordKind
from simulators.chips.lines_chip import LinesChip
from tests.bench.ledger import Ledger, read
from tests.edge.counting import CAP_BYTES, COMMIT_MS, LATE_MS, WINDOW_MS, Counting, Kind
from tests.edge.loopback import Loopback, Office

KINDS = [
    Kind("pulse_counter", {}),
    Kind("rain", {}),
    Kind("contact", {}),
    Kind("dual_beam", {}),
    Kind("dual_tube", {}),
    Kind("loop", {}),
    Kind("loop", {"loops": 2, "mode": "pulse"}),
    Kind("tfmini", {"mode": "passage"}),
    Kind("vl53l1x", {"mode": "passage"}),
    Kind("ld2450", {}),
    Kind("amg8833", {}),
    Kind("ops243", {}),
]
LASTS_MS = 4_000  # a passage, until it is counted
WAKES_MS = 6_000  # a sensor, until it sees
KEEPS = ("lost", "kept", "torn", "mixed")


@dataclass
class Story:
    """Several lives of one pole, and what may have been lost by their ends."""

    pole: Counting
    chance: Random
    excused: list[tuple[int, int]] = field(default_factory=list)

    def live(self, lives: int, longest_ms: int) -> None:
        for _ in range(lives):
            self.pole.begin()
            self._one(self.chance.randint(15_000, longest_ms))
        self.pole.begin()
        self._passes(WINDOW_MS)
        self.pole.live(self.pole.clock.boot_ms() + 3 * WINDOW_MS)
        self.pole.stop()

    def _passes(self, lasts_ms: int) -> None:
        """Things pass for so long, each well after the one before."""
        at_ms = self.pole.clock.boot_ms() + self.chance.randint(0, 9_000)
        end_ms = self.pole.clock.boot_ms() + lasts_ms
        while at_ms < end_ms:
            self.pole.passes(at_ms * 1_000)
            at_ms += self.chance.randint(6_000, 15_000)

    def _one(self, lasts_ms: int) -> None:
        began_ms = self.pole.clock.boot_ms()
        end_ms = began_ms + lasts_ms
        self._passes(lasts_ms)
        keep = self.chance.choice(KEEPS)
        if self.chance.random() < 0.5:
            self.pole.live(end_ms)
            self.pole.cut(keep, self.chance)
        else:
            self.pole.live(end_ms - COMMIT_MS)
            self.pole.cut_in_commit(keep, self.chance, end_ms)
        cut_ms = self.pole.clock.boot_ms()
        kept_ms = max(began_ms, (cut_ms - 1 - LATE_MS) // COMMIT_MS * COMMIT_MS)
        self.pole.clock.advance(self.chance.choice((0.1, 7.0, 90.0)))
        self.excused.append((kept_ms - LASTS_MS, self.pole.clock.boot_ms() + WAKES_MS))

    def may_be_lost(self) -> int:
        """Passages of which nobody could know any more."""
        return sum(any(since <= at_us // 1_000 <= until for since, until in self.excused)
                   for at_us in self.pole.passed_us)  # fmt: skip


def counted(ledger: Ledger, name: str) -> float:
    """The sum over all windows, channels that are part of others left out."""
    rows = ledger.rows.get("subject", {}).values()
    return sum(value for row in rows for what, (value, _) in row.items() if what in _whole(name))


def _whole(name: str) -> set[str]:
    return {name, *(f"{name}.{way}" for way in ("in", "out", "ab", "ba", "ab.car", "ba.car"))}


def story(kind: Kind, seed: int, lives: int, longest_ms: int) -> None:
    chance = Random(f"{kind}-{seed}")
    pole = Counting(kind)
    told = Story(pole, chance)
    told.live(lives, longest_ms)
    ledger = read(pole.disk, CAP_BYTES)
    rows = ledger.rows["subject"]
    true, lost = len(pole.passed_us), told.may_be_lost()
    if kind.driver == "rain":
        number = round(counted(ledger, "rain") / 0.2794)
    else:
        number = round(counted(ledger, "count"))
    assert true - lost <= number <= true, f"{number} counted of {true}, of which {lost} may be lost"
    _agree_with_totals(ledger, kind)
    last = max(rows)
    totals = sum(value for what, (value, _) in rows[last].items() if what in _whole("count_total"))
    assert round(totals) == number, "the totals go on where they were"
    if getattr(pole.made, "counts_people", False):
        for at_ms in rows:
            begin_ms = at_ms - WINDOW_MS
            assert not any(begin_ms < began_ms < at_ms for began_ms in pole.began), "people in a part of a window"


def _agree_with_totals(ledger: Ledger, kind: Kind) -> None:
    """Each total is the one before and what was counted since, whatever happened between."""
    before: dict[str, float] = {}
    for _, row in sorted(ledger.rows["subject"].items()):
        for what, (total, _) in row.items():
            if not what.startswith("count_total"):
                continue
            counts = row.get(what.replace("count_total", "count"))
            if counts is not None:
                assert total == before.get(what, 0.0) + counts[0]
            before[what] = total


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_counts_go_on_over_power_cuts(kind: Kind) -> None:
    story(kind, seed=1, lives=3, longest_ms=70_000)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 30))
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_counts_go_on_over_power_cuts_of_many_lives(kind: Kind, seed: int) -> None:
    story(kind, seed, lives=12, longest_ms=240_000)


# What goes out, and what comes back.


def test_nothing_but_the_pole_hears_of_an_open_window() -> None:
    office = Office()
    pole = Counting(Kind("dual_beam", {}), link=lambda put: Loopback(office, put))
    pole.begin()
    for second in range(3, 45, 4):
        pole.passes(pole.clock.now_us + second * 1_000_000)
    pole.live(pole.clock.boot_ms() + 50_000)
    pole.cut("kept", Random(1))
    pole.begin()
    pole.live(pole.clock.boot_ms() + 70_000)
    pole.stop()
    opens = [record for record in office.records.values() if record.kind == RecordKind.OPEN]
    assert opens and not any(record.body for record in opens)
    on_card = b"".join(write.data for write in pole.disk.writes)
    assert on_card.count(b'"_window":{"in"') > 3, "they were on the card"
    for payloads in office.said.values():
        assert not any(b'"_window"' in payload or b'"_total"' in payload for payload in payloads)


def test_a_clean_stop_loses_nothing_at_all() -> None:
    pole = Counting(Kind("pulse_counter", {}))
    for _ in range(6):
        pole.begin()
        for second in range(1, 14, 2):
            pole.passes(pole.clock.now_us + second * 1_000_000 + 300_000)
        pole.live(pole.clock.boot_ms() + 14_700)
        pole.stop()
    pole.begin()
    pole.live(pole.clock.boot_ms() + 2 * WINDOW_MS)
    pole.stop()
    assert counted(read(pole.disk, CAP_BYTES), "count") == len(pole.passed_us) == 42


def test_what_waits_for_a_whole_window_is_flagged() -> None:
    pole = Counting(Kind("pulse_counter", {}))
    pole.begin()
    pole.passes(pole.clock.now_us + 5_000_000)
    pole.live(pole.clock.boot_ms() + 20_700)
    pole.cut("kept", Random(1))
    pole.begin()
    pole.live(pole.clock.boot_ms() + 3 * WINDOW_MS)
    pole.stop()
    rows = sorted(read(pole.disk, CAP_BYTES).rows["subject"].items())
    assert [row["count"] for _, row in rows] == [(1.0, Flag.WARMING), (0.0, Flag.NONE)]
    assert rows[0][0] - pole.began[1] > WINDOW_MS


def test_other_settings_begin_anew_and_say_so() -> None:
    pole = Counting(Kind("pulse_counter", {}))
    pole.begin()
    pole.passes(pole.clock.now_us + 5_000_000)
    pole.live(pole.clock.boot_ms() + 20_700)
    pole.stop()
    pole.plan = replace(pole.plan, settings={"debounce_ms": 50.0})
    pole.begin()
    pole.live(pole.clock.boot_ms() + 2 * WINDOW_MS)
    pole.stop()
    assert counted(read(pole.disk, CAP_BYTES), "count") == 0
    on_card = b"".join(write.data for write in pole.disk.writes)
    assert UNFIT.encode() in on_card and b"the driver or its settings are others now" in on_card


def test_no_commit_is_made_but_for_what_was_counted() -> None:
    """A door that stands open all night costs no write: the same writes and syncs with and without states to keep."""
    pole = Counting(Kind("contact", {}), window_ms=600_000)
    agent = pole.begin()
    assert agent.node.sampler.opened.ready
    assert isinstance(pole.chip, LinesChip)
    pole.chip.plan(pole.clock.now_us + 5_000_000, "line", 1)
    pole.live(pole.clock.boot_ms() + 30_000)
    before = pole.disk.counts["datasync"]
    pole.live(pole.clock.boot_ms() + 300_000)
    assert pole.disk.counts["datasync"] == before


def test_the_states_ride_in_the_commit_of_the_readings() -> None:
    pole = Counting(Kind("pulse_counter", {}), window_ms=10_000)
    pole.begin()
    for second in range(3, 95, 3):
        pole.passes(pole.clock.now_us + second * 1_000_000)
    pole.live(pole.clock.boot_ms() + 20_600)
    writes, syncs = pole.disk.counts["pwrite"], pole.disk.counts["datasync"]
    pole.live(pole.clock.boot_ms() + 60_000)
    assert pole.disk.counts["datasync"] - syncs == pole.disk.counts["pwrite"] - writes == 6
