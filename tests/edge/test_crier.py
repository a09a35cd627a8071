"""What the agent says on stderr: the truth, soon, once, and never too much."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.crier import LONGEST, MINUTE_MS, PER_MINUTE, Crier
from edge.notify import Notify
from edge.running import LOOK_MS, Watch, introduction, say
from edge.wire.messages import CheckResult, State
from edge.wiring import JournalPlan, OfficePlan, SensorPlan, Site, Wiring
from tests.edge.pole import Pole

NAMES = ("session", "sensor.air", "board")
STATES = st.lists(st.tuples(*[st.sampled_from(State)] * len(NAMES)), max_size=120)


def check(name: str, state: State, reason: str = "So it is.") -> CheckResult:
    return CheckResult(name, state, reason, "Do this." if state is State.BAD else "")


@given(STATES, st.integers(500, 20_000))
def test_each_check_speaks_seldom_in_turn_and_at_last_truly(
    script: list[tuple[State, ...]], pace_ms: int
) -> None:
    crier, said, now_ms = Crier(), dict[str, list[tuple[int, bool]]](), 0
    steady = [script[-1]] * (MINUTE_MS // pace_ms + 2) if script else []
    for states in [*script, *steady]:
        for line in crier.hear([check(*pair) for pair in zip(NAMES, states, strict=True)], now_ms):
            name, _, words = line.partition(" is ")
            bad = words.startswith("bad: So it is.") and words.endswith("Do this.")
            assert bad or words == "good again: So it is."
            said.setdefault(name, []).append((now_ms, bad))
        now_ms += pace_ms
    for at, name in enumerate(NAMES):
        told = said.get(name, [])
        assert [bad for _, bad in told] == [number % 2 == 0 for number in range(len(told))]
        assert all(b[0] - a[0] >= MINUTE_MS for a, b in zip(told, told[PER_MINUTE:], strict=False))
        last = script[-1][at] if script else State.UNKNOWN
        if last is not State.UNKNOWN:
            assert (bool(told) and told[-1][1]) == (last is State.BAD)


def test_what_turns_bad_is_told_at_once() -> None:
    crier = Crier()
    assert not crier.hear([check("session", State.UNKNOWN)], 0)
    assert len(crier.hear([check("session", State.BAD)], 1)) == 1
    assert not crier.hear([check("session", State.BAD, "Another reason.")], 2)
    assert not crier.hear([check("session", State.UNKNOWN)], 3)
    assert crier.hear([check("session", State.GOOD)], 4) == ["session is good again: So it is."]


@given(st.text(max_size=2_000))
def test_a_line_is_a_line(text: str) -> None:
    (line,) = Crier().hear([check("sensor.air", State.BAD, text)], 0)
    assert line.isprintable() and len(line) <= LONGEST


def test_the_agent_says_what_happens_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    pole = Pole()
    watch = Watch(pole.agent.node, pole.clock, Notify(), lambda: None)

    def live(seconds: int, *sensors: str) -> list[str]:
        for _ in range(seconds):
            pole.clock.advance(1)
            for sensor in sensors:
                pole.sample(sensor)
            pole.settle()
            watch.look()
        return capsys.readouterr().err.splitlines()

    assert live(120, "air", "soil") == []
    pole.office.up = False
    for link in pole.links:
        link.cut()
    said = live(120, "air")
    assert [line.partition(":")[0] for line in said] == ["session is bad", "sensor.soil is bad"]
    assert "Nothing is lost" in said[0] and "the node tries again" in said[0]
    assert "No reading for" in said[1] and "tried again by itself" in said[1] and said[1].endswith("edge read soil")
    pole.office.up = True
    said = live(900, "air", "soil")
    assert {line.partition(":")[0] for line in said} == {"session is good again", "sensor.soil is good again"}


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    say("anything")


def test_the_introduction_names_what_it_works_with() -> None:
    air = SensorPlan("air", "sht31", "i2c", "/dev/i2c-1", 0x44)
    journal = JournalPlan("/var/lib/lantaarn/journal", 10_000, 2**26)
    words = introduction(Wiring("pole-1", Site(), OfficePlan("mqtt://office:1883", "secret.json"), journal, (air,)),
                         Path("/etc/node.toml"))  # fmt: skip
    for part in ("pole-1", "/etc/node.toml", "mqtt://office:1883", "/var/lib/lantaarn/journal", "air (sht31 at"):
        assert part in words
    assert "secret" not in words and "\n" not in words
    assert LOOK_MS <= 10_000
