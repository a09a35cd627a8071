"""A chunk gives back exactly what went in, and nothing else: whatever the readings, whatever the damage."""

from operator import itemgetter

from hypothesis import given
from hypothesis import strategies as st

from edge.wire.chunks import (
    Cell,
    Chunk,
    ClockQuality,
    Column,
    Schema,
    decode,
    decode_columns,
    encode,
    encode_columns,
    peek,
)

LIMIT = 2**62
TIMES = st.one_of(
    st.integers(0, 30),
    st.integers(0, 50).map(lambda index: index * 10_000 + index * 7919 % 7),
    st.integers(0, LIMIT),
)
STEPS = st.one_of(st.integers(-9, 9), st.integers(2_000, 2_100), st.integers(-LIMIT, LIMIT))
FLAGS = st.one_of(st.just(0), st.just(0), st.integers(0, 31), st.integers(0, 65_535))
CELLS = st.lists(st.builds(Cell, TIMES, st.integers(0, 8), STEPS, FLAGS), max_size=120)
QUALITIES = st.sampled_from(ClockQuality)


def schema_of(width: int) -> Schema:
    return Schema(tuple(Column("s", "temperature", str(index), 2) for index in range(width)))


def in_order(cells: list[Cell]) -> list[Cell]:
    return sorted(cells, key=itemgetter(0, 1))


@given(CELLS, st.integers(9, 12), st.integers(0, 2**32 - 1), QUALITIES)
def test_what_goes_in_comes_out(cells: list[Cell], width: int, boot: int, quality: ClockQuality) -> None:
    schema = schema_of(width)
    data = encode(schema, boot, quality, cells)
    assert decode({schema.key: schema}.get, data) == Chunk(boot, quality, schema.key, in_order(cells))
    head = peek(data)
    assert (head.schema_key, head.boot, head.quality, head.count) == (schema.key, boot, quality, len(cells))
    found = decode_columns({schema.key: schema}.__getitem__, data)
    assert encode_columns(schema, boot, quality, found.strips) == data
