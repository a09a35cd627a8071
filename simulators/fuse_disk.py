"""A file system that writes down every step, under a real process: the other recording disk.

`python -m simulators.fuse_disk FOLDER LOG [FILES]` serves FOLDER through /dev/fuse; any program may work in it. The
kernel hands over each call that it makes, and what would have to reach a disk goes into the same list of steps that
`simulators.recording` keeps in memory: so it can be seen that both agree, and the same crashes are tried on what a real
`FolderDisk`, a real `rename(2)` and a real `fsync(2)` did. FILES holds what is there at first. `ready` on stdout means
that it is mounted; unmounting ends it, and then LOG is written.

The process under test tells what it told somebody by writing a line to the file `.note`. `lock` is there as well, for
every journal's folder has one, and is not written down: it holds nothing. mfusepy and Debian's libfuse3 do the talking.
"""

from __future__ import annotations

import argparse
import ast
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.journal.disk import LOCK
from simulators import recording
from simulators.fuse_i2c import unmount
from simulators.recording import FREE, Note, RecordingDisk, Step

NOTE = ".note"
UNRECORDED = {NOTE: 1 << 32, LOCK: 1 << 33}  # their handles
BLOCK = 4096
PATIENCE_S = 30


def note_line(note: Note) -> bytes:
    """What is written to `.note`, in one call."""
    return repr((type(note).__name__, tuple(note))).encode() + b"\n"


def step_of(line: str) -> Step:
    """A note or any other step, from its line."""
    kind, fields = ast.literal_eval(line)
    made: Step = getattr(recording, kind)(*fields)
    return made


class RecordingFolder:
    """What libfuse asks of a file system; every method raises OSError, paths begin with a slash."""

    use_ns = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.disk = RecordingDisk(files)
        self._folders = {"", *(name.rpartition("/")[0] for name in files)}

    def init(self, path: str) -> None:
        print("ready", flush=True)

    def getattr(self, path: str, handle: int | None = None) -> dict[str, int]:
        name = path[1:]
        if name in self._folders:
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        size = 0 if name in UNRECORDED else len(self.disk._content[self.disk._there(name)])
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": size}

    def readdir(self, path: str, handle: int) -> list[str]:
        inside = path[1:] + "/" if path != "/" else ""
        names = [*self.disk._names, *self._folders - {""}, *UNRECORDED]
        return [".", "..", *(n.removeprefix(inside) for n in names if n.rpartition("/")[0] == path[1:])]

    def statfs(self, path: str) -> dict[str, int]:
        blocks = FREE // BLOCK
        return {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_blocks": blocks, "f_bfree": blocks, "f_bavail": blocks}

    def mkdir(self, path: str, mode: int) -> None:
        self._folders.add(path[1:])

    def create(self, path: str, mode: int) -> int:
        return self.disk._made(path[1:])

    def open(self, path: str, flags: int) -> int:
        name = path[1:]
        if name in UNRECORDED:
            return UNRECORDED[name]
        return self.disk._made(name) if flags & os.O_TRUNC else self.disk._there(name)

    def truncate(self, path: str, size: int, handle: int | None = None) -> None:
        """Only to nothing: that is all that anybody does here."""
        if size:
            raise OSError(errno.EOPNOTSUPP, "a file is only ever cut to nothing")
        if path[1:] not in UNRECORDED and self.disk._content[self.disk._there(path[1:])]:
            self.disk._made(path[1:])

    def read(self, path: str, size: int, at: int, handle: int) -> bytes:
        return b"" if handle in UNRECORDED.values() else bytes(self.disk._content[handle][at : at + size])

    def write(self, path: str, data: bytes, at: int, handle: int) -> int:
        if handle == UNRECORDED[NOTE]:
            for line in data.decode().splitlines():
                self.disk.log.append(step_of(line))
        elif handle != UNRECORDED[LOCK]:
            self.disk._write(handle, data, at)
        return len(data)

    def fsync(self, path: str, datasync: int, handle: int) -> None:
        self.disk._sync(handle)

    def fsyncdir(self, path: str, datasync: int, handle: int) -> None:
        self.disk._sync_folder(path[1:])

    def opendir(self, path: str) -> int:
        return 0

    def rename(self, old: str, new: str) -> None:
        self.disk._there(old[1:])
        self.disk._rename(old[1:], new[1:])

    def unlink(self, path: str) -> None:
        self.disk._unlinked(path[1:])

    def chmod(self, path: str, mode: int) -> None:
        """Nobody asks for it again."""

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        """Nor for this."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.fuse_disk", description="Serve a folder and record.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("files", type=Path, nargs="?")
    chosen = parser.parse_args(arguments)
    from mfusepy import FUSE

    folder = RecordingFolder(ast.literal_eval(chosen.files.read_text()) if chosen.files else {})
    FUSE(folder, str(chosen.folder), foreground=True, nothreads=True, hard_remove=True)
    chosen.log.write_text("".join(repr((type(s).__name__, tuple(s))) + "\n" for s in folder.disk.log))


@contextmanager
def mounted(place: Path, files: Mapping[str, bytes]) -> Iterator[tuple[Path, list[Step]]]:
    """A folder that is recorded, in the folder `place`; the list holds every step when the context has ended.

    Raises OSError where it cannot be mounted.
    """
    folder, log, before = place / "folder", place / "log", place / "files"
    folder.mkdir(parents=True)
    before.write_text(repr(dict(files)))
    command = [sys.executable, "-m", "simulators.fuse_disk", str(folder), str(log), str(before)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    steps: list[Step] = []
    try:
        assert server.stdout is not None
        if server.stdout.readline() != "ready\n":
            raise OSError(errno.ENODEV, f"cannot mount: {server.communicate(timeout=PATIENCE_S)[1].strip()[-400:]}")
        yield folder, steps
    finally:
        unmount(folder)
        server.communicate(timeout=PATIENCE_S)
    steps += map(step_of, log.read_text().splitlines())


def lacking() -> str:
    """What is missing here to mount it; "" when nothing is."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        return "only root, and with /dev/fuse"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        return f"it needs mfusepy and Debian's libfuse3 ({error})"
    return ""


if __name__ == "__main__":
    main()
