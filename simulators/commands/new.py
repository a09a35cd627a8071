"""`sim new chip NAME`: the files of a new driver, laid out so that they pass their own tests before a line is changed.

In a checkout of lantaarn they lie where the house keeps such things, and the two lines that make them known are
printed; anywhere else a whole package is laid out, which brings them by its entry points. What is there already is
never touched.
"""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from drivers import catalog
from drivers.driver import API
from edge.fit import VITALS
from fleet import show
from fleet.trouble import Exit, Trouble
from simulators.commands.app import app

LAYOUTS = Path(__file__).parents[1] / "layouts"
NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")


class Shape(StrEnum):
    """What the device is like."""

    I2C = "i2c"
    SERIAL = "serial"
    STREAM = "stream"
    LINES = "lines"


new = typer.Typer(help="Lay out the files of something new.", no_args_is_help=True)
app.add_typer(new, name="new")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As boards will name it: small letters, digits, _")]
Shaped = Annotated[Shape, typer.Option(help="i2c, serial: it is asked. stream: it talks unasked. lines: contacts.")]
Folder = Annotated[Path, typer.Option(help="A checkout of lantaarn, or where the package's folder shall lie.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")]


@new.callback()
def _new() -> None:
    """Lay out the files of something new."""


@new.command()
def chip(name: Name, shape: Shaped = Shape.I2C, folder: Folder = Path("."), dry_run: Dry = False) -> None:
    """Lay out a driver, its simulated chip, a transcript and their tests."""
    if why := _refused(name):
        raise Trouble(f"{name!r} {why}.", "Nothing was written.", "sim new chip OTHER_NAME", Exit.USAGE)
    home = checkout(folder.resolve())
    laid = in_checkout(name, shape, home) if home else as_package(name, shape, folder / f"lantaarn-{dashed(name)}")
    if there := [path for path in laid if path.exists()]:
        raise Trouble(f"{there[0]} is there already.", "Nothing was written.", "choose another name, or --folder",
                      Exit.REFUSED)  # fmt: skip
    for path, text in laid.items():
        show.out(f"{path}\n")
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    show.note("Nothing was written." if dry_run else _next(name, home, laid))


def _refused(name: str) -> str:
    """Why it can not be called so; "" when it can."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        return "is no name for a driver: small letters, digits and _, a letter first"
    if name in catalog.CATALOG or name in catalog.ALSO or name == VITALS:
        return "is in the catalog already"
    taken = name in sys.stdlib_module_names or (Path(catalog.__file__).parent / f"{name}.py").exists()
    return "is the name of a module already" if taken else ""


def checkout(folder: Path) -> Path | None:
    """The checkout of lantaarn that this folder is in; None when it is in none."""
    for place in (folder, *folder.parents):
        project, known = place / "pyproject.toml", place / "drivers" / "catalog.py"
        if known.is_file() and project.is_file():
            return place if tomllib.loads(project.read_text("utf-8"))["project"]["name"] == "lantaarn" else None
    return None


def in_checkout(name: str, shape: Shape, home: Path) -> dict[Path, str]:
    """Path and text of each file, where the house keeps such things."""
    words = _words(name)
    kind = words["Class"]
    words |= {
        "imports": f"from drivers.{name} import {kind}\nfrom simulators.chips.{name} import {kind} as Simulated{kind}\n"
                   "from simulators.proof import Proof",
        "transcripts": f"../transcripts/{name}*.transcript",
    }  # fmt: skip
    return {
        home / "drivers" / f"{name}.py": _filled(f"{shape.value}/driver", words),
        home / "simulators" / "chips" / f"{name}.py": _filled(f"{shape.value}/chip", words),
        home / "tests" / "drivers" / f"test_{name}.py": _filled("test", words),
        home / "tests" / "transcripts" / f"{name}.transcript": _filled(f"{shape.value}/transcript", words),
    }


def as_package(name: str, shape: Shape, home: Path) -> dict[Path, str]:
    """Path and text of each file of a package of its own."""
    words, module = _words(name), f"lantaarn_{name}"
    kind = words["Class"]
    words |= {
        "imports": f"from {module}.chip import {kind} as Simulated{kind}\nfrom {module}.driver import {kind}\n\n"
                   "from simulators.proof import Proof",
        "transcripts": f"{name}*.transcript",
    }  # fmt: skip
    return {
        home / "pyproject.toml": _filled("package/pyproject", words),
        home / "README.md": _filled("package/readme", words),
        home / "src" / module / "__init__.py": _filled("package/init", words),
        home / "src" / module / "driver.py": _filled(f"{shape.value}/driver", words),
        home / "src" / module / "chip.py": _filled(f"{shape.value}/chip", words),
        home / "tests" / f"test_{name}.py": _filled("test", words),
        home / "tests" / f"{name}.transcript": _filled(f"{shape.value}/transcript", words),
    }


def dashed(name: str) -> str:
    """As distributions are called."""
    return name.replace("_", "-")


def _words(name: str) -> dict[str, str]:
    parts = [part.capitalize() for part in name.split("_") if part]
    return {
        "name": name, "Class": "".join(parts), "title": " ".join(parts), "dashed": dashed(name), "api": str(API),
    }  # fmt: skip


def _filled(layout: str, words: dict[str, str]) -> str:
    return Template((LAYOUTS / f"{layout}.txt").read_text("utf-8")).substitute(words)


def _next(name: str, home: Path | None, laid: dict[Path, str]) -> str:
    kind = _words(name)["Class"]
    if home is None:
        return f"Next: cd {next(iter(laid)).parent} && pip install -e . && pytest"
    return (
        f"Add a line to CATALOG in drivers/catalog.py:   \"{name}\": \"drivers.{name}:{kind}\",\n"
        f"and one to SHELF in simulators/shelf.py:       \"{name}\": \"simulators.chips.{name}:{kind}\",\n"
        f"Next: pytest tests/drivers/test_{name}.py; then drivers/README.md, \"Adding a chip\""
    )
