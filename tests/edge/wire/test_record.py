"""Records travel whole, at the least cost, and a payload is records or an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.codec import varint
from edge.wire.record import (
    LARGEST_COUNT,
    LARGEST_EPOCH,
    LARGEST_SEQ,
    LONGEST_PAYLOAD,
    MOST_READINGS,
    MOST_RECORDS,
    Lane,
    Pack,
    Record,
    RecordError,
    RecordKind,
    lane,
    pack,
    prefix,
    seqs,
    unpack,
)

KINDS = st.integers(1, 15)
COUNTS = st.integers(0, 2**16)
PARTS = st.lists(st.tuples(KINDS, COUNTS, st.binary(max_size=200)), min_size=1, max_size=9)


@given(st.integers(0, 2**32 - 1), st.integers(0, LARGEST_SEQ - 10), PARTS)
def test_there_and_back(epoch: int, seq: int, parts: list[tuple[int, int, bytes]]) -> None:
    records = [Record(epoch, seq + index, *part) for index, part in enumerate(parts)]
    assert unpack(pack(*records)) == records


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda data: b"\x10\0\0\0\1" + data))
def test_any_bytes_are_records_or_an_error(payload: bytes) -> None:
    try:
        records = unpack(payload)
    except RecordError:
        return
    assert pack(*records) == payload


@given(PARTS, st.data())
def test_a_cut_payload_of_several_is_noticed(parts: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    records = [Record(1, index, *part) for index, part in enumerate([*parts, (1, 1, b"end")])]
    payload = pack(*records)
    cut = data.draw(st.integers(0, len(payload) - 1))
    try:
        assert len(unpack(payload[:cut])) < len(records)
    except RecordError:
        pass


def test_the_bytes_of_format_1() -> None:
    chunk = Record(0x01020304, 300, RecordKind.CHUNK, 60, b"body")
    event = Record(0x01020304, 301, RecordKind.EVENT, 0, b"{}")
    assert pack(chunk).hex() == "1101020304ac023c" + b"body".hex()
    assert pack(chunk, event).hex() == "1001020304ac02" + "013c04" + b"body".hex() + "050002" + b"{}".hex()


@given(st.integers(0, 15), st.integers(0, 2**32 - 1), st.integers(0, LARGEST_SEQ - 10), PARTS, st.binary(max_size=9))
def test_a_version_that_is_not_known_yet_still_says_whose_and_which(
    version: int, epoch: int, seq: int, parts: list[tuple[int, int, bytes]], rest: bytes
) -> None:
    payload = pack(*[Record(epoch, seq + index, *part) for index, part in enumerate(parts)])
    later = bytes((version << 4 | payload[0] & 15,)) + payload[1:] + rest
    assert prefix(later) == (version, payload[0] & 15, epoch, seq)
    if version != 1:
        with pytest.raises(RecordError, match=rf"format {version} .*epoch {epoch}, from seq {seq} on"):
            unpack(later)


@pytest.mark.parametrize(("payload", "why"), [
    (b"", "0 bytes are no payload"), (b"\x21\0\0\0\1", "5 bytes are no payload"),
    (b"\x21\0\0\0\1\x80", "a number without an end"),
])  # fmt: skip
def test_what_has_no_prefix(payload: bytes, why: str) -> None:
    with pytest.raises(RecordError) as caught:
        prefix(payload)
    assert str(caught.value) == why


@given(st.binary(max_size=20))
def test_any_bytes_have_a_prefix_or_an_error(payload: bytes) -> None:
    try:
        known = prefix(payload)
    except RecordError:
        return
    assert payload[0] == known.version << 4 | known.kind and known.epoch.to_bytes(4, "big") == payload[1:5]


def test_kinds_are_known_by_name_and_strangers_kept() -> None:
    (known,), (strange,) = unpack(pack(Record(1, 1, 1, 0, b""))), unpack(pack(Record(1, 1, 9, 0, b"")))
    assert isinstance(known, Record) and isinstance(strange, Record)
    assert known.kind is RecordKind.CHUNK
    assert strange.kind == 9 and not isinstance(strange.kind, RecordKind)


@pytest.mark.parametrize(
    "payload", ["", "11", "1101020304", "2101020304" + "0000", "1001020304" + "00", "11010203048000" + "00"]
)
def test_what_is_no_payload(payload: str) -> None:
    with pytest.raises(RecordError):
        unpack(bytes.fromhex(payload))


def test_bounds() -> None:
    with pytest.raises(ValueError, match="longer"):
        pack(Record(1, 1, 1, 1, bytes(LONGEST_PAYLOAD)))
    with pytest.raises(RecordError):
        unpack(b"\x11" + bytes(LONGEST_PAYLOAD))
    with pytest.raises(ValueError, match=r"^records of one payload are neighbours in one epoch$"):
        pack(Record(1, 1, 1, 1, b""), Record(1, 3, 1, 1, b""))
    with pytest.raises(ValueError, match=r"^nothing to pack$"):
        pack()
    for wrong in ((2**32, 0, 1, 0), (-1, 0, 1, 0), (0, 2**63, 1, 0), (0, 0, 0, 0), (0, 0, 16, 0), (0, 0, 1, 2**31)):
        with pytest.raises(ValueError):
            Record(*wrong, b"")


def test_a_payload_holds_so_many_records_and_no_more() -> None:
    records = [Record(1, seq, 1, 1, b"") for seq in range(MOST_RECORDS + 1)]
    assert unpack(pack(*records[:-1])) == records[:-1]
    with pytest.raises(ValueError, match="4096"):
        pack(*records)
    with pytest.raises(RecordError, match="at most 4096 records"):
        unpack(pack(*records[:-1]) + b"\1\1\0")


def test_a_payload_holds_so_many_readings_and_no_more() -> None:
    """Bits that are worth little are small: a megabyte of them could be fifty million readings."""
    half = MOST_READINGS // 2
    enough: list[Record | Pack] = [
        Pack(1, 0, (half - 1, 1), b""),
        Record(1, 2, 1, half, b""),
        Record(1, 3, 9, LARGEST_COUNT, b""),
    ]
    payload = pack(*enough)
    assert unpack(payload) == enough
    with pytest.raises(ValueError, match=r"^a payload holds at most 1048576 readings$"):
        pack(*enough, Record(1, 4, 1, 1, b""))
    with pytest.raises(RecordError, match=r"^a payload holds at most 1048576 readings$"):
        unpack(payload + b"\1\1\0")
    alone = Record(1, 0, 1, LARGEST_COUNT, b"")  # its chunk has a bound of its own
    assert unpack(pack(alone)) == [alone]


def test_lanes() -> None:
    assert [kind for kind in range(16) if lane(kind) is Lane.EVENTS] == [4, 5, 8]
    assert [kind for kind in range(16) if lane(kind) is Lane.HEALTH] == [6]


def test_the_largest_there_is() -> None:
    last = Record(LARGEST_EPOCH, LARGEST_SEQ, 15, LARGEST_COUNT, b"")
    assert unpack(pack(last)) == [last]
    pair = Pack(LARGEST_EPOCH, LARGEST_SEQ - 1, (0, 0), b"")
    assert unpack(pack(pair)) == [pair] and seqs(pair) == range(LARGEST_SEQ - 1, LARGEST_SEQ + 1)
    full = Record(1, 1, 1, 1, bytes(LONGEST_PAYLOAD - 7))
    assert len(pack(full)) == LONGEST_PAYLOAD and unpack(pack(full)) == [full]
    for seq, end in ((LARGEST_SEQ + 1, 1), (LARGEST_SEQ, 2)):
        payload = b"\x10" + bytes(4) + varint(seq) + b"\1\0\0" * end
        with pytest.raises(RecordError, match=rf"^no journal has epoch 0 and seq {LARGEST_SEQ + 1}$"):
            unpack(payload)
