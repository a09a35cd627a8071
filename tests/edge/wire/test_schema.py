"""A schema reads back as it was, and its four bytes change with everything in it."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.codec import varint
from edge.wire.schema import MOST_COLUMNS, Column, Schema, SchemaError

NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)
COLUMNS = st.lists(
    st.builds(Column, NAME.filter(bool) | st.sampled_from("ab"), NAME.filter(bool), NAME, st.integers(0, 18)),
    max_size=12,
    unique_by=lambda column: (column.sensor, column.quantity, column.channel),
).map(tuple)
AIR = Schema((Column("air", "temperature", "", 2), Column("air", "humidity", "", 2), Column("door", "count", "in", 0)))


@given(COLUMNS)
def test_there_and_back(columns: tuple[Column, ...]) -> None:
    schema = Schema(columns)
    assert Schema.decode(schema.encode()) == schema
    assert len(schema.key) == 4 and Schema.decode(schema.encode()).key == schema.key


@given(COLUMNS, COLUMNS)
def test_different_schemas_have_different_bytes(one: tuple[Column, ...], other: tuple[Column, ...]) -> None:
    assert (Schema(one).encode() == Schema(other).encode()) == (one == other)


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda data: b"\1\2" + data))
def test_any_bytes_are_a_schema_or_an_error(data: bytes) -> None:
    try:
        schema = Schema.decode(data)
    except SchemaError:
        return
    assert schema.encode() == data


def test_no_damage_goes_unseen_or_changes_the_key_unnoticed() -> None:
    data = AIR.encode()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert Schema.decode(bytes(damaged)).key != AIR.key
        except SchemaError:
            pass


def test_the_bytes_of_format_1() -> None:
    assert AIR.encode().hex() == (
        "0103" + "03616972" + "0b74656d7065726174757265" + "00" + "02"
        "00" + "0868756d6964697479" + "00" + "02"
        "04646f6f72" + "05636f756e74" + "02696e" + "00"
    )  # fmt: skip
    assert AIR.key.hex() == "fb97a0b8"


def test_no_schema_has_two_spellings() -> None:
    data = AIR.encode()
    again = data.replace(b"\x00\x08humidity", b"\x03air\x08humidity")
    for other in (again, data + b"\0", data[:-1], b"\2" + data[1:], b"\1\xff\xff\x7f" + data[2:]):
        assert other != data
        with pytest.raises(SchemaError):
            Schema.decode(other)


def test_what_no_schema_holds() -> None:
    with pytest.raises(ValueError, match="twice"):
        Schema((Column("a", "co2", "", 0), Column("a", "co2", "", 1)))
    with pytest.raises(ValueError, match="more than"):
        Schema(tuple(Column("a", "co2", str(index), 0) for index in range(MOST_COLUMNS + 1)))
    for wrong in (
        ("", "co2", "", 0),
        ("a", "", "", 0),
        ("a", "co2", "ö" * 33, 0),
        ("a", "co2", "", 19),
        ("a", "b", "", -1),
    ):
        with pytest.raises(ValueError):
            Column(*wrong)


def test_a_schema_that_says_too_much_costs_nothing() -> None:
    column = b"\0\1b\0\0"
    data = b"\1" + varint(200_000) + b"\1a\1b\0\0" + column * 199_999
    tracemalloc.start()
    with pytest.raises(SchemaError, match=r"^200000 columns are more than 1024$"):
        Schema.decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_the_widest_schema() -> None:
    schema = Schema(tuple(Column("s" * 64, "q" * 64, f"{index:064}", 18) for index in range(MOST_COLUMNS)))
    assert Schema.decode(schema.encode()) == schema
