"""What can be read of a journal's files, whatever happened to them, and without writing a byte."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import rescue
from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from edge.journal.layout import (
    SECTOR,
    Entry,
    Mark,
    SegmentHeader,
    pack_records,
    pack_segment,
    unpack_record,
)
from edge.schemas import Schemas
from edge.wire.record import Record, RecordKind, unpack
from tests.fleet.store.lives import SCHEMAS
from tests.fleet.store.test_packs import chunk, event

SEGMENT = 16 * SECTOR
CAP = 8 * SEGMENT


def opened(folder: Path, epoch: int = 7, cap: int = CAP) -> tuple[FolderDisk, Journal]:
    disk = FolderDisk(folder)
    return disk, Journal.open(disk, lambda: epoch, cap, SEGMENT)


def written(folder: Path, count: int, acked: int = 0, epoch: int = 7, cap: int = CAP) -> list[Record]:
    """A journal of so many records, one a commit; what it took."""
    disk, journal = opened(folder, epoch, cap)
    taken = []
    for number in range(count):
        made = event(1, '{"at_ms":1}') if number % 5 == 4 else chunk(number)
        (seq,) = journal.append([(made.kind, made.count, made.body)])
        taken.append(Record(journal.epoch, seq, made.kind, made.count, made.body))
    journal.forget(acked)
    journal.close()
    disk.close()
    return taken


def frames(folder: Path) -> dict[bytes, list[bytes]]:
    out = io.BytesIO()
    rescue.rescue(folder, out.write)
    out.seek(0)
    found: dict[bytes, list[bytes]] = {}
    while head := out.read(rescue.FRAME.size):
        kind, length = rescue.FRAME.unpack(head)
        found.setdefault(kind, []).append(out.read(length))
    return found


def records(folder: Path) -> list[Record]:
    found = [item for payload in frames(folder).get(b"R", []) for item in unpack(payload)]
    assert all(isinstance(item, Record) for item in found)
    return sorted((item for item in found if isinstance(item, Record)), key=lambda each: (each.epoch, each.seq))


def standing(folder: Path) -> dict[str, int]:
    (found,) = frames(folder)[b"J"]
    facts: dict[str, int] = json.loads(found)
    return facts


def test_everything_is_read_also_what_was_acked(tmp_path: Path) -> None:
    taken = written(tmp_path, 40, acked=10)
    assert records(tmp_path) == taken
    total = sum(record.count for record in taken)
    assert standing(tmp_path) == {
        "epoch": 7, "lowest": 1, "acked": 0, "next": 41, "readings_total": total, "records": 40, "readings": total,
        "held": total, "damaged": 0,
    }  # fmt: skip
    assert json.loads(frames(tmp_path)[b"E"][0])["unreadable"] == 0


@pytest.mark.parametrize("acked", [0, 1, 9, 10, 19, 20])
def test_only_what_the_office_has_not_got_is_held_and_can_be_damaged(tmp_path: Path, acked: int) -> None:
    """Three readings in each record; the last commit writes down what was acked before it."""
    disk, journal = opened(tmp_path)
    bodies = [chunk(number) for number in range(21)]
    for made in bodies[:20]:
        journal.append([(made.kind, 3, made.body)])
    journal.forget(acked)
    journal.append([(bodies[20].kind, 3, bodies[20].body)])
    journal.close()
    disk.close()
    found = standing(tmp_path)
    assert (found["lowest"], found["held"], found["damaged"]) == (acked + 1, 3 * (21 - acked), 0)
    for number in range(21):
        folder = tmp_path / str(number)
        folder.mkdir()
        for path in segments(tmp_path):
            shutil.copy(path, folder)
        _spoil_record(folder, number + 1)
        assert standing(folder)["damaged"] == 3 * (acked < number + 1 < 21), "the newest says itself how it stands"


def _spoil_record(folder: Path, seq: int) -> None:
    for path in segments(folder):
        for place in range(SECTOR, path.stat().st_size, SECTOR):
            header = unpack_record(path.read_bytes()[place : place + SECTOR])
            if header is not None and header.seq == seq:
                spoil(path, place + 20, 4)


def test_schemas_that_lie_beside_it_come_along(tmp_path: Path) -> None:
    disk, journal = opened(tmp_path)
    schemas = Schemas(disk)
    schemas.remember(SCHEMAS[0].encode())
    schemas.save()
    journal.append([(RecordKind.EVENT, 0, b"{}")])
    disk.close()
    assert frames(tmp_path)[b"S"] == [SCHEMAS[0].encode()]
    (tmp_path / "schemas.json").write_text("[5]")
    assert b"S" not in frames(tmp_path)


def test_an_open_window_goes_out_blank(tmp_path: Path) -> None:
    disk, journal = opened(tmp_path)
    journal.append([(RecordKind.OPEN, 0, b'{"door": {"in": 3}}'), (RecordKind.EVENT, 0, b"{}")])
    disk.close()
    assert records(tmp_path) == [Record(7, 1, RecordKind.OPEN, 0, b""), Record(7, 2, RecordKind.EVENT, 0, b"{}")]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("segment-*"))


def spoil(path: Path, at: int, count: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + count] = bytes(255 - byte for byte in data[at : at + count])
    path.write_bytes(data)


@pytest.mark.parametrize("sector", range(16))
def test_a_spoilt_sector_costs_what_is_in_it_and_no_more(tmp_path: Path, sector: int) -> None:
    taken = written(tmp_path, 30)
    spoil(segments(tmp_path)[0], sector * SECTOR + 20, 30)
    lost = [record for record in taken if record not in records(tmp_path)]
    assert len(lost) == int(sector > 0) or lost == []
    assert standing(tmp_path)["damaged"] == sum(record.count for record in lost)
    spoil(segments(tmp_path)[0], 0, 4)
    assert [record for record in taken if record not in records(tmp_path)] == lost


def test_what_was_set_aside_and_other_epochs_are_read_too(tmp_path: Path) -> None:
    old = written(tmp_path, 20, epoch=7)
    aside = tmp_path / "quarantine"
    aside.mkdir()
    for path in segments(tmp_path):
        path.rename(aside / f"{path.name}.0")
    new = written(tmp_path, 5, epoch=8)
    assert records(tmp_path) == old + new
    assert [json.loads(facts)["epoch"] for facts in frames(tmp_path)[b"J"]] == [7, 8]


def test_what_a_full_ring_gave_up_may_still_be_there(tmp_path: Path) -> None:
    taken = written(tmp_path, 200, cap=3 * SEGMENT)
    found = records(tmp_path)
    assert 20 < len(found) < 200 and {record.seq for record in found if record.kind != RecordKind.GAP}
    sizes = {(record.seq, record.body) for record in taken}
    assert {(each.seq, each.body) for each in found if each.kind not in (RecordKind.GAP, RecordKind.KEPT)} >= {
        (each.seq, each.body) for each in found if (each.seq, each.body) in sizes
    }
    assert len({each.seq for each in found}) == len(found)


def test_a_commit_that_failed_and_was_written_again_counts_once(tmp_path: Path) -> None:
    """Two segments hold seqs 3 and 4: the one that was entered later is right."""

    def segment(name: str, ordinal: int, first: int, bodies: list[bytes]) -> None:
        head, use = pack_segment(SegmentHeader(7, ordinal, 0, first, Mark()))
        entries = [Entry(RecordKind.EVENT, 0, body) for body in bodies]
        data = head + pack_records(entries, first, Mark(), use, 7, ordinal)
        (tmp_path / name).write_bytes(data.ljust(SEGMENT, b"\0"))

    segment("segment-00000.journal", 1, 1, [b"1", b"2", b"3 failed", b"4 failed"])
    segment("segment-00001.journal", 2, 3, [b"3", b"4", b"5"])
    assert [record.body for record in records(tmp_path)] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_newer_format_is_left_alone_and_said(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = segments(tmp_path)[0]
    head, _ = pack_segment(SegmentHeader(7, 1, 0, 1, Mark()))
    data = bytearray(head)
    data[4] = 99
    from zlib import crc32

    size = SECTOR - len(head.rstrip(b"\0"))
    length = SECTOR - size
    data[length - 4 : length] = crc32(bytes(data[: length - 4])).to_bytes(4, "little")
    path.write_bytes(bytes(data) + path.read_bytes()[SECTOR:])
    found = frames(tmp_path)
    assert json.loads(found[b"E"][0])["newer"] == 1


def test_what_may_not_be_opened_is_told_apart_from_what_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 3)
    real = os.open

    def refuse(path: Path, flags: int) -> int:
        if path == segments(tmp_path)[0]:
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    facts = json.loads(frames(tmp_path)[b"E"][0])
    assert (facts["forbidden"], facts["unreadable"]) == (1, 1)


def test_it_works_on_what_may_only_be_read_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    taken = written(folder, 30)
    (folder / "lock").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in [*folder.iterdir(), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    out = subprocess.run([sys.executable, "-m", "edge.rescue", str(folder)], capture_output=True, check=True)
    assert len(out.stdout) > sum(len(record.body) for record in taken)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    folder.chmod(0o755)


def test_a_folder_without_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rescue.main([str(tmp_path)]) == 1 and "There is no journal in" in capsys.readouterr().err
    assert rescue.main([]) == 2 and rescue.main([str(tmp_path / "none")]) == 1


def test_bytes_that_the_card_does_not_give_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = written(tmp_path, 20)
    bad = segments(tmp_path)[0]
    inode, real = bad.stat().st_ino, os.pread

    def pread(number: int, count: int, at: int) -> bytes:
        if os.fstat(number).st_ino == inode and at < 8 * SECTOR and at + count > 4 * SECTOR:
            raise OSError(5, "Input/output error")
        return real(number, count, at)

    monkeypatch.setattr(os, "pread", pread)
    found = records(tmp_path)
    assert len(taken) - 16 <= len(found) < len(taken)
    assert json.loads(frames(tmp_path)[b"E"][0])["unreadable"] > 0


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    written(tmp_path, 20)
    shutil.copy(segments(tmp_path)[0], tmp_path / "segment-copy")
    card = rescue.Card(tmp_path)
    segments(tmp_path)[-1].unlink()
    card.look()
    assert card.unreadable == 0
    assert list(card.records()) and card.unreadable == 1


def test_a_header_that_promises_more_than_a_commit_holds_is_not_believed(tmp_path: Path) -> None:
    head, use = pack_segment(SegmentHeader(7, 1, 0, 1, Mark()))
    forged = pack_records([Entry(RecordKind.EVENT, 0, bytes(300_000))], 1, Mark(), use, 7, 1)
    sound = pack_records([Entry(RecordKind.EVENT, 0, b"{}")], 2, Mark(), use, 7, 1)
    (tmp_path / "segment-00000.journal").write_bytes(head + forged[:SECTOR] + sound)
    assert [record.seq for record in records(tmp_path)] == [2]


def test_a_kind_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    head, use = pack_segment(SegmentHeader(7, 1, 0, 1, Mark()))
    entries = [Entry(0, 0, b"?"), Entry(RecordKind.EVENT, 0, b"{}")]
    (tmp_path / "segment-00000.journal").write_bytes(head + pack_records(entries, 1, Mark(), use, 7, 1))
    assert [record.seq for record in records(tmp_path)] == [2]


def test_a_record_longer_than_what_was_read_ahead_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = written(tmp_path, 20)
    monkeypatch.setattr(rescue, "AHEAD", SECTOR)
    assert records(tmp_path) == taken


def test_the_frames_go_to_stdout(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    written(tmp_path, 3)
    out = io.BytesIO()
    rescue.rescue(tmp_path, out.write)
    assert rescue.main([str(tmp_path)]) == 0
    assert capfdbinary.readouterr().out == out.getvalue()


def test_a_payload_holds_no_more_readings_than_the_office_takes_at_once(tmp_path: Path) -> None:
    disk, journal = opened(tmp_path)
    for _ in range(17):
        journal.append([(RecordKind.CHUNK, 65_536, b"still")])
    journal.close()
    disk.close()
    assert [len(unpack(payload)) for payload in frames(tmp_path)[b"R"]] == [16, 1]
