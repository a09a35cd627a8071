"""`python -m tests.mutants coverage` and `python -m tests.mutants run AREA [--sample N] [--seed S] [--jobs N]`.

mutmut changes a copy: each area has a folder of its own in .mutants/, laid anew by every run and left there, so that
`mutmut show NAME` in it tells what a survivor changed. Exit 1: a branch is not reached, or a score is below the goal.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.areas import AREAS, Area, chosen
from tests.mutants.tally import GOAL, Tally, sample, table, tally, verdicts

ROOT = Path(__file__).parent.parent.parent
SCRATCH = ROOT / ".mutants"
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "home")
QUIET = ("-p", "no:cacheprovider", "-n", "0", "-q")
NOBODY = "no.such.mutant"  # mutmut makes them all, then finds that none of them is wanted


def coverage() -> int:
    """The tests of all areas, once; then what they did not reach."""
    measure = [sys.executable, "-m", "coverage"]
    tests = sorted({test for area in AREAS.values() for test in area.tests})
    run = subprocess.run([*measure, "run", "-m", "pytest", *QUIET, *tests], cwd=ROOT, check=False)
    code = ",".join(file for area in AREAS.values() for file in area.code)
    report = subprocess.run([*measure, "report", f"--include={code}"], cwd=ROOT, check=False)
    return 1 if run.returncode or report.returncode else 0


def settings(area: Area) -> str:
    """mutmut's part of the copy's pyproject.toml."""
    beside = sorted({path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"edge", "tests"})
    arguments = ["-p", "no:cacheprovider", "-n", "0", "--timeout", "60", "--hypothesis-profile", "mutants"]
    values = {"source_paths": ["edge"], "only_mutate": list(area.code), "also_copy": beside,
              "pytest_add_cli_args": arguments, "pytest_add_cli_args_test_selection": area.selection}  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(["", "[tool.mutmut]", *lines, "use_git_change_detection = false", ""])


def prepare(area: Area) -> Path:
    folder = SCRATCH / area.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    with (folder / "pyproject.toml").open("a") as file:
        file.write(settings(area))
    return folder


def mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "mutmut"), *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (folder / "mutmut.txt").write_text(run.stdout + run.stderr)
    return run


def judge(area: Area, size: int, seed: int, jobs: int) -> Tally:
    """One area. RuntimeError with mutmut's last words if it judged nothing."""
    folder, wanted = prepare(area), []
    print(f"mutants: {area.name}, in {folder.relative_to(ROOT)}", file=sys.stderr)
    if size:
        mutmut(folder, "run", "--max-children", str(jobs), NOBODY)
        wanted = sample(verdicts(mutmut(folder, "results", "--all", "true").stdout), size, seed)
    run = mutmut(folder, "run", "--max-children", str(jobs), *wanted)
    found = verdicts(mutmut(folder, "results", "--all", "true").stdout)
    page = ROOT / "docs" / "mutants" / f"{area.name}.md"
    done = tally(area.name, found, page.read_text() if page.is_file() else "")
    if run.returncode or not done.judged:
        raise RuntimeError(f"mutmut could not judge {area.name}:\n{(run.stdout + run.stderr)[-2000:]}")
    return done


def run_areas(areas: Sequence[Area], size: int, seed: int, jobs: int) -> int:
    try:
        tallies = [judge(area, size, seed, jobs) for area in areas]
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if size:
        print(f"A sample of at most {size} mutants of each area, seed {seed}.")
    print(table(tallies))
    return 0 if all(each.score >= GOAL for each in tallies) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Judge the tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("coverage", help="branches of the four areas that their tests do not reach")
    run = verbs.add_parser("run", help="change the code of an area, and see whether its tests notice")
    run.add_argument("area", help=f"one of {', '.join(AREAS)}, all")
    run.add_argument("--sample", type=int, default=0, metavar="N", help="no more than so many mutants of each area")
    run.add_argument("--seed", type=int, default=1, metavar="S", help="which of them")
    run.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    asked = parser.parse_args(arguments)
    if asked.verb == "coverage":
        return coverage()
    try:
        areas = chosen(asked.area)
    except ValueError as error:
        parser.error(str(error))
    return run_areas(areas, asked.sample, asked.seed, asked.jobs)


if __name__ == "__main__":
    sys.exit(main())
