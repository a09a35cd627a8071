"""Maps of registers: each type both ways, what is absent, and how few questions fetch them all."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_map import MOST, SWAPPED, TYPES, Block, Register, blocks, octets, quantities
from drivers.reading import Quantity
from simulators.chips.modbus import encoded

LIMITS = {"u16": (0, 0xFFFF), "s16": (-0x8000, 0x7FFF), "u32": (0, 2**32 - 1), "s32": (-(2**31), 2**31 - 1)}


def held(one: Register, value: float) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in encoded(one, value))


@given(name=st.sampled_from([*TYPES, *SWAPPED]), share=st.floats(0, 1), scale=st.sampled_from([1.0, 0.1, 10.0]))
def test_what_a_device_holds_is_what_is_read(name: str, share: float, scale: float) -> None:
    one = Register(Quantity.POWER, 0, type=name, scale=scale, offset=-3.0)
    low, high = LIMITS.get(SWAPPED.get(name, name), (-1000, 1000))
    value = (low + (high - low) * share) * scale - 3.0
    assert one.value(held(one, value)) == pytest.approx(value, abs=scale, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "value"),
    [
        ("u16", "fffe", 65534), ("s16", "fffe", -2), ("u32", "00010002", 65538), ("u32le", "00020001", 65538),
        ("s32", "fffffffe", -2), ("s32le", "fffeffff", -2), ("float32", "43663333", 230.2),
        ("float32le", "33334366", 230.2),
    ],
)  # fmt: skip
def test_types(name: str, content: str, value: float) -> None:
    assert Register(Quantity.POWER, 0, type=name).value(bytes.fromhex(content)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "absent", "content"),
    [
        ("u16", 0xFFFF, "ffff"), ("s16", 0x8000, "8000"), ("s16", 0xFFFF, "ffff"), ("u32le", 0xFFFF0000, "0000ffff"),
        ("float32", -1, "7fc00000"), ("float32", -1, "7f800000"),
    ],
)  # fmt: skip
def test_what_is_absent_has_no_value(name: str, absent: int, content: str) -> None:
    assert Register(Quantity.POWER, 0, type=name, absent=absent).value(bytes.fromhex(content)) is None


def test_minus_one_is_a_value_unless_it_is_said_to_be_none() -> None:
    assert Register(Quantity.POWER, 0, type="s16").value(b"\xff\xff") == -1


def test_any_bits_of_a_float_are_a_number_or_none() -> None:
    one = Register(Quantity.POWER, 0)
    for exponent in range(0x100):
        value = one.value(struct.pack(">I", exponent << 23 | 0x12345))
        assert value is None or math.isfinite(value)


@pytest.mark.parametrize(
    ("scale", "offset", "name", "decimals"),
    [
        (1, 0, "u16", 0), (0.1, 0, "s16", 1), (0.01, 0, "u32", 2), (0.25, 0, "u16", 2), (10, 0, "u16", 0),
        (1, -0.5, "u16", 1), (1e-5, 0, "u32", 2), (1, 0, "float32", 2), (0.1, -40, "u16", 1),
    ],
)  # fmt: skip
def test_a_register_tells_its_quantity_as_finely_as_it_can(
    scale: float, offset: float, name: str, decimals: int
) -> None:
    assert Register(Quantity.TEMPERATURE, 0, type=name, scale=scale, offset=offset).decimals == decimals


def at(address: int, name: str = "u16", kind: str = "input") -> Register:
    return Register(Quantity.POWER, address, type=name, kind=kind)


@pytest.mark.parametrize(
    ("registers", "wanted"),
    [
        ([at(0), at(1)], [Block("input", 0, 2)]),
        ([at(1), at(0)], [Block("input", 0, 2)]),
        ([at(0), at(2)], [Block("input", 0, 1), Block("input", 2, 1)]),
        ([at(0, "u32"), at(2)], [Block("input", 0, 3)]),
        ([at(0, "u32"), at(1)], [Block("input", 0, 2)]),
        ([at(0), at(1, kind="holding")], [Block("holding", 1, 1), Block("input", 0, 1)]),
        ([at(n) for n in range(81)], [Block("input", 0, 80), Block("input", 80, 1)]),
        ([at(0), *(at(n, "u32") for n in range(1, 81, 2))], [Block("input", 0, 79), Block("input", 79, 2)]),
    ],
)
def test_neighbours_are_asked_for_together(registers: list[Register], wanted: list[Block]) -> None:
    assert list(blocks(registers)) == wanted


@given(st.lists(st.builds(at, st.integers(0, 300), st.sampled_from(["u16", "u32"]),
                          st.sampled_from(["input", "holding"])), max_size=60))  # fmt: skip
def test_every_register_is_fetched_whole_and_none_in_between(registers: list[Register]) -> None:
    wanted = {(one.kind, one.address + word) for one in registers for word in range(one.words)}
    found = blocks(registers)
    assert {(block.kind, block.address + at) for block in found for at in range(block.count)} == wanted
    assert all(1 <= block.count <= MOST for block in found)
    for one in registers:
        assert any(b.kind == one.kind and b.address <= one.address and one.address + one.words <= b.address + b.count
                   for b in found)  # fmt: skip


def test_sums() -> None:
    registers = [at(0), Register(Quantity.VOLTAGE, 10), Register(Quantity.POWER, 12)]
    assert octets(registers) == (8 + 5 + 2) + (8 + 5 + 8)
    assert quantities(registers) == (Quantity.POWER, Quantity.VOLTAGE)
