"""`sim story` as people and scripts meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulators.commands.run import run
from simulators.story.runs import kept
from simulators.story.verdict import NAMES
from tests.simulators.planted import a_store_that_files_everything

Capture = pytest.CaptureFixture[str]
SHORT = ["--nodes", "2", "--days", "0.02"]


def test_a_story_is_printed_as_one_object(capsys: Capture) -> None:
    assert run(["story", "--seed", "5", *SHORT, "-o", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["ok"] and tree["seed"] == 5 and tree["nodes"] == 2 and tree["days"] == 0.02
    assert set(tree["invariants"]) == set(NAMES) and set(tree["invariants"].values()) == {"holds"}
    assert tree["counts"]["journalled"] > 0 and tree["node_days_per_second"] > 0 and tree["commit"]
    assert run(["story", "--seed", "5", *SHORT, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trace_hash"] == tree["trace_hash"]


def test_stories_told_side_by_side_come_in_order_and_are_the_same(capsys: Capture) -> None:
    hashes = []
    for jobs in ("1", "2"):
        assert run(["story", "--seeds", "1:3", *SHORT, "--jobs", jobs, "-o", "json"]) == 0
        trees = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [tree["seed"] for tree in trees] == [1, 2, 3]
        hashes.append([tree["trace_hash"] for tree in trees])
    assert hashes[0] == hashes[1]


def test_a_story_that_fails_says_how_to_see_it_again(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_store_that_files_everything(monkeypatch)
    assert run(["story", "--seed", "1", *SHORT, "--keep", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "did NOT hold" in said.out
    assert "seed 1, commit " in said.err and "sim story --seed 1 --nodes 2 --days 0.02" in said.err
    (file,) = tmp_path.iterdir()
    assert f"sim story --replay {file}" in said.err
    assert kept(file)[0].seed == 1
    assert run(["story", "--replay", str(file)]) == 1
    monkeypatch.undo()
    assert run(["story", "--replay", str(file)]) == 0


@pytest.mark.parametrize("seeds", ["1", "a:b", "3:1"])
def test_seeds_are_two_numbers(seeds: str, capsys: Capture) -> None:
    assert run(["story", "--seeds", seeds]) == 2
    assert "--seeds" in capsys.readouterr().err


def test_what_is_no_story_is_said(tmp_path: Path, capsys: Capture) -> None:
    odd = tmp_path / "odd.json"
    for text in ("{", "{}", '{"seed": 1, "nodes": 1, "days": 1, "troubles": [{"kind": 1}]}'):
        odd.write_text(text)
        assert run(["story", "--replay", str(odd)]) == 2
        assert "is no story" in capsys.readouterr().err


def test_a_storm_is_told_in_shares(capsys: Capture) -> None:
    assert run(["story", "--storm", "500", "-o", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["ok"] and {gust["away_s"] for gust in tree["gusts"]} == {1, 10, 60, 300, 1_800}
    assert run(["story", "--storm", "5"]) == 0
    assert "a fair share is" in capsys.readouterr().out
