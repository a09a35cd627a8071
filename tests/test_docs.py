"""What the documents say is true: links lead somewhere, commands exist, boards are good."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.board import check
from edge.cli import main as edge
from fleet.cli.main import run as fleet
from simulators.commands.run import run as sim

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("drivers/*.md"), *ROOT.glob("deploy/*.md")])
PROGRAMS: dict[str, Callable[[list[str]], int]] = {"edge": edge, "fleet": fleet, "sim": sim}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def code(page: Path) -> str:
    return "\n".join(CODE.findall(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    for target in re.findall(r"(?:^|[`\s])make ([a-z][a-z-]+)", code(page), re.MULTILINE):
        assert target in TARGETS, f"{page.name}: make {target}"


def commands() -> list[tuple[str, str]]:
    """Every `program verb [verb]` that a page shows as code."""
    found = set()
    for page in PAGES:
        for program, words in re.findall(r"(?<![\w.-])(edge|fleet|sim) ((?:[a-z]+(?:-[a-z]+)* ?){1,2})", code(page)):
            found.add((program, words.strip()))
    return sorted(found)


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a program says about these words; "" when it does not know them. In this process: each has its own
    elsewhere (test_version)."""

    def ask(program: str, *words: str) -> str:
        capsys.readouterr()
        try:
            code: object = PROGRAMS[program]([*words, "--help"])
        except SystemExit as ending:
            code = ending.code
        told = capsys.readouterr().out
        return "" if code else told

    return ask


@pytest.mark.parametrize(("program", "words"), commands())
def test_commands_exist(help_of: Callable[..., str], program: str, words: str) -> None:
    verb, *rest = words.split()
    assert help_of(program, verb), f"there is no {program} {verb}"
    if rest and "COMMAND" in help_of(program, verb).upper():
        assert help_of(program, verb, rest[0]), f"there is no {program} {words}"


def boards() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), "\n".join(line.removeprefix(indent) for line in board.splitlines()))
        for page in PAGES
        if page != ROOT / "drivers/README.md"  # its boards are pieces, and tests/drivers/test_pages.py makes them whole
        for indent, board in re.findall(r"^( *)```toml\n(.*?)```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize(("page", "board"), boards())
def test_boards_are_good(page: str, board: str) -> None:
    whole = board if "[node]" in board else '[node]\nid = "pole-001"\n' + board
    assert not check(whole, "node.toml").mistakes, page
