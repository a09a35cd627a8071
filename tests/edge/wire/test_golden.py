"""The bytes of format 1, as they were written once: what hangs in the street for years must be read for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.wire import rice, stamps
from edge.wire.bits import BitReader, to_bytes
from edge.wire.chunks import ChunkError, Column, Schema, Strip, decode_columns, encode_columns, peek
from edge.wire.clocks import ClockQuality
from edge.wire.kept import first_copy, keep
from edge.wire.packs import repack, shares
from edge.wire.record import Pack, Record, RecordError, RecordKind, pack, unpack
from edge.wire.schema import SchemaError

Line = dict[str, Any]
FOLDER = Path(__file__).parent / "golden"


def lines(name: str) -> list[Any]:
    return [pytest.param(line, id=line["what"]) for line in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))]


def schema_of(width: int) -> Schema:
    return Schema(tuple(Column("s", "temperature", str(index), 2) for index in range(width)))


def items(line: Line) -> list[Record | Pack]:
    return [
        Pack(line["epoch"], item["seq"], tuple(item["counts"]), bytes.fromhex(item["body"]))
        if "counts" in item
        else Record(line["epoch"], item["seq"], item["kind"], item["count"], bytes.fromhex(item["body"]))
        for item in line["items"]
    ]


@pytest.mark.parametrize("line", lines("lists"))
def test_lists(line: Line) -> None:
    assert line.get("written", True) is False or rice.write(line["numbers"]) == line["bits"]
    bits = BitReader(to_bytes(line["bits"] + "1"))
    assert (rice.read(bits, len(line["numbers"])), bits.at) == (line["numbers"], len(line["bits"]))


@pytest.mark.parametrize("line", lines("times"))
def test_times(line: Line) -> None:
    assert line.get("written", True) is False or stamps.write(line["times"], line["near"]) == line["bits"]
    bits = BitReader(to_bytes(line["bits"] + "1"))
    assert (stamps.read(bits, len(line["times"]), line["near"]), bits.at) == (line["times"], len(line["bits"]))


@pytest.mark.parametrize("line", lines("chunks"))
def test_chunks(line: Line) -> None:
    schema, quality = schema_of(line["columns"]), ClockQuality(line["quality"])
    strips = [Strip(**{"flags": [0] * len(strip["steps"])} | strip) for strip in line["strips"]]
    data = bytes.fromhex(line["hex"])
    assert line.get("written", True) is False or encode_columns(schema, line["boot"], quality, strips) == data
    found, head = decode_columns({schema.key: schema}.get, data), peek(data)
    assert (found.boot, found.quality, found.strips) == (line["boot"], quality, strips)
    assert (head.boot, head.quality, head.count) == (found.boot, found.quality, found.count)


@pytest.mark.parametrize("line", lines("schemas"))
def test_schemas(line: Line) -> None:
    schema = Schema(tuple(Column(*column) for column in line["columns"]))
    assert (schema.encode().hex(), schema.key.hex()) == (line["hex"], line["key"])
    assert Schema.decode(bytes.fromhex(line["hex"])) == schema


@pytest.mark.parametrize("line", lines("payloads"))
def test_payloads(line: Line) -> None:
    assert pack(*items(line)).hex() == line["hex"]
    found = unpack(bytes.fromhex(line["hex"]))
    assert found == items(line)
    assert all(isinstance(item, Pack) or isinstance(item.kind, RecordKind) == (item.kind <= 8) for item in found)


@pytest.mark.parametrize("line", lines("packs"))
def test_packs(line: Line) -> None:
    schema = schema_of(3)
    records = [
        Record(7, line["seq"] + index, each["kind"], each["count"], bytes.fromhex(each["body"]))
        for index, each in enumerate(line["records"])
    ]
    merged = repack(records, {schema.key: schema}.get, **line.get("how", {}))
    assert pack(*merged).hex() == line["hex"]
    for item in unpack(bytes.fromhex(line["hex"])):
        if isinstance(item, Pack):
            begin = item.seq - line["seq"]
            parts = shares(decode_columns(lambda key: schema, item.body), item.counts)
            for record, part in zip(records[begin : begin + len(item.counts)], parts, strict=True):
                assert part == (decode_columns(lambda key: schema, record.body).strips if record.count else [])


@pytest.mark.parametrize("line", lines("kept"))
def test_kept(line: Line) -> None:
    (first,) = items({"epoch": 7, "items": [line["first"]]})
    assert isinstance(first, Record) and keep(first).hex() == line["hex"]
    assert first_copy(Record(7, line["seq"], RecordKind.KEPT, 0, bytes.fromhex(line["hex"]))) == first


@pytest.mark.parametrize("line", lines("refused"))
def test_what_is_refused_and_why(line: Line) -> None:
    data = bytes.fromhex(line["hex"])
    with pytest.raises((ChunkError, SchemaError, RecordError)) as caught:
        if line["as"] == "chunk":
            decode_columns(lambda key: schema_of(line["columns"]), data)
        elif line["as"] == "schema":
            Schema.decode(data)
        elif line["as"] == "payload":
            unpack(data)
        else:
            first_copy(Record(7, 90, RecordKind.KEPT, 0, data))
    error = {"chunk": ChunkError, "schema": SchemaError}.get(line["as"], RecordError)
    assert (caught.type, str(caught.value)) == (error, line["why"])
