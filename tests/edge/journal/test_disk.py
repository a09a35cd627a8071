"""The real disk: a folder with one writer, in which nothing is half made."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.journal.disk import ASIDE, LOCK, MENDABLE, FolderDisk
from edge.journal.errors import JournalBusy, JournalError
from edge.journal.journal import Journal


def refuse(number: int) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operating system is asked for, in order, with the kind of file."""
    asked: list[str] = []

    def spy(name: str) -> None:
        real = getattr(os, name)

        def call(first: Any, *rest: Any) -> Any:
            kind = ("folder" if os.path.isdir(first) else "file") if isinstance(first, int) else Path(first).suffix
            asked.append(f"{name} {kind}")
            return real(first, *rest)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "fdatasync", "rename", "pwrite"):
        spy(name)
    return asked


def test_a_new_file_is_zeros_and_synced_with_its_name_before_it_bears_it(tmp_path: Path, calls: list[str]) -> None:
    disk = FolderDisk(tmp_path)
    disk.create("a", 200_000)
    assert (tmp_path / "a").read_bytes() == bytes(200_000)
    assert calls == ["fsync file", "rename .new", "fsync folder"]
    assert os.stat(tmp_path / "a").st_blocks * 512 >= 200_000


def test_a_small_file_is_replaced_whole(tmp_path: Path, calls: list[str]) -> None:
    disk = FolderDisk(tmp_path)
    for content in (b"one", b"two, and longer", b""):
        calls.clear()
        disk.write_small("state", content)
        assert calls == ["fsync file", "rename .new", "fsync folder"]
        assert disk.read_small("state") == content
    assert disk.names() == ["state"]


def test_a_commit_is_one_write_and_one_sync_to_the_operating_system(tmp_path: Path, calls: list[str]) -> None:
    disk = FolderDisk(tmp_path)
    journal = Journal.open(disk, lambda: 1, 1 << 20, 1 << 16)
    journal.append([(1, 1, b"first")])
    calls.clear()
    journal.append([(1, 1, b"second"), (1, 1, b"third")])
    assert calls == ["pwrite file", "fdatasync file"]


def test_reads_and_writes_land_where_they_should(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    disk.create("a", 4096)
    file = disk.open("a")
    file.pwrite(b"hello", 1000)
    file.datasync()
    assert file.pread(7, 999) == b"\0hello\0"
    assert file.pread(100, 4090) == bytes(6)
    assert file.size() == 4096
    file.close()
    file.close()


def test_a_second_opener_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    first = FolderDisk(tmp_path)
    script = "import sys; from edge.journal.disk import FolderDisk; FolderDisk(sys.argv[1])"
    root = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, cwd=root)
    assert answer.returncode == 1 and "JournalBusy: Another process writes the journal" in answer.stderr
    with pytest.raises(JournalBusy, match=r"Another process.*undisturbed.*edge status"):
        FolderDisk(tmp_path)
    first.close()
    FolderDisk(tmp_path).close()


def test_a_folder_that_cannot_be_is_told_in_three_parts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot hold a journal: .*\. Nothing was changed\. "):
        FolderDisk(tmp_path / "file" / "journal")


@pytest.mark.parametrize(("number", "remedy"), [(errno.EACCES, "its owner"), (errno.ENOLCK, "wants replacing")])
def test_what_to_do_depends_on_what_the_disk_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    for module, name in ((fcntl, "flock"), (os, "open")):
        monkeypatch.setattr(module, name, refuse(number))
        with pytest.raises(JournalError, match=os.strerror(number)) as caught:
            FolderDisk(tmp_path)
        assert not isinstance(caught.value, JournalBusy) and remedy in caught.value.remedy


def test_a_folder_that_refuses_at_first_is_ours_when_it_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in MENDABLE:
        monkeypatch.setattr(fcntl, "flock", refuse(number))
        disk = FolderDisk(tmp_path)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(OSError, match=os.strerror(number)):
                disk.names()
            with pytest.raises(OSError, match=os.strerror(number)):
                disk.write_small("a", b"")
        assert len(os.listdir("/proc/self/fd")) == before
        monkeypatch.undo()
        assert disk.names() == [] and (tmp_path / LOCK).exists()
        with pytest.raises(JournalBusy):
            FolderDisk(tmp_path)
        disk.close()


def test_one_that_another_takes_meanwhile_stays_his(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse(errno.EIO))
    late = FolderDisk(tmp_path)
    monkeypatch.undo()
    first = FolderDisk(tmp_path)
    with pytest.raises(OSError, match="another process writes the journal there") as caught:
        late.names()
    assert caught.value.errno == errno.EBUSY and not isinstance(caught.value, BlockingIOError)
    first.close()
    assert late.names() == []


def test_a_folder_that_is_read_only_is_locked_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def read_only(path: Path, flags: int, *mode: int) -> int:
        if flags & (os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", read_only)
    disk = FolderDisk(tmp_path)
    with pytest.raises(OSError, match="Read-only"):
        disk.names()
    os.close(real(tmp_path / LOCK, os.O_CREAT))
    assert disk.names() == []
    with pytest.raises(JournalBusy):
        FolderDisk(tmp_path)


def test_closing_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    disk.create("a", 512)
    file = disk.open("a")
    for each in (file, disk):
        each.close()
        with open(tmp_path / "a", "rb") as other:  # has the number that was let go
            each.close()
            assert other.read(1) == b"\0" and os.fstat(1)


def test_a_link_is_no_file_of_a_journal(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "journal")
    (tmp_path / "elsewhere").touch()
    (tmp_path / "journal" / "segment-00000.journal").symlink_to(tmp_path / "elsewhere")
    assert disk.names() == []


def test_the_first_error_is_the_one_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FolderDisk(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    monkeypatch.setattr(Path, "unlink", refuse(errno.EROFS))
    with pytest.raises(OSError, match="Input/output"):
        disk.create("a", 4096)


def test_a_full_disk_leaves_no_half_made_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FolderDisk(tmp_path)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        disk.create("a", 4096)
    assert os.listdir(tmp_path) == ["lock"]


def test_what_is_set_aside_is_kept_and_out_of_sight(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    for content in (b"one", b"two", b"three"):
        disk.write_small("a", content)
        disk.set_aside("a")
    assert disk.names() == []
    aside = [(tmp_path / ASIDE / name).read_bytes() for name in ("a.0", "a.1", "a.2")]
    assert aside == [b"one", b"two", b"three"]
    disk.create("b", 512)
    disk.remove("b")
    assert disk.names() == [] and disk.free_bytes() > 0


def test_a_journal_lives_in_a_folder(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "deep" / "journal")
    journal = Journal.open(disk, lambda: 5, 1 << 20, 1 << 16)
    bodies = [os.urandom(number) for number in range(0, 3000, 7)]
    for body in bodies:
        journal.append([(1, 2, body)])
    journal.close()
    disk.close()
    disk = FolderDisk(tmp_path / "deep" / "journal")
    journal = Journal.open(disk, lambda: 6, 1 << 20, 1 << 16)
    assert journal.epoch == 5
    assert [record.body for record in journal.read(1, 1 << 22)] == bodies
    assert journal.total_readings == 2 * len(bodies)
