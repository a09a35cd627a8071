"""`sim crash`, as it is typed."""

from __future__ import annotations

import json

import pytest

from simulators.commands import crash
from simulators.commands.run import run
from simulators.crash.enumerator import Disagreement, Tally
from simulators.crash.states import Fault

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]


def test_one_object_on_stdout(capsys: Capture) -> None:
    assert run(["crash", "files", "--states", "300", "--jobs", "1", "-o", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["states"] >= 300 and (tree["lost"], tree["wrong"], tree["unopenable"], tree["seed"]) == (0, 0, 0, 7)
    assert tree["lying"]["states"] > 0 and tree["lying"]["lost_unnamed"] == 0 and tree["seconds"] >= 0
    assert sum(tree["by_mode"].values()) == tree["states"] + tree["lying"]["states"] and tree["first"] == []


def test_both_targets_and_a_table(capsys: Capture) -> None:
    assert run(["crash", "all", "--states", "1", "--jobs", "1", "--lying", "0", "--seed", "28"]) == 0
    said = capsys.readouterr().out
    assert "crashes, each opened by the node's own recovery" in said and "committed readings lost" in said


def test_a_fault_ends_in_1_and_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def found(*_: object) -> Tally:
        tally = Tally(states=9, first=[("files 3.14", Fault("lost", 2, "two schemas"))])
        tally.faults["lost"] = 2
        return tally

    monkeypatch.setattr(crash, "_enumerated", found)
    assert run(["crash", "files", "--seed", "5"]) == 1
    assert "sim crash files --seed 5 --replay 3.14" in capsys.readouterr().err


def test_a_state_is_replayed(capsys: Capture) -> None:
    assert run(["crash", "files", "--replay", "0.60"]) == 0
    said = capsys.readouterr().out
    assert "state 0.60" in said and "sync folder" in said and "nothing is wrong with it" in said


@pytest.mark.parametrize("wanted", ["60", "0.99999", "a.b"])
def test_a_state_that_there_is_not(wanted: str, capsys: Capture) -> None:
    assert run(["crash", "files", "--replay", wanted]) == 2
    assert "Nothing was opened." in capsys.readouterr().err


def test_without_a_mount_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("simulators.fuse_disk.lacking", lambda: "only root, and with /dev/fuse")
    assert run(["crash", "journal", "--mounted"]) == 4
    assert "only root" in capsys.readouterr().err


def test_disks_that_disagree_are_told(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def disagree(*_: object, **__: object) -> Tally:
        raise Disagreement("step 3")

    monkeypatch.setattr(crash, "enumerate_lives", disagree)
    assert run(["crash", "journal"]) == 1
    assert "do not agree: step 3" in capsys.readouterr().err
