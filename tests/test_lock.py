"""The locks hold names, versions and hashes; no address; in step with pyproject.toml; and a Pi can install them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("node.txt", "office.txt", "dev.txt", "mutants.txt", "oracles-a.txt", "oracles-b.txt")
PI = "aarch64-manylinux_2_28"  # Debian 12 and 13 have a newer glibc
UNREACHABLE = re.compile("dns error|error trying to connect|tcp connect|timed out|error sending request|offline", re.I)
HEAD = re.compile(r"^[a-z0-9]+([-_.][a-z0-9]+)*==[\w.!+]+( ; [\w '\".*<>=!()]+)?$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")

BASE = PYPROJECT["project"]["dependencies"]
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
DECLARED = {
    "node.txt": BASE,
    "office.txt": BASE + EXTRAS["office"] + GROUPS["build"],
    "dev.txt": BASE + EXTRAS["office"] + EXTRAS["dev"] + GROUPS["build"],
    "mutants.txt": BASE + EXTRAS["office"] + EXTRAS["dev"] + GROUPS["build"] + GROUPS["mutants"],
    "oracles-a.txt": GROUPS["oracles-a"],
    "oracles-b.txt": GROUPS["oracles-b"],
}


def entries(text: str) -> list[list[str]]:
    """One list per package: its head, then its hashes; continuation lines joined."""
    return [[part.strip() for part in line.split("    ") if part.strip()]
            for line in text.replace("\\\n", "").splitlines() if line.strip()]  # fmt: skip


def complaints(text: str) -> list[str]:
    found = []
    for head, *hashes in entries(text):
        if not HEAD.match(head):
            found.append(f"not a pinned name: {head}")
        if not hashes or not all(HASH.match(each) for each in hashes):
            found.append(f"not hashed: {head}")
    return found


def pins(lock: str) -> dict[str, str]:
    heads = (entry[0].split(" ;")[0] for entry in entries((ROOT / "requirements" / lock).read_text()))
    return {canonicalize_name(name): version for name, version in (head.split("==") for head in heads)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed_and_nothing_else_is_there(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert entries(text)
    assert complaints(text) == []
    assert "/" not in text
    assert "@" not in text


GOOD = f"nats==1.2 ; sys_platform == 'win32' \\\n    --hash=sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    "planted",
    ["nats==1.2\n", "nats>=1.2 \\\n    --hash=sha256:" + "0" * 64, "--index-url https://example.org/simple\n",
     "nats @ https://example.org/nats.whl \\\n    --hash=sha256:" + "0" * 64, "nats==1.2 \\\n    --hash=md5:00\n",
     "# made by hand\n", "-e .\n"],
)  # fmt: skip
def test_a_planted_flaw_is_caught(planted: str) -> None:
    assert complaints(GOOD) == []
    assert complaints(GOOD + planted)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_is_in_step_with_pyproject(lock: str) -> None:
    locked = pins(lock)
    wanted = [Requirement(text) for text in DECLARED[lock] if not text.startswith("lantaarn")]
    assert [str(each) for each in wanted if locked.get(canonicalize_name(each.name), "") not in each.specifier] == []


def test_what_ships_is_what_was_tested() -> None:
    dev = pins("dev.txt")
    assert pins("node.txt").items() <= pins("office.txt").items() <= dev.items() <= pins("mutants.txt").items()
    assert PYPROJECT["build-system"]["requires"][0].split(">")[0] in dev


def test_other_peoples_drivers_never_ship() -> None:
    oracles = {canonicalize_name(name) for name in GROUPS["oracles-a"] + GROUPS["oracles-b"]}
    assert oracles & pins("dev.txt").keys() == set()
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["drivers", "edge", "fleet", "simulators"]
    carried = wheel.get("force-include", {})
    assert all(Path(what).suffix in ("", ".json", ".toml") and what.startswith("tests/") for what in carried)


def test_unpacked_drivers_of_others_are_pure_so_that_every_python_may_read_them() -> None:
    assert [str(file) for file in (ROOT / ".oracles").rglob("*.so")] == []


@pytest.mark.parametrize("lock", ["node.txt", "office.txt"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_a_pi_finds_a_wheel_for_every_package(lock: str, python: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--require-hashes",
               "--only-binary", ":all:", "--python-version", python, "--python-platform", PI,
               "--target", str(tmp_path), "--requirement", str(ROOT / "requirements" / lock)]  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    if run.returncode and UNREACHABLE.search(run.stderr):
        pytest.skip(f"NOT TESTED: the package index cannot be reached: {run.stderr.strip().splitlines()[-1]}")
    assert run.returncode == 0, run.stderr
    assert f"Would install {len(pins_for_linux(lock))} packages" in run.stderr


def pins_for_linux(lock: str) -> list[str]:
    heads = (entry[0] for entry in entries((ROOT / "requirements" / lock).read_text()))
    return [head for head in heads if "win32" not in head]
