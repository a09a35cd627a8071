"""Guests: found when the house has no such driver, refused in words when they can not be used."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from drivers import guests as found
from drivers.catalog import CATALOG, driver, drivers, names
from drivers.driver import API, Driver, I2CDriver
from drivers.guests import GROUP, Unfit
from edge.board import check


class Barn(I2CDriver):
    name = "barn"
    api = API
    default_address, addresses = 0x10, (0x10,)


class Old(Barn):
    name = "old"
    api = API - 1


class Older(Barn):
    name = "older"
    api = API - 2


class Newer(Barn):
    name = "newer"
    api = API + 1


class Silent(I2CDriver):
    name = "silent"


class Impostor(Barn):
    name = "bme280"


class Misnamed(Barn):
    name = "other"


NOT_A_DRIVER = 3


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = "tests.drivers.test_guests"
    brought = {
        "barn": "Barn", "old": "Old", "older": "Older", "newer": "Newer", "silent": "Silent", "bme280": "Impostor",
        "misnamed": "Misnamed", "three": "NOT_A_DRIVER", "gone": "Gone",
    }  # fmt: skip
    entries = {name: EntryPoint(name, f"{here}:{value}", GROUP) for name, value in brought.items()}
    entries["broken"] = EntryPoint("broken", "nowhere_at_all:Driver", GROUP)
    for module in ("drivers.guests", "drivers.catalog"):
        monkeypatch.setattr(f"{module}.guests", lambda: entries)


def test_a_guest_is_found_and_may_be_named_by_a_board() -> None:
    assert driver("barn").name == "barn"
    assert "barn" in names()
    board = '[node]\nid = "pole-1"\n[[sensor]]\nname = "b"\ndriver = "barn"\nbus = "i2c-1"\n'
    checked = check(board, "node.toml")
    assert checked.wiring is not None
    assert checked.wiring.sensors[0].address == 0x10


def test_the_house_can_not_be_replaced() -> None:
    assert driver("bme280").__module__ == "drivers.bme280"
    assert names()[: len(CATALOG)] == list(CATALOG)


def test_the_version_before_ours_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="next release"):
        assert driver("old").name == "old"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_unfit_guests_are_left_out_of_the_whole_list() -> None:
    assert [kind.name for kind in drivers()][len(CATALOG) :] == ["barn", "old"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("older", "update it"),
        ("newer", "update lantaarn"),
        ("silent", f"api = {API}"),
        ("misnamed", "both names"),
        ("three", "subclass"),
        ("gone", "AttributeError"),
        ("broken", "ModuleNotFoundError"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words(name: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        driver(name)
    board = f'[node]\nid = "pole-1"\n[[sensor]]\nname = "b"\ndriver = "{name}"\nbus = "i2c-1"\n'
    (mistake,) = check(board, "node.toml").mistakes
    assert mistake.key == "sensor[1].driver"
    assert why in str(mistake)


def test_nothing_is_installed_here_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found.guests.cache_clear()
    assert names() == list(CATALOG)
    assert issubclass(driver("sht31"), Driver)
    with pytest.raises(KeyError, match="sht31"):
        driver("lidar")
