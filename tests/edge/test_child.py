"""The child that asks for certificates: real processes that answer, fall silent, babble, and are ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from edge.child import Child
from edge.events import Claimed


class Answers:
    """A child of ours that runs another program than usual, and what it told."""

    def __init__(self, folder: Path, code: str, longest_s: float = 30.0) -> None:
        self.told: SimpleQueue[Claimed] = SimpleQueue()
        self.child = Child("pole-1", folder / "credentials.json", folder / "journal", longest_s)
        self.child._words = [sys.executable, "-c", code]

    def start(self, again: bool = False) -> None:
        self.child.start(again, self.told.put)

    def answer(self) -> Claimed:
        return self.told.get(timeout=30)


def test_the_last_line_is_the_answer(tmp_path: Path) -> None:
    line = json.dumps({"outcome": "granted", "what": "Good.", "unix_ms": 17, "at_ms": 5})
    answers = Answers(tmp_path, f"import sys; print('words'); print({line!r}); sys.stderr.write('the-token')")
    answers.start()
    assert answers.answer() == Claimed("granted", "", "Good.", "", 17, 5)
    assert answers.child._pid == 0


NO_ANSWERS = ["", "print('nonsense')", "print('{}')", "import os; os.abort()", "raise SystemExit(4)", "print('[1]')",
              "import sys; sys.stdout.buffer.write(b'\\xff\\n')"]  # fmt: skip


@pytest.mark.parametrize("code", NO_ANSWERS)
def test_no_answer_is_a_failure(tmp_path: Path, code: str) -> None:
    answers = Answers(tmp_path, code)
    answers.start()
    told = answers.answer()
    assert (told.outcome, told.what) == ("failed", "edge enrol ended without an answer.")


@pytest.mark.parametrize("code", ["import time; time.sleep(600)", "while True: print('x' * 4096)",
                                  "import signal, time; signal.signal(15, 1); time.sleep(600)"])
def test_one_that_takes_too_long_or_says_too_much_is_ended(tmp_path: Path, code: str) -> None:
    answers = Answers(tmp_path, code, longest_s=0.5)
    answers.start()
    told = answers.answer()
    assert (told.outcome, told.what) == ("unreachable", "edge enrol took too long and was ended.")


def test_it_ends_with_the_agent_and_nobody_is_left(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "import time; time.sleep(600)")
    answers.child.stop()
    answers.start()
    pid = answers.child._pid
    assert pid
    answers.child.stop()
    assert answers.answer().outcome == "failed"
    answers.child.stop()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "")
    answers.child._words = [str(tmp_path / "none")]
    answers.start()
    assert "could not be started" in answers.answer().what


def test_the_child_hears_signals_although_the_agent_blocks_them(tmp_path: Path) -> None:
    code = ("import signal, json; mask = signal.pthread_sigmask(signal.SIG_BLOCK, []);"
            "print(json.dumps({'outcome': 'nothing', 'what': str(sorted(map(int, mask)))}))")  # fmt: skip
    answers = Answers(tmp_path, code)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        answers.start()
        assert answers.answer().what == "[]"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_the_real_one_says_what_is_the_matter_and_no_secret_is_among_its_words(tmp_path: Path) -> None:
    child = Child("pole-1", tmp_path / "credentials.json", tmp_path / "journal")
    told: SimpleQueue[Claimed] = SimpleQueue()
    child.start(True, told.put)
    answer = told.get(timeout=60)
    assert (answer.outcome, answer.why) == ("failed", "card") and "cannot be read" in answer.what
    assert child._words[3:] == ["pole-1", str(tmp_path / "credentials.json"), "--journal", str(tmp_path / "journal")]
