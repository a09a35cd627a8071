"""Which schemas are remembered, for how long, and what it costs to write them down."""

from __future__ import annotations

import errno
import json

import pytest

from edge.schemas import FILE, REMEMBERED, Schemas
from edge.wire.schema import Column, Schema
from simulators.disk import MemoryDisk


def numbered(number: int) -> Schema:
    return Schema((Column(f"air-{number}", "pm10", "", 2),))


def remember(schemas: Schemas, *numbers: int) -> None:
    for number in numbers:
        schemas.remember(numbered(number).encode())


def known(schemas: Schemas) -> list[int]:
    return [number for number in range(2 * REMEMBERED) if schemas.body(numbered(number).key.hex()) is not None]


def test_the_newest_are_remembered_and_one_in_use_is_new_again() -> None:
    disk = MemoryDisk()
    schemas = Schemas(disk)
    remember(schemas, *range(REMEMBERED))
    assert known(schemas) == list(range(REMEMBERED))
    remember(schemas, 0, REMEMBERED)
    assert known(schemas) == [0, *range(2, REMEMBERED + 1)]
    schemas.save()
    assert known(Schemas(disk)) == [0, *range(2, REMEMBERED + 1)]
    assert Schemas(disk).body(numbered(5).key.hex()) == numbered(5).encode()


def test_they_are_written_only_when_one_is_new_and_again_until_the_disk_takes_it() -> None:
    disk = MemoryDisk()
    schemas = Schemas(disk)
    schemas.save()
    assert disk.counts["write_small"] == 0
    disk.fail("write_small", errno.ENOSPC)
    remember(schemas, 1, 2, 1)
    for _ in range(3):
        schemas.save()
        remember(schemas, 2)
    assert (disk.counts["write_small"], disk.counts["read_small"]) == (2, 1) and known(Schemas(disk)) == [1, 2]
    remember(schemas, 3, 1)
    schemas.save()
    disk.counts.clear()
    again = Schemas(disk)
    remember(again, 1, 2, 3)
    again.save()
    assert (disk.counts["write_small"], disk.counts["read_small"]) == (0, 1) and known(again) == [1, 2, 3]


@pytest.mark.parametrize("content", ["", "{", "5", '["zz"]', "[5]", '["00"]', json.dumps({"a": 1})])
def test_a_file_of_rubbish_is_no_file(content: str) -> None:
    disk = MemoryDisk()
    disk.write_small(FILE, content.encode())
    schemas = Schemas(disk)
    assert known(schemas) == []
    remember(schemas, 7)
    schemas.save()
    assert known(Schemas(disk)) == [7]


def test_what_cannot_be_read_at_the_start_is_read_later() -> None:
    disk = MemoryDisk()
    before = Schemas(disk)
    remember(before, 1, 2)
    before.save()
    disk.fail("read_small", errno.EIO, times=2)
    schemas = Schemas(disk)
    remember(schemas, 3)
    assert known(schemas) == [3]
    disk.fail("write_small", errno.EIO)
    schemas.save()
    assert known(schemas) == [3]
    for _ in range(2):
        schemas.save()
        assert known(schemas) == [1, 2, 3]
    assert known(Schemas(disk)) == [1, 2, 3]
