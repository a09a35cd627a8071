"""This tree beside an earlier commit: the agent's figures of both, measured at the same time on the same machine.

The commit is checked out beside us, and its own bench measures it with our interpreter. Both run side by side, so that
whatever else this machine does slows both down alike: read the ratios, and the rest only as what two at once can do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure
from tests.bench.process import ROOT

PARTS = ("start", "agent")


def measure(commit: str, scratch: Path, quick: bool) -> Iterator[Figure]:
    """Raises RuntimeError when the commit is not there or its bench fails."""
    with _checked_out(commit, scratch / "then") as then:
        running = [_begun(tree, quick) for tree in (ROOT, then)]
        ours, theirs = (_figures(process) for process in running)
    for what, figure in ours.items():
        if what in theirs:
            note = f"{figure['note']}; then: {theirs[what]['note']}"
            yield Figure(f"{what}, two at once", figure["value"], figure["unit"], peer=f"commit {commit}",
                         peer_value=theirs[what]["value"], note=note)  # fmt: skip


@contextmanager
def _checked_out(commit: str, tree: Path) -> Iterator[Path]:
    _git("worktree", "add", "--detach", str(tree), commit)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`git {' '.join(words)}` said: {done.stderr.strip()}")


def _begun(tree: Path, quick: bool) -> subprocess.Popen[str]:
    only = [word for part in PARTS for word in ("--only", part)]
    command = [sys.executable, "-m", "tests.bench", "-o", "json", *only, *(["--quick"] if quick else [])]
    return subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _figures(process: subprocess.Popen[str]) -> dict[str, dict[str, Any]]:
    said, complained = process.communicate()
    if process.returncode:
        raise RuntimeError(complained.strip().splitlines()[-1])
    return {figure["what"]: figure for figure in json.loads(said)["figures"]}
