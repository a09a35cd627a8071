"""Where the proofs of the drivers lie: transcripts, byte vectors, and the list of other people's drivers.

In a checkout they are in `tests/`; a wheel carries them along (see `force-include` in pyproject.toml), so that `sim
shelf` tells the same grades wherever it runs.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent / "tests"
PACKED = PACKAGE / "evidence_files"


def folder() -> Path | None:
    """The folder of proofs; None when this installation has none."""
    for place in (PACKED, CHECKOUT):
        if (place / "transcripts").is_dir():
            return place
    return None


@cache
def transcripts() -> Mapping[str, tuple[Path, ...]]:
    """The transcript files of each driver; `NAME.transcript` and `NAME-what.transcript`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(((folder() or PACKED) / "transcripts").glob("*.transcript")):
        found.setdefault(path.stem.partition("-")[0], []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


@cache
def vectors() -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """The byte vectors of each driver."""
    file = (folder() or PACKED) / "vectors" / "vectors-readings.json"
    found: dict[str, list[Mapping[str, Any]]] = {}
    for vector in json.loads(file.read_text("utf-8"))["vectors"] if file.is_file() else ():
        found.setdefault(vector["driver"], []).append(vector)
    return {name: tuple(each) for name, each in found.items()}


@cache
def witnesses() -> Mapping[str, tuple[str, ...]]:
    """The packages whose drivers read the chip of each driver of ours."""
    file = (folder() or PACKED) / "oracles" / "witnesses.toml"
    found: dict[str, list[str]] = {}
    for witness in tomllib.loads(file.read_text("utf-8"))["witness"] if file.is_file() else ():
        found.setdefault(witness["driver"], []).append(witness["package"])
    return {name: tuple(dict.fromkeys(packages)) for name, packages in found.items()}
