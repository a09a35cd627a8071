"""Single numbers: there and back, one spelling each."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.bits import BitReader, fixed, signed_small, signed_wide, small, to_bytes, wide
from edge.wire.codec import CodecError, read_varint, unzigzag, varint, zigzag


@given(st.integers(0, 2**70 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_a_varint_reads_back_wherever_it_stands(number: int, before: bytes, after: bytes) -> None:
    spelled = varint(number)
    assert len(spelled) == max(1, -(-number.bit_length() // 7))
    assert read_varint(before + spelled + after, len(before)) == (number, len(before + spelled))


@given(st.binary(max_size=12))
def test_no_varint_has_two_spellings(data: bytes) -> None:
    try:
        number, end = read_varint(data, 0)
    except CodecError:
        return
    assert varint(number) == data[:end]


@pytest.mark.parametrize("number", [-1, 2**70])
def test_what_no_varint_holds(number: int) -> None:
    with pytest.raises(ValueError, match=rf"^no varint holds {number}$"):
        varint(number)


@given(st.integers(-(2**70), 2**70))
def test_zigzag(number: int) -> None:
    assert unzigzag(zigzag(number)) == number
    assert zigzag(number) in (2 * abs(number), 2 * abs(number) - 1)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**150))))
def test_bits_read_back_in_order(items: list[tuple[int, int]]) -> None:
    writers: tuple[Callable[[int], str], ...] = (
        lambda n: fixed(n % 512, 9),
        wide,
        small,
        signed_wide,
        lambda n: signed_small(-n),
    )
    bits = BitReader(to_bytes("".join(writers[kind](number) for kind, number in items)))
    readers = (lambda: bits.fixed(9), bits.wide, bits.small, bits.signed_wide, bits.signed_small)
    expected = [(number % 512, number, number, number, -number)[kind] for kind, number in items]
    assert [readers[kind]() for kind, _ in items] == expected
    bits.finish()


def test_nothing_is_read_from_nothing() -> None:
    bits = BitReader(b"")
    assert (fixed(0, 0), bits.fixed(0), bits.slice(0)) == ("", 0, "")
    bits.finish()


def test_how_many_bits_they_take() -> None:
    assert [len(wide(number)) for number in (0, 1, 2, 255, 2**29, 2**30, 2**31)] == [5, 5, 6, 12, 34, 42, 43]
    assert [len(small(number)) for number in (0, 15, 16)] == [5, 5, 10]
    assert to_bytes("") == b"" and to_bytes("000000001") == b"\x00\x80"


@given(st.binary(max_size=40), st.integers(0, 4))
def test_the_end_of_the_bits_is_noticed(data: bytes, kind: int) -> None:
    bits = BitReader(data)
    readers: tuple[Callable[[], int], ...] = (
        lambda: bits.fixed(9), bits.wide, bits.small, bits.signed_wide, bits.signed_small,
    )  # fmt: skip
    with pytest.raises(CodecError):
        for _ in range(8 * len(data) + 1):
            readers[kind]()


@pytest.mark.parametrize(("data", "read"), [(b"\x00", 0), (b"\x00\x00", 0), (b"\x01", 0), (b"\x80", 0)])
def test_what_is_left_over_is_noticed(data: bytes, read: int) -> None:
    bits = BitReader(data)
    bits.fixed(read)
    with pytest.raises(CodecError, match="left over"):
        bits.finish()
