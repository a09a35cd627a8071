"""Each driver has its page: wiring first, then a board file that compiles, and a word on privacy where people count."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from drivers.catalog import CATALOG, driver
from drivers.window import Windowed
from edge.board import check

README = Path(__file__).parents[2] / "drivers" / "README.md"
PAGES = {
    found[1]: found[2]
    for found in re.finditer(r"^### (\w+):(.*?)(?=^### |^## |\Z)", README.read_text("utf-8"), re.M | re.S)
}
HEAD = '[node]\nid = "pole-001"\n[site]\nmobile = true\n'
CLIMATE = '[[sensor]]\nname = "{name}"\ndriver = "bme280"\nbus = "i2c-7"\n'


def boards(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", page, re.S)


def whole(board: str) -> str:
    """The sensors of a page as a board file, with the neighbours that they name."""
    there = tomllib.loads(board)["sensor"]
    names = {sensor["name"] for sensor in there}
    beside = dict.fromkeys(sensor["beside"] for sensor in there if "beside" in sensor)
    return HEAD + board + "".join(CLIMATE.format(name=name) for name in beside if name not in names)


@pytest.mark.parametrize("name", CATALOG)
def test_every_driver_has_a_page(name: str) -> None:
    assert name in PAGES, f"write ### {name}: … in drivers/README.md"
    page = PAGES[name]
    wiring, board = page.find("|---|"), page.find("```toml")
    assert 0 <= wiring < board, "wiring first, then the board file"


@pytest.mark.parametrize("name", CATALOG)
def test_what_a_page_says_to_write_is_right(name: str) -> None:
    for board in boards(PAGES[name]):
        checked = check(whole(board), "node.toml")
        assert not checked.mistakes, [str(mistake) for mistake in checked.mistakes]
    named = [sensor["driver"] for board in boards(PAGES[name]) for sensor in tomllib.loads(board)["sensor"]]
    assert name in {driver(each).name for each in named} or f"`{name}`" in PAGES[name] or name in HELPERS


HELPERS = {"tca9548a", "mcp23017", "sc16is752"}  # named by the bus, the chip or the port of others


@pytest.mark.parametrize("name", CATALOG)
def test_every_setting_is_told(name: str) -> None:
    kind = driver(name)
    told = [*(setting.name for setting in kind.settings), *(table.name for table in kind.tables)]
    missing = [setting for setting in told if not re.search(rf"\b{re.escape(setting)}\b", PAGES[name])]
    assert not missing


@pytest.mark.parametrize("name", CATALOG)
def test_who_counts_people_speaks_of_privacy(name: str) -> None:
    kind = driver(name)
    if issubclass(kind, Windowed) and kind().counts_people:
        assert re.search(r"priva|person|people", PAGES[name], re.I)
