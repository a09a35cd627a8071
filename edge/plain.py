"""Plain print for the commands at the node: stable columns, no colours, nothing to install."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edge.patient import duration
from edge.timecheck import within

Rows = Iterable[Sequence[str]]


def table(head: Sequence[str], rows: Rows) -> str:
    """Columns as wide as they must be."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    spelled = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in spelled)


def as_json(answer: Mapping[str, object]) -> str:
    """The same for programs."""
    return json.dumps(answer, indent=1, ensure_ascii=False)


def readings(sensors: Iterable[Mapping[str, Any]]) -> str:
    """What sensors said: one line a reading, one for a sensor that has none."""
    rows = []
    for sensor in sensors:
        age = "-" if sensor["age_ms"] is None else f"{duration(sensor['age_ms'])} ago"
        for one in sensor["readings"]:
            flags = ",".join(one["flags"]) or "-"
            rows.append((sensor["name"], one["name"], f"{one['value']:g}" if abs(one["value"]) < 1e5 else
                         f"{one['value']:.10g}", one["unit"], flags, age))  # fmt: skip
        if sensor["error"] or not sensor["readings"]:
            rows.append((sensor["name"], "-", "-", "-", "-", sensor["error"] or "no reading yet"))
    return table(("SENSOR", "QUANTITY", "VALUE", "UNIT", "FLAGS", "READ"), rows)


def sensors(told: Iterable[Mapping[str, Any]]) -> str:
    """How each sensor fares: whether it is tried as usual, when it was last read, what failed how often."""
    rows = []
    for one in told:
        age = "never" if one["age_ms"] is None else f"{duration(one['age_ms'])} ago"
        counts = {key: count for key, count in one["counters"].items() if count and key != "sampled"}
        failures = ", ".join(f"{key} {count}" for key, count in sorted(counts.items())) or "-"
        rows.append((one["name"], one["breaker"], age, str(one["counters"].get("sampled", 0)), failures))
    return table(("SENSOR", "BREAKER", "LAST GOOD", "READINGS", "FAILURES"), rows)


def clock(told: Mapping[str, Any]) -> str:
    """What the node believes of the time, in one line."""
    if told["unix_ms"] is None:
        return f"time: unknown; it is {_moment(told['floor_ms'])} or later"
    error_ms = told["uncertainty_ms"]
    sure = "a guess" if error_ms is None else within(error_ms)
    return f"time: {_moment(told['unix_ms'])} UTC, {told['quality']}, {sure}, by {told['who']}"


def _moment(unix_ms: int) -> str:
    try:
        return datetime.fromtimestamp(unix_ms / 1_000, UTC).replace(tzinfo=None).isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return f"{unix_ms} ms"


def clocks(told: Iterable[Mapping[str, Any]]) -> str:
    """What each who tells the time last said, and who cannot be believed."""
    rows = [(one["sensor"], one["kind"], _moment(one["unix_ms"]), f"{one['uncertainty_ms']} ms",
             f"{duration(one['age_ms'])} ago", one["refused"] or "-") for one in told]  # fmt: skip
    return table(("CLOCK", "KIND", "TOLD", "GIVE OR TAKE", "WHEN", "REFUSED"), rows) if rows else ""


def status(answer: Mapping[str, Any]) -> str:
    """Checks first, then what the sensors said, and how they fare."""
    rows = [(c["state"], c["name"], " ".join(filter(None, (c["reason"], c["remedy"])))) for c in answer["checks"]]
    counts = answer["counters"]
    totals = f"{counts['sampled']} readings sampled, {counts['journalled']} journalled in all"
    head = f"node {answer['node']}, edge {answer['version']}, boot {answer['boot']}: {totals}"
    told = answer["sensors"]
    head = "\n".join(filter(None, (head, clock(answer["clock"]), answer.get("card"))))
    parts = (head, table(("STATE", "CHECK", "REASON"), rows), readings(told), sensors(told), clocks(answer["clocks"]))
    return "\n\n".join(filter(None, parts))


def scan(answer: Mapping[str, Any]) -> str:
    """What answers where."""
    rows = []
    for bus in answer["i2c"]:
        for one in bus["found"]:
            fits = ", ".join(one["drivers"]) or one["held_by"] or "no driver of ours knows it"
            rows.append((bus["bus"], f"0x{one['address']:02x}", fits, one["sensor"]))
        if not bus["found"]:
            rows.append((bus["bus"], "-", bus["error"] or "nobody answers", ""))
    rows += [(port["path"], port["line"] or "-", _serial(port), port["sensor"]) for port in answer["serial"]]
    if not rows:
        return "There is no I2C bus and no serial port on this host."
    return table(("BUS", "ADDRESS", "WHAT FITS", "SENSOR"), rows)


def _serial(port: Mapping[str, Any]) -> str:
    """What was understood on a serial port, and whether anything was written to it."""
    if port["held_by"] or port["error"]:
        return f"busy: {port['held_by']} has it" if port["held_by"] else str(port["error"])
    silence = f"{port['bytes']} bytes that no driver of ours knows" if port["bytes"] else "silence"
    if port["drivers"]:
        fits = ", ".join(port["drivers"])
        return f"{fits} (answered when asked, after {silence})" if port["asked"] else f"{fits} (heard, nothing written)"
    return f"nobody we know: {silence}, then no answer to {', '.join(port['asked'])} (one request written)"
