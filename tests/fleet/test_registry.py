"""The registry: nodes and their secrets together, durable settings, and choosing among them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet import choose, enrol
from fleet.home import Home, Ports, write_config
from fleet.registry import COLLECTOR, Credential, Node, Registry
from fleet.trouble import Exit, Trouble

ONE = Node("pole-1", "Stationsplein", 52.2, 6.9, {"district": "centre"}, 5)
TWO = Node("pole-12", "Markt", None, None, {"district": "centre", "kind": "square"}, 6)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    found = Registry(tmp_path / "registry.db")
    found.add(ONE, Credential("pole-1", "p", "c"))
    found.add(TWO, Credential("pole-12", "q", "d"))
    return found


def test_what_was_added_is_there_in_the_next_life(registry: Registry, tmp_path: Path) -> None:
    again = Registry(tmp_path / "registry.db")
    assert again.nodes() == [ONE, TWO]
    assert again.node("pole-1") == ONE and again.node("pole-2") is None
    assert again.credential("pole-12") == Credential("pole-12", "q", "d")


def test_an_id_is_taken_once_and_its_credential_stays(registry: Registry) -> None:
    with pytest.raises(ValueError, match="already"):
        registry.add(ONE, Credential("pole-1", "other", "other"))
    assert registry.credential("pole-1") == Credential("pole-1", "p", "c")


def test_a_new_credential_takes_the_place_of_the_old(registry: Registry) -> None:
    registry.set_credential(Credential("pole-1", "new", "n"))
    assert [c.password for c in registry.credentials()] == ["new", "q"]


def test_every_connection_syncs_all_it_promises(registry: Registry, tmp_path: Path) -> None:
    with registry.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["delete", 3]
    assert oct((tmp_path / "registry.db").stat().st_mode & 0o777) == "0o600"


def test_choosing_by_label_and_by_prefix(registry: Registry) -> None:
    nodes = registry.nodes()
    assert choose.by_labels(nodes, {}) == [ONE, TWO]
    assert choose.by_labels(nodes, choose.labels(["district=centre", "kind=square"])) == [TWO]
    assert choose.by_prefix(nodes, "pole-1") == ONE
    assert choose.by_prefix(nodes, "pole-12") == TWO
    with pytest.raises(Trouble) as several:
        choose.by_prefix(nodes, "pole")
    assert several.value.code is Exit.USAGE
    with pytest.raises(Trouble, match="no node"):
        choose.by_prefix(nodes, "mast")


DAMAGES: list[Callable[[Path], object]] = [
    lambda path: path.write_text("garbage\n"),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:4096] + os.urandom(len(path.read_bytes()) - 4096)),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_registry_is_refused_in_words(
    registry: Registry, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    damage(registry.path)
    with pytest.raises(Trouble, match="damaged") as raised:
        Registry(registry.path).nodes()
    assert str(registry.path) in str(raised.value) and "sqlite3" not in raised.value.happened
    with pytest.raises(Trouble, match=r"registry.*(damaged|cannot be used)"):
        registry.nodes()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home")
    write_config(place, Ports())
    enrol.make_home(place, Registry(place.registry))
    return place


def test_the_user_list_is_never_written_from_a_registry_that_lost_the_collector(home: Home) -> None:
    users = home.broker / "users.conf"
    before = users.read_bytes()
    home.registry.unlink()
    empty = Registry(home.registry)
    for write in (enrol.make_home, enrol.publish):
        with pytest.raises(Trouble, match="lost the collector's credential"):
            write(home, empty)
    assert users.read_bytes() == before and empty.credential(COLLECTOR) is None
    users.unlink()
    home.readings.touch()
    with pytest.raises(Trouble, match="lost the collector's credential"):
        enrol.make_home(home, empty)


def test_a_home_that_was_not_finished_is_made_whole(home: Home) -> None:
    home.registry.unlink()
    (home.broker / "users.conf").unlink()
    enrol.make_home(home, Registry(home.registry))
    assert COLLECTOR in (home.broker / "users.conf").read_text()
