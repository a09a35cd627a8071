"""`sim new chip` lays out what passes its own tests at once, and what fails when the driver is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.commands.new import LAYOUTS, Shape, checkout
from simulators.commands.run import run
from tests.simulators.fresh_venv import ran

ROOT = Path(__file__).parents[3]
Capture = pytest.CaptureFixture[str]
BREAKS = {
    Shape.I2C: ("/ 100)", "/ 101)"),
    Shape.SERIAL: ("and crc16(", "or crc16("),
    Shape.STREAM: ("if crc16(", "if False and crc16("),
    Shape.LINES: ("if self._bounce.counts(edge.at_us, edge.level):", "if edge.level:"),
}


def checked(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The laid out tests, with the checkout's plugin."""
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not freeze")
    return ran([sys.executable, "-m", "pytest", *quiet, *options], folder)


@pytest.mark.once
def test_packages_pass_at_once_and_fail_when_they_are_broken(tmp_path: Path) -> None:
    for shape in Shape:
        assert run(["new", "chip", f"dew_{shape}", "--shape", shape, "--folder", str(tmp_path)]) == 0
    sources = " ".join(str(tmp_path / f"lantaarn-dew-{shape}" / "src") for shape in Shape)
    options = ("--rootdir", str(tmp_path), "-o", f"pythonpath={sources}", "--import-mode=importlib")
    done = checked(tmp_path, *options)
    assert done.returncode == 0 and " skipped" not in done.stdout, done.stdout + done.stderr
    for shape, (right, wrong) in BREAKS.items():
        driver = tmp_path / f"lantaarn-dew-{shape}" / "src" / f"lantaarn_dew_{shape}" / "driver.py"
        assert right in driver.read_text()
        driver.write_text(driver.read_text().replace(right, wrong))
    done = checked(tmp_path, *options, "--tb=no")
    assert [shape for shape in Shape if f"/test_dew_{shape}.py::" not in done.stdout] == [], done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, as much of it as a driver needs."""
    copy = tmp_path_factory.mktemp("checkout")
    rubbish = shutil.ignore_patterns("__pycache__")
    for floor in ("drivers", "edge", "simulators"):
        shutil.copytree(ROOT / floor, copy / floor, ignore=rubbish)
    (copy / "tests" / "drivers").mkdir(parents=True)
    for file in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/drivers/__init__.py"):
        shutil.copy(ROOT / file, copy / file)
    return copy


@pytest.mark.once
def test_a_checkout_gets_its_files_where_they_belong_and_the_two_lines(home: Path, capsys: Capture) -> None:
    assert run(["new", "chip", "dew_point", "--folder", str(home / "drivers")]) == 0
    said = capsys.readouterr()
    laid = [str(Path(line).relative_to(home)) for line in said.out.splitlines()]
    assert laid == ["drivers/dew_point.py", "simulators/chips/dew_point.py", "tests/drivers/test_dew_point.py",
                    "tests/transcripts/dew_point.transcript"]  # fmt: skip
    done = checked(home, "tests/drivers/test_dew_point.py")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"in (\S+):\s+(\".*\",)", said.err)
    assert [file for file, _ in lines] == ["drivers/catalog.py", "simulators/shelf.py"]
    for file, line in lines:
        text = (home / file).read_text()
        (home / file).write_text(text.replace('str] = {\n', f"str] = {{\n    {line}\n", 1))
    code = "from drivers import catalog as d; from simulators import shelf as s; print(d.driver(N), s.chip(N))"
    assert ran([sys.executable, "-c", code.replace("N)", "'dew_point')")], home).stdout.count("dew_point.DewPoint") == 2
    assert checked(home, "tests/drivers/test_dew_point.py").returncode == 0


@pytest.mark.once
def test_what_is_laid_out_is_as_clean_as_ours(home: Path) -> None:
    for shape in Shape:
        for folder in (home, home / "apart"):
            (home / "apart").mkdir(exist_ok=True)
            assert run(["new", "chip", f"clean_{shape.value}", "--shape", shape, "--folder", str(folder)]) == 0
            (home / "apart" / "pyproject.toml").write_text('[project]\nname = "another"\n')
            (home / "apart" / "drivers").mkdir(exist_ok=True)
            (home / "apart" / "drivers" / "catalog.py").touch()
    files = [str(path) for path in home.rglob("*clean_*") if path.suffix == ".py"]
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml")]
    done = ran([*ruff, *files, str(home / "apart")], home)
    assert len(files) >= 12 and done.returncode == 0, done.stdout


def test_nothing_is_ever_overwritten(tmp_path: Path, capsys: Capture) -> None:
    there = tmp_path / "lantaarn-dew-point" / "README.md"
    there.parent.mkdir()
    there.write_text("mine")
    assert run(["new", "chip", "dew_point", "--folder", str(tmp_path)]) == 4
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["README.md"]
    assert there.read_text() == "mine"


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: Capture) -> None:
    assert run(["new", "chip", "dew_point", "--folder", str(tmp_path), "--dry-run"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 7 and "Nothing was written" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [("sht31", "catalog"), ("scd41", "catalog"), ("vitals", "catalog"),
     ("Dew", "no name"), ("class", "no name"), ("../x", "no name"),
     ("json", "module"), ("reading", "module"), ("9x", "no name")],
)  # fmt: skip
def test_a_name_that_can_not_be(name: str, why: str, tmp_path: Path, capsys: Capture) -> None:
    assert run(["new", "chip", name, "--folder", str(tmp_path)]) == 2
    assert why in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_checkout_is_known_from_within() -> None:
    assert checkout(ROOT / "drivers") == ROOT
    assert checkout(Path("/")) is None
    assert all((LAYOUTS / shape.value / f"{part}.txt").is_file()
               for shape in Shape for part in ("driver", "chip", "transcript"))  # fmt: skip
