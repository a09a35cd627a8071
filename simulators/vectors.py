"""Plays files of byte vectors through the real drivers: `python -m simulators.vectors FILE.json [-o json]`.

A vector (format 2) says what a device holds or says, and which quantities must come out. Its bytes are put into the
simulated chip (registers, replies, a serial stream, timed edges), and the driver of that name reads them over the
simulated bus, so that the whole way from the wire to the number is judged. What does not come out as expected is a
`fail` with the difference; a device without a driver is `no driver`, never a pass.

Exit code: 0 all that have a driver pass, 1 one fails, 2 the file can not be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drivers.catalog import driver
from drivers.driver import Driver, I2CDriver, SerialDriver, TalkDriver
from drivers.errors import DriverError, NoAnswer, NotMeasured
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import SettingValue
from drivers.stream import StreamDriver
from drivers.talk import Step
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.gpio import SimulatedLines, Type
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from simulators.shelf import chip
from simulators.uart import SimulatedSerial, serial_steps

FORMAT = 2
INPUT = "input"
NEIGHBOURS = {"rh": Quantity.HUMIDITY, "temperature_c": Quantity.TEMPERATURE, "pressure_pa": Quantity.PRESSURE}
PASS, FAIL, NO_DRIVER = "pass", "fail", "no driver"
Vector = Mapping[str, Any]
Values = dict[str, float]


class Unusable(Exception):
    """The file is no file of vectors; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came out: the sets of readings in order, and how the driver named what went wrong."""

    sets: list[Values]
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One vector's result: `difference` says what is wrong, `note` what else to know."""

    id: str
    driver: str
    result: str
    difference: str = ""
    note: str = ""


def load(path: Path) -> list[Vector]:
    """The vectors of a file. Raises Unusable."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Unusable(f"{path} can not be read: {error.strerror}") from error
    except ValueError as error:
        raise Unusable(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unusable(f'{path} is no file of driver vectors: it must say "format": {FORMAT}')
    vectors = content.get("vectors")
    if not isinstance(vectors, list) or not all(isinstance(v, dict) and "driver" in v for v in vectors):
        raise Unusable(f'{path} must hold a list "vectors", each with an "id" and a "driver"')
    return vectors


def judge(vector: Vector) -> Verdict:
    """Play one vector and say whether what came out is what it expects."""
    name = str(vector["driver"])
    try:
        kind = driver(name)
    except KeyError:
        return Verdict(str(vector.get("id", "")), name, NO_DRIVER)
    note = ""
    try:
        chosen, note = settings_of(kind, vector)
        difference = compare(vector, play(kind(**chosen), vector))
    except Exception as error:  # whatever a driver or a door raises is this vector's failure, not the player's
        difference = f"{type(error).__name__}: {error}"
    return Verdict(str(vector.get("id", "")), name, FAIL if difference else PASS, difference, note)


def settings_of(kind: type[Driver], vector: Vector) -> tuple[dict[str, SettingValue], str]:
    """The `config` as far as the driver knows it; a sibling that it wants named is named by the vector's `chip`."""
    known = {setting.name: setting for setting in kind.settings}
    config = dict(vector.get("config") or {})
    sibling = str(vector.get("chip", "")).lower()
    if "variant" in known and sibling in known["variant"].choices:
        config.setdefault("variant", sibling)
    foreign = sorted(set(config) - set(known) - {INPUT})
    note = f"settings that the driver does not have: {', '.join(foreign)}" if foreign else ""
    return {name: value for name, value in config.items() if name in known}, note


def known(vector: Vector) -> dict[Quantity, float]:
    """What a neighbour said, for devices that are compensated: `config.input` of the vector."""
    told = (vector.get("config") or {}).get(INPUT) or {}
    return {NEIGHBOURS[name]: float(value) for name, value in told.items() if value is not None}


def play(reader: Driver, vector: Vector) -> Played:
    """Put the vector's bytes into the simulated chip and read it. Raises ValueError for a door it does not have."""
    clock = VirtualClock()
    device = chip(reader.name)(clock.boot_us)
    door = vector.get("door")
    if not isinstance(door, Mapping) or not door:
        raise ValueError("the vector has no door: there is nothing to play")
    device.load(door)
    reader.known = known(vector)
    if isinstance(reader, StreamDriver) and isinstance(device, SerialChip):
        return _play_stream(reader, device)
    if isinstance(reader, LinesDriver) and isinstance(device, LinesChip):
        return _play_lines(reader, device, clock)
    assert isinstance(reader, TalkDriver)
    return _play_talk(reader, _steps(reader, device, clock), len(vector.get("expect_sequence", ())))


def _steps(reader: TalkDriver, device: Chip, clock: VirtualClock) -> Callable[[Step], bytes]:
    if isinstance(reader, I2CDriver) and isinstance(device, I2CChip):
        return i2c_steps(SimulatedI2C({reader.default_address: device}), reader.default_address, clock.advance)
    assert isinstance(reader, SerialDriver) and isinstance(device, SerialChip)
    return serial_steps(SimulatedSerial(device, clock.advance), clock.advance)


def _play_talk(reader: TalkDriver, perform: Callable[[Step], bytes], times: int) -> Played:
    sets: list[Values] = []
    try:
        converse(reader.setup(), perform)
        for _ in range(max(1, times)):
            sets.append(_values(converse(reader.read(), perform)))
    except DriverError as error:
        return Played(sets, {error.cause: 1})
    return Played(sets, {})


def _play_stream(reader: StreamDriver, device: SerialChip) -> Played:
    port, heard = SimulatedSerial(device), 0
    sets: list[list[Reading]] = []
    while data := port.read(4096, 0.0):
        heard += len(data)
        sets += reader.feed(data)
    sets += reader.flush()
    errors = dict(reader.errors) if heard else {NoAnswer.cause: 1}  # what a runner says of a silent device
    return Played([_values(readings) for readings in sets], errors)


def _play_lines(reader: LinesDriver, device: LinesChip, clock: VirtualClock) -> Played:
    port = SimulatedLines(device, {line: offset for offset, line in enumerate(reader.lines)})
    try:
        while (next_us := device.next_us()) is not None:
            clock.now_us = max(clock.now_us, next_us)
            for event in port.read_edge_events():
                level = 1 if event.event_type is Type.RISING_EDGE else 0
                reader.edge(Edge(event.timestamp_ns // 1000, reader.lines[event.line_offset], level))
    finally:
        port.release()
    return Played([_values(reader.close(clock.now_us + 1))], {})


def _values(readings: Sequence[Reading]) -> Values:
    values = {reading.name: reading.value for reading in readings}
    if len(values) < len(readings):
        raise ValueError("the driver gave one quantity twice in one set of readings")
    return values


def compare(vector: Vector, played: Played) -> str:
    """What differs from the expectation; empty when nothing does."""
    return "; ".join(_differences(vector, played))


def _differences(vector: Vector, played: Played) -> Iterator[str]:
    named = vector.get("expect_error")
    expected = _expected(vector)
    if named and not played.errors:
        yield f"expected the error {named}, none was reported"
    if not named and "expect" not in vector and "expect_sequence" not in vector:
        yield "the vector expects nothing: neither values nor an error"
    absent = named or set(played.errors) == {NotMeasured.cause}  # nothing measured: what must be absent is
    if absent and not played.sets and all(value is None for wanted in expected for value in wanted.values()):
        return
    if len(played.sets) != len(expected):
        yield f"expected {len(expected)} sets of readings, came {len(played.sets)}{_reported(played)}"
    for number, (wanted, came) in enumerate(zip(expected, played.sets, strict=False)):
        for name, value in wanted.items():
            if difference := _difference(name, value, came, _tolerance(vector, name)):
                yield f"{difference} in set {number + 1}" if len(expected) > 1 else difference


def _expected(vector: Vector) -> list[Mapping[str, Any]]:
    if "expect_sequence" in vector:
        return list(vector["expect_sequence"])
    return [vector["expect"]] if vector.get("expect") else []  # nothing named: nothing may come


def _reported(played: Played) -> str:
    return f" (the driver reported {', '.join(played.errors)})" if played.errors else ""


def _tolerance(vector: Vector, name: str) -> float:
    given = vector.get("tolerance") or {}
    if not isinstance(given, Mapping):
        return float(given)
    return float(given.get(name, given.get("*", 0.0)) or 0.0)


def _difference(name: str, wanted: Any, came: Values, tolerance: float) -> str:
    if wanted is None:
        return f"{name} must be absent, came {came[name]:g}" if name in came else ""
    if name not in came:
        return f"{name} is missing, expected {wanted}"
    if not abs(came[name] - float(wanted)) <= tolerance:
        return f"{name} is {came[name]!r}, expected {wanted} within {tolerance:g}"
    return ""


def table(verdicts: Sequence[Verdict]) -> str:
    """One line a vector, and the sum."""
    width = max((len(verdict.id) for verdict in verdicts), default=0)
    lines = [
        f"{v.id:{width}}  {v.driver:14}  {v.result:9}  {'; '.join(filter(None, (v.difference, v.note)))}".rstrip()
        for v in verdicts
    ]
    sums = Counter(verdict.result for verdict in verdicts)
    return "\n".join([*lines, f"{sums[PASS]} pass, {sums[FAIL]} fail, {sums[NO_DRIVER]} have no driver"])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser("python -m simulators.vectors", description="Play byte vectors through drivers.")
    parser.add_argument("file", type=Path, help="a file of driver vectors, format 2")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    asked = parser.parse_args(arguments)
    try:
        verdicts = [judge(vector) for vector in load(asked.file)]
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    rows = {"vectors": [asdict(verdict) for verdict in verdicts]}
    print(json.dumps(rows, indent=1) if asked.output == "json" else table(verdicts))
    return 1 if any(verdict.result == FAIL for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
