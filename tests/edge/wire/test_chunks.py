"""A chunk gives back exactly what went in, and nothing else: whatever the readings, whatever the damage."""

import binascii
import itertools
import tracemalloc
import zlib
from operator import itemgetter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.wire import rice
from edge.wire.bits import fixed, signed_small, signed_wide, small, to_bytes, wide
from edge.wire.chunks import (
    LONGEST_CHUNK,
    Cell,
    Chunk,
    ChunkError,
    Column,
    Schema,
    Strip,
    UnknownSchema,
    _seal,
    decode,
    decode_columns,
    encode,
    encode_columns,
    peek,
)
from edge.wire.clocks import ClockQuality
from edge.wire.codec import varint
from tests.edge.wire import series

LIMIT = 2**62
SYNCED = ClockQuality.SYNCED
TIMES = st.one_of(
    st.integers(0, 30),
    st.integers(0, 50).map(lambda index: index * 10_000 + index * 7919 % 7),
    st.integers(0, LIMIT),
)
STEPS = st.one_of(st.integers(-9, 9), st.integers(2_000, 2_100), st.integers(-LIMIT, LIMIT))
FLAGS = st.one_of(st.just(0), st.just(0), st.integers(0, 31), st.integers(0, 65_535))
CELLS = st.lists(st.builds(Cell, TIMES, st.integers(0, 8), STEPS, FLAGS), max_size=120)
QUALITIES = st.sampled_from(ClockQuality)


@st.composite
def timetables(draw: st.DrawFn) -> list[Cell]:
    """Sensors on timetables of their own, here and there a sample missing or late, here and there a flag."""
    cells = []
    for column in range(draw(st.integers(1, 6))):
        phase, every = draw(st.sampled_from([0, 0, 0, 7, 4_321])), draw(st.sampled_from([1, 1, 2, 6]))
        late = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 3, None]), min_size=24, max_size=24))
        flags = draw(st.sampled_from([[0] * 24, [16] * 9 + [0] * 15, [2] * 24, [0, 0, 0, 4] * 6]))
        for index in range(0, 24, every):
            if (delay := late[index]) is not None:
                at_ms = phase + 10_000 * (index + 77) + delay * draw(st.sampled_from([0, 1]))
                cells.append(Cell(at_ms, column, 100 * column + index * index % 5, flags[index]))
    return cells


def schema_of(width: int) -> Schema:
    return Schema(tuple(Column("s", "temperature", str(index), 2) for index in range(width)))


def in_order(cells: list[Cell]) -> list[Cell]:
    return sorted(cells, key=itemgetter(0, 1))


def sealed(body: bytes) -> bytes:
    """With the checksum that a chunk of this length has."""
    if len(body) <= 510:
        return body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")
    return body + zlib.crc32(body).to_bytes(4, "big")


def head(schema: Schema, count: int, mark: int = 0x48) -> bytes:
    return bytes((mark,)) + schema.key + varint(1) + varint(count)


@given(CELLS | timetables(), st.integers(9, 12), st.integers(0, 2**32 - 1), QUALITIES)
@example([Cell(5, 8, -LIMIT), Cell(5, 8, LIMIT), Cell(5, 8, -LIMIT, 65_535)], 9, 0, ClockQuality.UNKNOWN)
def test_what_goes_in_comes_out(cells: list[Cell], width: int, boot: int, quality: ClockQuality) -> None:
    schema = schema_of(width)
    data = encode(schema, boot, quality, cells)
    assert decode({schema.key: schema}.get, data) == Chunk(boot, quality, schema.key, in_order(cells))
    seen = peek(data)
    assert (seen.schema_key, seen.boot, seen.quality, seen.count) == (schema.key, boot, quality, len(cells))
    found = decode_columns({schema.key: schema}.__getitem__, data)
    assert encode_columns(schema, boot, quality, found.strips) == data


def test_a_group_that_says_a_time_twice_is_no_part_of_another() -> None:
    schema, times = schema_of(2), [9**index for index in range(12)]
    cells = [Cell(at, 0, 1) for at in times] + [Cell(at, 1, 1) for at in sorted(times[1:11] + times[4:6])]
    assert decode(lambda key: schema, encode(schema, 1, SYNCED, cells)).cells == in_order(cells)


@given(CELLS, st.randoms())
def test_the_order_of_different_cells_does_not_matter(cells: list[Cell], chance: object) -> None:
    unique = list({cell[:2]: cell for cell in cells}.values())
    schema = schema_of(9)
    assert encode(schema, 1, SYNCED, unique) == encode(schema, 1, SYNCED, in_order(unique))


def test_every_small_chunk() -> None:
    schema = schema_of(2)
    possible = [
        Cell(at, column, steps, flags) for at in (0, 9) for column in (0, 1) for steps in (-1, 5) for flags in (0, 2)
    ]
    for length in range(4):
        for cells in itertools.combinations_with_replacement(possible, length):
            data = encode(schema, 0, SYNCED, cells)
            assert decode({schema.key: schema}.get, data).cells == in_order(list(cells))


def test_thousands_of_cells() -> None:
    schema = series.schema(12)
    strips = series.strips(5_000, 1_000, columns=12)
    found = decode_columns({schema.key: schema}.get, encode_columns(schema, 7, SYNCED, strips))
    assert found.strips == strips and found.count == 60_000


@pytest.mark.parametrize("samples", [10, 200])
def test_no_flipped_bit_goes_unseen(samples: int) -> None:
    schema = series.schema()
    data = encode_columns(schema, 3, SYNCED, series.strips(samples, 10_000))
    assert (len(data) > 512) == (samples == 200)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ChunkError):
            peek(bytes(damaged))


def test_no_cut_and_no_burst_goes_unseen() -> None:
    schema = series.schema()
    data = encode_columns(schema, 3, SYNCED, series.strips(10, 10_000))
    for at in range(len(data)):
        with pytest.raises(ChunkError):
            peek(data[:at])
        for burst in (b"\xff\xff", b"\x81\x01"):
            damaged = int.from_bytes(data, "big") ^ int.from_bytes(burst, "big") << 8 * max(0, at - 1)
            with pytest.raises(ChunkError):
                peek(damaged.to_bytes(len(data) + 1, "big")[1:])


SAMPLE = encode(
    schema_of(9), 1, SYNCED, [Cell(10_000 * (i % 17), i % 8, i * i % 91 - 9, i % 5 // 4) for i in range(90)]
)


@given(
    st.integers(0, len(SAMPLE) - 3),
    st.binary(max_size=12),
    st.integers(0, 12),
    st.sampled_from([SAMPLE, encode_columns(series.schema(9), 1, SYNCED, series.strips(9, 1_000, columns=9))]),
)
def test_a_damaged_chunk_with_a_right_checksum_is_a_chunk_or_an_error(
    at: int, put: bytes, cut: int, data: bytes
) -> None:
    body = data[:-2]
    body = body[:at] + put + body[at + cut :]
    schema = schema_of(9)
    try:
        chunk = decode(lambda key: schema, sealed(body))
    except ChunkError:
        return
    again = encode(schema, chunk.boot, chunk.quality, chunk.cells)
    assert decode(lambda key: schema, again).cells == chunk.cells


@given(st.binary(max_size=80), st.integers(0, 2**16 + 9), st.integers(0x40, 0x7F), st.integers(0, 9))
def test_any_bits_behind_a_head_are_a_chunk_or_an_error(noise: bytes, count: int, mark: int, width: int) -> None:
    schema = schema_of(width)
    try:
        found = decode_columns(lambda key: schema, sealed(head(schema, count, mark) + noise))
    except ChunkError:
        return
    assert sum(len(strip.steps) for strip in found.strips) == count == found.count


@given(st.binary(max_size=80))
def test_noise_is_an_error(noise: bytes) -> None:
    for data in (noise, sealed(noise)):
        try:
            decode(lambda key: None, data)
        except (ChunkError, UnknownSchema):
            continue
        raise AssertionError("a chunk without a schema was decoded")


def test_a_hostile_count_gets_no_memory() -> None:
    schema = schema_of(1024)
    lists = "1" + fixed(0, 4) + wide(0) + fixed(0, 4) + (wide(7) + fixed(0, 4)) * 1024
    tracemalloc.start()
    for count, together in ((65_536, True), (2**60, True), (65_536, False), (2**60, False)):
        bits = lists if together else small(1) + "1" * 1024 + wide(2**50) + lists
        with pytest.raises(ChunkError):
            decode_columns(
                lambda key: schema, sealed(head(schema, count, 0x48 if together else 0x40) + to_bytes(bits + "1" * 9))
            )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_what_is_left_out_may_not_outweigh_what_is_there() -> None:
    schema = schema_of(2)
    first = wide(100) + "1" + fixed(0, 4) + wide(0) + fixed(0, 4)
    bits = small(2) + "1" + "0" + fixed(1, 2) + first + wide(1) + "11" + small(0) + fixed(10, 4) + signed_small(1)
    with pytest.raises(ChunkError, match="left out"):
        decode_columns(lambda key: schema, sealed(head(schema, 101, 0x40) + to_bytes(bits)))


ALONE = signed_wide(1_000)  # the one time of a chunk of one row
SET = fixed(0, 4)  # a list of zeros
HOSTILE = {
    "a value beyond": (0x48, 1, ALONE + wide(LIMIT + 1)),
    "no such flags": (0x4C, 1, ALONE + wide(1) + "1" + "1" + signed_wide(65_536)),
    "no such flags, they are negative": (0x4C, 1, ALONE + wide(1) + "1" + "1" + signed_wide(-1)),
    "format 0x49 is not known": (0x49, 1, ALONE + wide(1)),
    "format 0x08 is not known": (0x08, 1, ALONE + wide(1)),
    "left over": (0x48, 1, ALONE + wide(1) + "0" * 8),
    "the groups do not fit the count": (0x40, 2, small(1) + "1" + wide(1) + ALONE + wide(1)),
    "the groups do not fit the count, there are too many": (
        0x40,
        1,
        small(1) + "1" + wide(2) + "0" + ALONE + SET + wide(1) + SET,
    ),
    "the groups do not fit the schema": (0x40, 1, small(2) + "1" + wide(1) + ALONE + wide(1)),
    "time runs backwards": (0x48, 2, "0" + ALONE + rice.write([-1]) + wide(1) + SET),
    "time runs backwards or away": (0x48, 1, signed_wide(LIMIT + 1) + wide(1)),
    "time runs backwards, before the boot": (0x48, 1, signed_wide(-1) + wide(1)),
    "no such period": (0x48, 2, "1" + fixed(15, 4) + ALONE + SET + wide(1) + SET),
    "no such period, of nothing": (0x48, 2, "1" + fixed(14, 4) + wide(0) + ALONE + SET + wide(1) + SET),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_each_impossible_chunk_is_refused_for_its_reason(why: str) -> None:
    mark, count, bits = HOSTILE[why]
    schema = schema_of(1)
    with pytest.raises(ChunkError, match=why.split(",")[0]):
        decode_columns(lambda key: schema, sealed(head(schema, count, mark) + to_bytes(bits)))


def test_a_group_and_a_count_that_cannot_be() -> None:
    schema = schema_of(2)
    strange = small(2) + "0" + fixed(3, 2) + "1" + wide(1) + ALONE + wide(1)
    with pytest.raises(ChunkError, match="no such group"):
        decode_columns(lambda key: schema, sealed(head(schema, 1, 0x40) + to_bytes(strange)))
    with pytest.raises(ChunkError, match="count does not fit"):
        decode_columns(lambda key: schema, sealed(head(schema, 3) + to_bytes(ALONE + wide(1) + wide(1))))


@pytest.mark.parametrize("steps", [[0, 1], [2, -1], [1, 3]])
def test_indices_that_are_no_times(steps: list[int]) -> None:
    schema = schema_of(2)
    first = wide(4) + "1" + fixed(0, 4) + wide(0) + SET
    bits = small(2) + "1" + "0" + fixed(1, 2) + first + wide(3) + "10" + small(0) + rice.write(steps)
    with pytest.raises(ChunkError, match="no such time"):
        decode_columns(lambda key: schema, sealed(head(schema, 7, 0x40) + to_bytes(bits + "0" * 99)))


def test_an_unknown_schema_is_named() -> None:
    schema = schema_of(1)
    data = encode(schema, 1, SYNCED, [Cell(1, 0, 1)])
    nothing: dict[bytes, Schema] = {}
    for lookup in (nothing.get, nothing.__getitem__):
        with pytest.raises(UnknownSchema) as caught:
            decode(lookup, data)
        assert caught.value.key == schema.key and str(caught.value) == f"no schema {schema.key.hex()} here"
    assert peek(data).count == 1


@pytest.mark.parametrize(
    ("strips", "why"),
    [
        ([Strip(1, [1], [1], [0])], "columns [1] of a schema of 1"),
        ([Strip(-1, [1], [1], [0])], "columns [-1] of a schema of 1"),
        ([Strip(0, [1], [1], [0]), Strip(0, [2], [1], [0])], "columns [0, 0] of a schema of 1"),
        ([Strip(0, [2, 1], [1, 1], [0, 0])], "column 0: times descend or are negative"),
        ([Strip(0, [-1], [1], [0])], "column 0: times descend or are negative"),
        ([Strip(0, [LIMIT + 1], [1], [0])], "column 0: times descend or are negative"),
        ([Strip(0, [1], [LIMIT + 1], [0])], f"column 0: a value beyond {LIMIT} steps"),
        ([Strip(0, [1], [-LIMIT - 1], [0])], f"column 0: a value beyond {LIMIT} steps"),
        ([Strip(0, [1], [1], [65_536])], "column 0: no such flags"),
        ([Strip(0, [1], [1], [-1])], "column 0: no such flags"),
        ([Strip(0, [1], [1, 2], [0])], "column 0: times, steps and flags differ in number"),
        ([Strip(0, [1], [1], [])], "column 0: times, steps and flags differ in number"),
        ([Strip(0, list(range(65_537)), [0] * 65_537, [0] * 65_537)], "boot 1, or more than 65536 cells"),
    ],
)
def test_what_no_chunk_holds(strips: list[Strip], why: str) -> None:
    with pytest.raises(ValueError) as caught:
        encode_columns(schema_of(1), 1, SYNCED, strips)
    assert str(caught.value) == why


@pytest.mark.parametrize("boot", [-1, 2**32])
def test_boots_that_no_journal_counts(boot: int) -> None:
    with pytest.raises(ValueError, match=rf"^boot {boot}, or more"):
        encode(schema_of(1), boot, SYNCED, [])


def test_the_most_readings_there_are() -> None:
    still = [Strip(0, list(range(65_536)), [5] * 65_536, [0] * 65_536)]
    found = decode_columns(lambda key: schema_of(1), encode_columns(schema_of(1), 1, SYNCED, still))
    assert found.strips == still


GOLDEN: dict[str, list[Cell]] = {
    "empty": [],
    "one": [Cell(123_456, 1, -42)],
    "together": [
        Cell(20_000 + 10_000 * i + i % 3, column, 1_700 * column + i % 4) for i in range(12) for column in range(3)
    ],
    "apart": [
        Cell(10_000 * i + column, column, 3 * i) for i in range(9) for column in range(3) if i % (column + 1) == 0
    ],
    "some": [Cell(10_000 * i, column, -i) for i in range(12) for column in range(3) if not (column == 1 and i == 7)],
    "flagged": [Cell(1_000 * i, i % 3, i, 16 * (i < 9) or 4 * (i % 9 == 0)) for i in range(30)],
    "outlier": [Cell(60_000 * i, 0, 2**62 if i == 5 else i % 3) for i in range(20)],
}
BYTES = {
    "empty": "50b7c299d6050042a6",
    "one": "52b7c299d605010a21971200e9806f02",
    "together": "58b7c299d6052498cc00c30c300aad56a8442ea42ab55aa110ca90556ab54220f10c",
    "apart": "50b7c299d605111ca2198006aa0a10ab02880a302980a948e129",
    "some": "50b7c299d605231482498008f382820b1fee0a08a409",
    "flagged": "54b7c299d6051e1ca2202ad7702217e855aee04433d055aee00a366019f4d3078601a366011fffc01004a366011fffc0"
    "10001ba9",
    "outlier": "50b7c299d605140d952e000187fffbfffc000aebaebaebbe7bfffffffffffffbfe7bfffffffffffffbc042ac",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_of_format_1(name: str) -> None:
    schema = schema_of(3)
    assert encode(schema, 5, ClockQuality.HOLDOVER, GOLDEN[name]).hex() == BYTES[name]
    assert decode(lambda key: schema, bytes.fromhex(BYTES[name])).cells == in_order(GOLDEN[name])


def test_the_longest_chunk() -> None:
    """65,536 readings that have nothing in common would be longer: the sampler cuts far earlier."""
    longest = _seal(encode(schema_of(1), 1, SYNCED, [])[:-2] + bytes(LONGEST_CHUNK - 11))
    assert len(longest) == LONGEST_CHUNK
    with pytest.raises(ChunkError, match=r"^bytes are left over$"):
        peek(longest)
    with pytest.raises(ChunkError, match=r"^1048577 bytes are no chunk$"):
        peek(longest + b"\0")
    with pytest.raises(ValueError, match=r"^a chunk of 1048573 bytes is longer than 1048576$"):
        _seal(bytes(LONGEST_CHUNK - 3))
