"""A floor leans only on those beneath it; the rules are one table, and each is seen to catch a planted violation."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.imports import closure, file_of, imports_of, module_name

ROOT = Path(__file__).parent.parent
OURS = ("drivers", "edge", "fleet", "simulators", "tests")
HARDWARE = ("smbus2", "serial", "gpiod", "gpiozero", "spidev", "lgpio", "RPi")
HEAVY = ("pydantic", "typer", "rich", "cryptography", "starlette", "sqlalchemy", "uvicorn", "tuf")


@dataclass(frozen=True)
class Room:
    """What a package and everything in it may import, of ours (by prefix) and of others (`None`: anything declared)."""

    name: str
    ours: tuple[str, ...]
    others: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()


# The innermost room that holds a file rules it.
ROOMS = (
    Room("drivers", ("drivers",), others=()),
    Room("edge", ("drivers", "edge"), never=HARDWARE),
    Room("edge.buses", ("drivers", "edge")),
    Room("edge.wire", ("drivers.reading", "edge.wire"), others=()),
    Room("edge.supervisor", ("edge.supervisor",), others=()),
    Room("fleet", ("drivers.reading", "drivers.catalog", "edge.wire", "edge.board", "fleet"), never=HARDWARE),
    Room("simulators", ("drivers", "edge", "fleet", "simulators")),
)


def broken_rules(root: Path) -> Iterator[str]:
    """One sentence for every import under `root` that its room does not allow."""
    for floor in {room.name.split(".")[0] for room in ROOMS}:
        for file in sorted((root / floor).rglob("*.py")):
            room = _room_of(module_name(root, file))
            for found in imports_of(root, file):
                if not _allowed(room, found.module):
                    yield f"{file.relative_to(root)}:{found.line}: {room.name} may not import {found.module}"


def _room_of(module: str) -> Room:
    return max((room for room in ROOMS if _inside(module, room.name)), key=lambda room: len(room.name))


def _allowed(room: Room, module: str) -> bool:
    top = module.split(".")[0]
    if top in OURS:
        return any(_inside(module, prefix) for prefix in room.ours)
    if top in sys.stdlib_module_names:
        return True
    return top not in room.never and (room.others is None or top in room.others)


def _inside(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def test_every_floor_leans_only_on_those_beneath_it() -> None:
    assert list(broken_rules(ROOT)) == []


PLANTED = [
    ("drivers/x.py", "import smbus2", "drivers may not import smbus2"),
    ("drivers/x.py", "from edge.wire import chunk", "drivers may not import edge.wire.chunk"),
    ("drivers/x.py", "def f():\n    import pydantic", "drivers may not import pydantic"),
    ("drivers/deep/x.py", "import edge", "drivers may not import edge"),
    ("edge/x.py", "from fleet.store import rows", "edge may not import fleet.store"),
    ("edge/x.py", "import simulators.world", "edge may not import simulators.world"),
    ("edge/x.py", "import smbus2", "edge may not import smbus2"),
    ("edge/journal/x.py", "from serial import Serial", "edge may not import serial"),
    ("edge/x.py", "import importlib\nimportlib.import_module('fleet.collect')", "edge may not import fleet.collect"),
    ("edge/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import fleet", "edge may not import fleet"),
    ("edge/buses/x.py", "import simulators", "edge.buses may not import simulators"),
    ("edge/wire/x.py", "import pydantic", "edge.wire may not import pydantic"),
    ("edge/wire/x.py", "from drivers import catalog", "edge.wire may not import drivers.catalog"),
    ("edge/wire/x.py", "from .. import clock", "edge.wire may not import edge.clock"),
    ("edge/supervisor/x.py", "from edge import clock", "edge.supervisor may not import edge.clock"),
    ("edge/supervisor/x.py", "import paho.mqtt", "edge.supervisor may not import paho.mqtt"),
    ("fleet/x.py", "import drivers", "fleet may not import drivers"),
    ("fleet/x.py", "from drivers import driver", "fleet may not import drivers.driver"),
    ("fleet/x.py", "from edge import clock", "fleet may not import edge.clock"),
    ("fleet/x.py", "import edge.clock as wire", "fleet may not import edge.clock"),
    ("fleet/x.py", "from edge.boardgames import chess", "fleet may not import edge.boardgames"),
    ("fleet/x.py", "from simulators import world", "fleet may not import simulators"),
    ("fleet/x.py", "import gpiod", "fleet may not import gpiod"),
    ("simulators/x.py", "from tests import imports", "simulators may not import tests"),
]
INNOCENT = {
    "drivers/y.py": "import math\nfrom drivers.reading import Reading\nfrom . import catalog",
    "edge/y.py": "import drivers.driver, paho.mqtt.client, edge.wire.chunk",
    "edge/buses/y.py": "import smbus2, serial, gpiod, edge.clock",
    "edge/wire/y.py": "from drivers import reading\nfrom edge.wire import chunk\nimport json",
    "fleet/y.py": "import rich\nfrom edge import board\nfrom edge.wire import chunk\nfrom drivers import catalog",
    "simulators/y.py": "import fleet.collect, edge.clock, drivers.driver, gpiod",
    "tests/y.py": "import simulators, fleet, edge, drivers",
}


@pytest.fixture
def planted_house(tmp_path: Path) -> Path:
    for name in ("drivers/catalog", "drivers/reading", "drivers/driver", "edge/clock", "edge/board", "edge/wire/chunk"):
        plant(tmp_path, f"{name}.py", "")
    for name, text in INNOCENT.items():
        plant(tmp_path, name, text)
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_an_innocent_house_is_left_alone(planted_house: Path) -> None:
    assert list(broken_rules(planted_house)) == []


@pytest.mark.parametrize(("name", "text", "verdict"), PLANTED)
def test_a_planted_violation_is_caught(planted_house: Path, name: str, text: str, verdict: str) -> None:
    plant(planted_house, name, text)
    verdicts = list(broken_rules(planted_house))
    assert len(verdicts) == 1
    assert verdicts[0].startswith(f"{name}:")
    assert verdicts[0].endswith(verdict)


def heavy_chains(root: Path) -> list[str]:
    """How `edge run` would come to import what it must not: the agent by any import, its command line at start."""
    reached = closure(root, "edge.agent", lazy=True) | closure(root, "edge.cli", lazy=False)
    return sorted(" > ".join(chain) for module, chain in reached.items() if module.split(".")[0] in HEAVY)


def test_the_agent_never_reaches_what_is_heavy() -> None:
    assert heavy_chains(ROOT) == []


def test_a_heavy_import_is_caught_however_deep(planted_house: Path) -> None:
    plant(planted_house, "edge/agent.py", "from edge import clock")
    plant(planted_house, "edge/cli.py", "def check():\n    import edge.board")
    plant(planted_house, "edge/board.py", "import pydantic")
    assert heavy_chains(planted_house) == []
    plant(planted_house, "edge/clock.py", "def late():\n    from edge import board")
    assert heavy_chains(planted_house) == ["edge.agent > edge.clock > edge.board > pydantic"]
    plant(planted_house, "edge/cli.py", "import edge.board")
    assert "edge.cli > edge.board > pydantic" in heavy_chains(planted_house)


def test_a_running_agent_holds_nothing_heavy() -> None:
    present = [name for name in ("edge.agent", "edge.cli") if file_of(ROOT, name)]
    code = f"import sys, {', '.join(['json', *present])}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {module.split(".")[0] for module in run.stdout.split()} & {*HEAVY, "gpiozero"} == set()
