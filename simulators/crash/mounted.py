"""The same life once more, by a process of its own on a real folder: through the kernel, on a file system that records.

`python -m simulators.crash.mounted FOLDER TARGET SEED LIFE POWER` leads that part of that life in FOLDER. What the two
recording disks wrote down is compared step by step; neighbouring writes are one, for the kernel may split them. Then
every crash of what the real process did is opened.

The target `board` has no twin in memory: compiling a board and replacing a file of secrets speak to the operating
system themselves. Each is done again and again, and what a crash leaves is as it was or as it was to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from random import Random

from edge import compile as compiling
from edge.boardfile import compiled
from edge.journal.disk import FolderDisk
from edge.wiring import Wiring
from fleet import files as secrets
from simulators.boards import board
from simulators.crash import files
from simulators.crash.book import Book, Telling
from simulators.crash.enumerator import Disagreement
from simulators.crash.judge import torn
from simulators.crash.life import Run
from simulators.crash.plan import plan
from simulators.crash.states import Fault, Part, State, crashes
from simulators.fuse_disk import NOTE, mounted, note_line
from simulators.recording import Note, SmallBegun, SmallDone, Step, Wrote
from simulators.streets import Spot, Street

PATIENCE_S = 120
BOARD, SECRET = "node.compiled.json", "credentials.json"
WRITES = 6
SPOT = Spot("Havenkade 1", 52.0, 6.0, Street("Havenkade", 0.5, ()))


def note_in(folder: Path, note: Note) -> None:
    """Told through the file system that records, so that it stands at the right place."""
    number = os.open(folder / NOTE, os.O_WRONLY)
    try:
        os.write(number, note_line(note))
    finally:
        os.close(number)


class NotingFolder(FolderDisk):
    """A real folder, and a note before and after a small file is replaced."""

    def note(self, note: Note) -> None:
        """Told somebody."""
        note_in(self.path, note)

    def write_small(self, name: str, data: bytes) -> None:
        self.note(SmallBegun(name, data))
        super().write_small(name, data)
        self.note(SmallDone(name))


# Around the process.


def through_kernel(part: Part, which: tuple[str, int, int, int]) -> Part:
    """The same part, as a file system under a real process saw it. Raises Disagreement, OSError."""
    log = recorded(part.files, *map(str, which))
    for at, (ours, theirs) in enumerate(zip_longest(joined(part.log), joined(log))):
        if ours != theirs:
            life = " ".join(map(str, which))
            raise Disagreement(f"{life}, step {at}: {ours} in memory, {theirs} under a process"[:600])
    return replace(part, log=log)


def recorded(before: dict[str, bytes], *arguments: str) -> list[Step]:
    """Every step of a process of this module that was started with these arguments on a folder with these files."""
    with tempfile.TemporaryDirectory(prefix="lantaarn-") as place:
        with mounted(Path(place), before) as (folder, steps):
            command = [sys.executable, "-m", __name__, str(folder), *arguments]
            subprocess.run(command, check=True, timeout=PATIENCE_S)
        return steps


def joined(log: Iterable[Step]) -> list[Step]:
    """With neighbouring writes to a file as one."""
    steps: list[Step] = []
    for step in log:
        last = steps[-1] if steps else None
        if isinstance(step, Wrote) and isinstance(last, Wrote) and (last.inode, last.at + len(last.data)) == step[:2]:
            steps[-1] = Wrote(last.inode, last.at, last.data + step.data)
        else:
            steps.append(step)
    return steps


def board_states(seed: int, lying: int = 0) -> Iterator[tuple[State, list[Fault]]]:
    """Every state that a crash leaves of the compiled board and of a file of secrets, and what is wrong with it."""
    part = Part({}, Telling(), recorded({}, "board", str(seed), "0", "0"), Book())
    for state in crashes(part, lying, Random(f"board {seed}")):
        yield state, torn(state.files, state.told) + _unreadable(state)


def _unreadable(state: State) -> list[Fault]:
    try:
        if BOARD in state.files:
            Wiring.from_json(state.files[BOARD].decode())
        json.loads(state.files.get(SECRET, b"{}"))
    except ValueError as error:
        return [Fault("unopenable", 1, str(error))]
    return []


# Inside the process.


def main(arguments: list[str]) -> None:
    folder, target, seed, life, power = Path(arguments[0]), arguments[1], *map(int, arguments[2:])
    if target == "board":
        _compile_boards(folder, Random(f"boards {seed}"))
        return
    disk = NotingFolder(folder)
    if target == "files":
        files.live(disk, files.chance_of(seed, life))
    else:
        Run(plan(seed, life), power, disk, disk.note).live(Book())
    disk.close()


def _compile_boards(folder: Path, chance: Random) -> None:
    with tempfile.TemporaryDirectory() as outside:
        for number in range(WRITES):
            source = Path(outside) / "node.toml"
            source.write_text(board(number, f"node-{number}", SPOT, "mqtt://127.0.0.1:1883"))
            assert compiling.main([str(source), "--simulated"]) == 0
            with _noted(folder, BOARD, compiled(source).read_bytes()):
                compiling.main([str(source), "--simulated", "--out", str(folder / BOARD)])
            text = json.dumps({"password": f"{chance.getrandbits(4_000):x}"})
            with _noted(folder, SECRET, text.encode()):
                secrets.replace(folder / SECRET, text)


@contextmanager
def _noted(folder: Path, name: str, data: bytes) -> Iterator[None]:
    note_in(folder, SmallBegun(name, data))
    yield
    note_in(folder, SmallDone(name))


if __name__ == "__main__":
    main(sys.argv[1:])
