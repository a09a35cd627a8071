"""Every raw vector is used by some test, or stands below with the reason why not; and those that no other test uses.

A vector counts as used when its id stands in a test, when a test takes all vectors of its chip, or when the public
vector of the same id holds all its bytes, which `tests/simulators/test_vectors.py` plays through driver and chip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.bme280 import BME280
from drivers.checks import crc16
from drivers.cubic import command as cubic
from drivers.dual_beam import DualBeam
from drivers.errors import WrongChip
from drivers.lines import Edge
from drivers.mhz19 import command as winsen
from drivers.pms5003 import command as plantower
from drivers.shdlc import answer, unstuffed
from drivers.talk import Step, WriteRead
from simulators.chips.sds011 import SDS011
from simulators.i2c import converse

TESTS = Path(__file__).parents[1]
LATER = "a later issue"
EXEMPT = {  # by chip or device
    "lorawan": LATER, "lora-toa": LATER, "cayennelpp": LATER, "semtech-udp": LATER, "rn2483": LATER, "lora-e5": LATER,
    "rak3172": LATER, "rak811-v3": LATER, "rak811-v2": LATER,
    "MLX90640": "not in the catalog: a picture of 768 pixels, and only numbers leave the pole",
    "AS3935": "not in the catalog: lightning",
    "zphs01b": "not in the catalog: a board of other makers' sensors, each of which has its own driver",
    "a-weighting": "the meters weight by themselves; sound never enters the house",
}  # fmt: skip
WHOLE = re.compile(r"""(?:parametrize\(\s*"vector",\s*|^RAW\b[^=\n]*= |\(vector,\) = |^\(\w+,\) = |^RUNS = .* in )\[?"""
                   r"""vectors\("vectors-i2c\.json", "([^"]+)"\)""", re.M)  # fmt: skip
EACH = re.compile(
    r'parametrize\(\s*"vector",\s*RAW\b|RUNS\[|^\(\w+,\) = |\(vector,\) = vectors|"vector", vectors\(', re.M
)


def raw(file: str) -> dict[str, dict[str, Any]]:
    """By id."""
    found = json.loads((TESTS / "vectors" / file).read_text())
    return {vector["id"]: vector for vector in (found["vectors"] if isinstance(found, dict) else found)}


I2C, SERIAL, PUBLIC = raw("vectors-i2c.json"), raw("vectors-serial.json"), raw("vectors-readings.json")
RAW = {**I2C, **SERIAL}


def written() -> Iterator[str]:
    """The text of each test."""
    return (path.read_text("utf-8") for path in sorted(TESTS.rglob("*.py")) if "__pycache__" not in path.parts)


def named(texts: list[str]) -> set[str]:
    """Ids that stand in a test."""
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*-\d+", "\n".join(texts)))
    return words & RAW.keys()


def taken_whole(texts: list[str]) -> set[str]:
    """Ids of the chips all of whose vectors a test goes through."""
    chips = {chip for text in texts if EACH.search(text) for chip in WHOLE.findall(text)}
    return {name for name, vector in I2C.items() if vector["chip"] in chips}


def hexes(part: Any) -> Iterator[str]:
    """Whatever bytes a vector holds; single ones are registers like a chip's id, which have doors of their own."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from hexes(inner)
    if isinstance(part, str) and re.fullmatch(r"(?:[0-9a-fA-F]{2}){3,}", part):
        yield part.lower()


def played() -> set[str]:
    """Ids whose bytes are all in the public vector of that id."""
    return {
        name for name, vector in RAW.items()
        if name in PUBLIC and (held := list(hexes(vector.get("raw", vector.get("raw_hex")))))
        and all(one in json.dumps(PUBLIC[name]["door"]).lower() for one in held)
    }  # fmt: skip


def kind(name: str) -> str:
    vector = RAW[name]
    return str(vector.get("chip", vector.get("device")))


def test_every_raw_vector_is_used_or_exempt() -> None:
    texts = list(written())
    exempt = {name for name in RAW if kind(name) in EXEMPT}
    unused = RAW.keys() - named(texts) - taken_whole(texts) - played() - exempt
    assert not unused, {name: RAW[name]["what"] for name in sorted(unused)}


def test_what_is_exempt_exists_and_is_used_by_nobody() -> None:
    assert EXEMPT.keys() <= {kind(name) for name in RAW}
    assert len(RAW) == len(I2C) + len(SERIAL) == 196
    driven = {vector["driver"] for vector in PUBLIC.values()}
    assert not {name.lower() for name in EXEMPT} & driven


# Those that no other test uses.


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("pub-018", plantower(0xE1, 0)), ("pub-019", plantower(0xE1, 1)), ("pub-020", plantower(0xE2, 0)),
        ("pub-035", winsen(0x86)), ("pub-036", winsen(0x79, 0xA0)), ("pub-050", cubic(0x0B, 0x07)),
    ],
)  # fmt: skip
def test_commands_are_made_as_published(name: str, made: bytes) -> None:
    assert made.hex() == SERIAL[name]["raw_hex"]


@pytest.mark.parametrize(
    ("name", "says", "becomes"),
    [
        ("pub-003", "aac5020100", {"querying": False}), ("pub-005", "aac0", {}), ("pub-008", "aac507", {}),
        ("pub-009", "aac5080101", {"period_min": 1}), ("pub-010", "aac505000000a001", {"identity": b"\xa0\x01"}),
        ("pub-006", "aac506010000", {"asleep": True}), ("pub-007", "aac506010100", {"asleep": False}),
    ],
)  # fmt: skip
def test_an_sds011_obeys_what_is_published(name: str, says: str, becomes: dict[str, object]) -> None:
    chip = SDS011(lambda: 0)
    chip.querying = True
    chip.hear(bytes.fromhex(SERIAL[name]["raw_hex"]))
    assert chip.say().hex().startswith(says)
    assert {field: getattr(chip, field) for field in becomes} == becomes


def test_a_serial_number_over_shdlc() -> None:
    vector = SERIAL["pub-030"]
    found = answer(unstuffed(bytes.fromhex(vector["raw_hex"])[1:-1]))
    assert (found.command, found.state, found.data.hex()) == (0xD0, 0, vector["expected"]["data"])


def test_the_two_checks_of_crc16() -> None:
    vector = SERIAL["pub-064"]
    data = bytes.fromhex(vector["raw_hex"])
    assert f"{crc16(data):04X}" == vector["expected"]["arc"]
    assert f"{crc16(data, 0xFFFF):04X}" == vector["expected"]["modbus"]


def test_a_bmp280_is_no_bme280() -> None:
    identity = bytes.fromhex(I2C["bme280-12"]["raw"]["chip_id"])

    def says(step: Step) -> bytes:
        return identity if isinstance(step, WriteRead) and step.data == b"\xd0" else b""

    with pytest.raises(WrongChip):
        converse(BME280().setup(), says)


def test_somebody_who_walks_in() -> None:
    vector, counts = SERIAL["pub-104"], DualBeam()
    for event in vector["input"]["events"]:
        counts.edge(Edge(1000 * (1 + event["t_ms"]), event["beam"].lower(), event["broken"]))
    said = {reading.name: reading.value for reading in counts.close(10_000_000)}
    assert {way: said[f"count.{way}"] for way in ("in", "out")} == vector["expected"]
