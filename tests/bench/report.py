"""How the bench speaks: a table for people, one object for programs, and a loud last word when a goal is missed."""

from __future__ import annotations

import json

from tests.bench.figure import Figure, Findings, Line, Skipped

HEADS = ("figure", "value", "goal", "met", "peer", "its value", "ratio")


def as_json(findings: Findings) -> str:
    """The one object of `-o json`."""
    figures = [figure.tree() for figure in findings.figures]
    skipped = [{"what": line.what, "why": line.why, "remedy": line.remedy} for line in findings.skipped]
    return json.dumps({"machine": findings.machine, "figures": figures, "skipped": skipped}, indent=1)


def as_table(findings: Findings) -> str:
    """Columns for the eye, then notes, then the verdict. A ratio above 1 is in our favour."""
    rows = [HEADS, *(_row(line) for line in findings.lines if isinstance(line, Figure))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {figure.what}: {figure.note}" for figure in findings.figures if figure.note]
    return "\n".join([findings.machine, "", *lines, "", *notes, "", *_verdict(findings)])


def progress(line: Line) -> str:
    """One line as soon as it is known."""
    if isinstance(line, Skipped):
        return f"*** NOT MEASURED: {line.what}: {line.why}"
    return "  ".join(cell for cell in _row(line) if cell)


def _row(figure: Figure) -> tuple[str, ...]:
    goal = "" if figure.goal is None else f"{'>=' if figure.more_is_better else '<='} {number(figure.goal)}"
    met = {True: "yes", False: "NO", None: ""}[figure.met]
    theirs = "" if figure.peer_value is None else f"{number(figure.peer_value)} {figure.unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}x"
    return figure.what, f"{number(figure.value)} {figure.unit}", goal, met, figure.peer, theirs, ratio


def _verdict(findings: Findings) -> list[str]:
    goals = [figure for figure in findings.figures if figure.goal is not None]
    said = [f"{len(goals) - len(findings.missed)} of {len(goals)} goals met."]
    said += [f"*** GOAL MISSED: {f.what}: {number(f.value)} {f.unit}, goal {number(f.goal)}" for f in findings.missed]
    for line in findings.skipped:
        said.append(f"*** NOT MEASURED: {line.what}: {line.why}" + (f" Next: {line.remedy}" if line.remedy else ""))
    return said


def number(value: float | None) -> str:
    """Three figures, without an exponent."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"
