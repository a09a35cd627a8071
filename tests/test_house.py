"""House rules that no tool of others knows: names, sizes, where time and chance may enter, what ships with what."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.imports import imports_of
from tests.names import worldly_names

ROOT = Path(__file__).parent.parent
SHIPPED = ("drivers", "edge", "fleet", "simulators")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LONGEST = 400

# The shells that wrap time and chance. A new one needs a good reason: decisions get them handed in.
ANYTHING = ""
SHELLS = {
    "edge/clock.py": ANYTHING,
    "fleet/clock.py": ANYTHING,
    "simulators/clock.py": ANYTHING,
    "fleet/web/app.py": "asyncio.sleep",  # the server's own event loop
}


def python_files(*floors: str) -> list[Path]:
    return [file for floor in floors for file in sorted((ROOT / floor).rglob("*.py"))]


def short(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("NOT TESTED: this is no git work tree, so there is no telling what is tracked")
    return [file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file()]


def test_time_and_chance_enter_only_through_their_shells() -> None:
    found = [(short(f), line, name) for f in python_files(*SHIPPED) for line, name in worldly_names(f.read_text())]
    assert [hit for hit in found if SHELLS.get(hit[0]) not in (ANYTHING, hit[2])] == []


def test_no_test_sleeps_by_the_wall_clock() -> None:
    files = [file for file in python_files("tests") if not short(file).startswith("tests/bench")]
    found = [(short(f), line, name) for f in files for line, name in worldly_names(f.read_text())]
    assert [hit for hit in found if hit[2].endswith(".sleep")] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import time\ntime.sleep(1)", "time.sleep"),
        ("import time as t\ndef f(clock=t.monotonic): ...", "time.monotonic"),
        ("from time import time_ns as now\nnow()", "time.time_ns"),
        ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import datetime as dt\ndt.now(UTC)", "datetime.datetime.now"),
        ("import random\nrandom.choice(x)", "random.choice"),
        ("from random import Random\nRandom()", "random.Random()"),
        ("def f():\n    import os\n    return os.urandom(16)", "os.urandom"),
        ("import uuid\nuuid.uuid4()", "uuid.uuid4"),
        ("import secrets\nsecrets.token_hex()", "secrets.token_hex"),
    ],
)
def test_a_planted_clock_or_die_is_caught(text: str, name: str) -> None:
    assert [found for _, found in worldly_names(text)] == [name]


@pytest.mark.parametrize(
    "text",
    ["import random\nrandom.Random(7).random()", "clock.time()\nself.sleep(1)", "import time\ntime.gmtime(0)"],
)
def test_what_was_handed_in_is_let_through(text: str) -> None:
    assert list(worldly_names(text)) == []


def test_a_package_init_holds_a_docstring_only() -> None:
    inits = [file for file in python_files(*SHIPPED) if file.name == "__init__.py"]
    assert [short(file) for file in inits if len(ast.parse(file.read_text()).body) != 1] == []


def test_every_file_says_first_why_it_is_there() -> None:
    files = python_files(*SHIPPED, "tests")
    assert [short(file) for file in files if not ast.get_docstring(ast.parse(file.read_text()))] == []


def test_every_folder_of_python_is_a_package() -> None:
    folders = {file.parent for file in python_files(*SHIPPED)}
    assert sorted(short(folder) for folder in folders if not (folder / "__init__.py").is_file()) == []


def test_no_file_is_too_long_to_read() -> None:
    files = python_files(*SHIPPED, "tests")
    lengths = {short(file): len(file.read_text().splitlines()) for file in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_file_hides_behind_a_vague_name() -> None:
    vague = {"common", "util", "utils", "helper", "helpers", "misc", "manager", "service", "factory", "base"}
    assert [short(file) for file in python_files(*SHIPPED) if vague & {file.stem, file.parent.name}] == []
    classes = re.compile(r"^class \w*(Manager|Service|Factory|Helper)\b", re.M)
    assert [short(file) for file in python_files(*SHIPPED) if classes.search(file.read_text())] == []


def locked_names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][\w.-]*)==", (ROOT / "requirements" / lock).read_text(), re.M))


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def importable_from(distributions: set[str]) -> set[str]:
    owners = metadata.packages_distributions()
    return {name for name, owned_by in owners.items() if {normal(owner) for owner in owned_by} & distributions}


def test_no_file_bears_the_name_of_another_library() -> None:
    taken = (set(sys.stdlib_module_names) | importable_from(locked_names("office.txt"))) - {"__init__", "__main__"}
    assert [short(file) for file in python_files(*SHIPPED) if file.stem in taken] == []


def test_nobody_else_owns_our_names() -> None:
    owners = metadata.packages_distributions()
    assert {floor: {*owners.get(floor, [])} - {"lantaarn"} for floor in SHIPPED} == {floor: set() for floor in SHIPPED}
    clashes = [f"{oracles.name}/{floor}" for oracles in (ROOT / ".oracles").glob("*") for floor in SHIPPED
               if (oracles / floor).exists() or (oracles / f"{floor}.py").exists()]  # fmt: skip
    assert clashes == []


def undeclared(floors: tuple[str, ...], requirements: list[str]) -> list[str]:
    declared = {normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}
    known = set(sys.stdlib_module_names) | importable_from(declared) | {*SHIPPED}
    return [
        f"{short(file)}:{found.line}: {found.module}"
        for file in python_files(*floors)
        for found in imports_of(ROOT, file)
        if found.module.split(".")[0] not in known
    ]


def test_what_a_node_runs_is_in_the_base_install() -> None:
    assert undeclared(("drivers", "edge"), PROJECT["dependencies"]) == []


def test_what_the_office_runs_is_declared() -> None:
    extras = PROJECT["optional-dependencies"]
    declared = PROJECT["dependencies"] + extras["office"] + extras["driver-tests"] + extras["disk-tests"]
    assert undeclared(("fleet", "simulators"), declared) == []


# Spelled in pieces, so that this file does not catch itself.
HOMES = "|".join(["/ro" + "ot/", "/wo" + "rk/", "/home/(?!pi/)[a-z]+/", "file" + ":///", "/Us" + "ers/"])
REGISTRIES = "|".join([r"py" + r"pi\.org", "python" + "hosted", r"registry\.npm" + "js", r"proxy\.go" + "lang"])
MACHINE = re.compile(rf"(?<![\w.~-])({HOMES})|({REGISTRIES})")


def test_no_tracked_file_knows_the_machine_it_was_written_on() -> None:
    texts = {short(file): file.read_bytes().decode("utf-8", "replace") for file in tracked_files()}
    assert {name: hit[0] for name, text in texts.items() if (hit := MACHINE.search(text))} == {}


@pytest.mark.parametrize("text", ["at /ro" + "ot/x", "(/wo" + "rk/main)", "//py" + "pi.org/simple", "/ho" + "me/jo/x"])
def test_a_planted_machine_path_is_caught(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["net/wo" + "rk/", "/ho" + "me/pi/node.toml", "PyPI", "~/ro" + "ot/"])
def test_an_innocent_path_is_let_through(text: str) -> None:
    assert not MACHINE.search(text)
