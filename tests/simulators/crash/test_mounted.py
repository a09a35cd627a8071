"""The other recording disk: a file system under a real process. Both write down the same, and the same crashes hold."""

from __future__ import annotations

import pytest

from simulators.crash import mounted
from simulators.crash.enumerator import Disagreement, enumerated
from simulators.crash.files import part_of
from simulators.crash.judge import torn
from simulators.crash.states import LIES
from simulators.fuse_disk import lacking, note_line, step_of
from simulators.recording import SmallBegun, Told, Wrote

LACKING = lacking()
AS_ROOT = pytest.mark.skipif(bool(LACKING), reason=f"NOT TESTED under a real process: {LACKING}")
pytestmark = pytest.mark.once


@AS_ROOT
def test_both_disks_agree_and_every_crash_of_the_real_process_holds() -> None:
    tally = enumerated(18, "journal", 7, LIES, through=mounted.through_kernel)  # a short life with one power cut in it
    assert tally.whole and tally.states > 200, tally.first


@AS_ROOT
@pytest.mark.deep
@pytest.mark.parametrize("target", ["journal", "files"])
@pytest.mark.parametrize("life", range(16))
def test_they_agree_on_many_lives(target: str, life: int) -> None:
    tally = enumerated(life, target, 7, LIES, through=mounted.through_kernel)
    assert tally.whole, tally.first


@AS_ROOT
def test_the_compiled_board_and_the_secrets_are_old_or_new() -> None:
    found = list(mounted.board_states(7))
    assert len(found) > 100 and [faults for _, faults in found if faults] == []
    state, _ = found[-1]
    assert set(state.files) == {mounted.BOARD, mounted.SECRET} == set(state.told.small)
    state.files[mounted.BOARD] = b"{"
    assert torn(state.files, state.told) and mounted._unreadable(state)


def test_a_step_that_only_one_of_them_wrote_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    part, whole = part_of(7, 0), part_of(7, 0).log
    part.log[3:4] = []
    monkeypatch.setattr(mounted, "recorded", lambda *_: whole)
    with pytest.raises(Disagreement, match="step 3"):
        mounted.through_kernel(part, ("files", 7, 0, 0))


def test_writes_that_the_kernel_split_are_one() -> None:
    split = [Wrote(1, 0, b"ab"), Wrote(1, 2, b"c"), Wrote(1, 9, b"d"), Wrote(2, 10, b"e")]
    assert mounted.joined(split) == [Wrote(1, 0, b"abc"), Wrote(1, 9, b"d"), Wrote(2, 10, b"e")]


def test_a_note_survives_its_line() -> None:
    for note in (Told(1, 2, 3, 4), SmallBegun("a", b"\xff\n")):
        assert step_of(note_line(note).decode()) == note
