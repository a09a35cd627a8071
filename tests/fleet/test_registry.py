"""The registry: nodes and their secrets together, durable settings, and choosing among them."""

import itertools
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from fleet import choose, enrol
from fleet.home import Home, Ports, write_config
from fleet.ledger import MOST_INCIDENTS
from fleet.papers import Certificate, Incident, Token
from fleet.registry import COLLECTOR, Credential, Node, Registry
from fleet.trouble import Exit, Trouble
from tests.fleet.dying import amid_a_renewal

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


FORMER = """
CREATE TABLE nodes (id TEXT NOT NULL, site TEXT NOT NULL, lat FLOAT, lon FLOAT, labels TEXT NOT NULL,
                    added_ms BIGINT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (id));
CREATE TABLE credentials (user TEXT NOT NULL, password TEXT NOT NULL, client_id TEXT NOT NULL, PRIMARY KEY (user));
INSERT INTO nodes VALUES ('pole-1', 'Stationsplein', 52.2, 6.9, '{"district": "centre"}', 5, 'added');
INSERT INTO credentials VALUES ('office.collector', 's', 'office-collector-1'), ('pole-1', 'p', 'c');
"""


def former(path: Path, more: str = "") -> None:
    """A registry as the first release made it."""
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA synchronous = OFF; BEGIN; {FORMER} {more} COMMIT;")
    connection.close()


def test_a_registry_of_the_first_release_goes_on(tmp_path: Path) -> None:
    former(tmp_path / "registry.db")
    for _ in range(2):
        registry = Registry(tmp_path / "registry.db")
        assert registry.nodes() == [ONE]
        assert registry.members() == [Credential(COLLECTOR, "s", "office-collector-1"), Credential("pole-1", "p", "c")]
        assert (registry.certificates(), registry.revoked(), registry.incidents()) == ([], [], [])
    assert schema(tmp_path / "registry.db") == schema(Registry(tmp_path / "new.db").path)


def schema(path: Path) -> dict[str, set[tuple[str, str]]]:
    """Tables and indexes, with what they hold."""
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    look = {"table": "table_info", "index": "index_info"}
    found = {name: {(row[1] if kind == "table" else row[2], str(row[5]) if kind == "table" else "")
                    for row in connection.execute(f"PRAGMA {look[kind]}({name})")} for name, kind in names}  # fmt: skip
    connection.close()
    return found


def test_power_may_fail_anywhere_while_a_registry_is_renewed(tmp_path: Path) -> None:
    for at in itertools.count(1):
        path = tmp_path / f"{at}.db"
        former(path)
        died = amid_a_renewal(path, at)
        assert [each.user for each in Registry(path).members()] == [COLLECTOR, "pole-1"]
        if not died:
            break
    assert at > 10


def test_what_cannot_be_renewed_is_refused_in_words(tmp_path: Path) -> None:
    former(tmp_path / "a.db", "INSERT INTO nodes SELECT 'collector', site, lat, lon, labels, 5, state FROM nodes;")
    with pytest.raises(Trouble, match="a node called collector"):
        Registry(tmp_path / "a.db")
    former(tmp_path / "b.db", "PRAGMA user_version = 1;")
    with pytest.raises(Trouble, match="has no table"):
        Registry(tmp_path / "b.db")
    with Registry(tmp_path / "c.db").engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 7")
    with pytest.raises(Trouble, match="newer fleet"):
        Registry(tmp_path / "c.db")


def test_members_are_those_with_a_password_or_a_living_key(registry: Registry) -> None:
    registry.add(Node("pole-2", "Markt"), Token("hash", "pole-2", 1, 2))
    assert [each.user for each in registry.members()] == ["pole-1", "pole-12"]
    with registry.turn() as ledger:
        ledger.register("pole-2", "f" * 32, 5)
        ledger.register("pole-1", "e" * 32, 5)
    registry.set_credential(Credential("pole-0"))
    assert registry.members()[0] == Credential("pole-1", key="e" * 32)
    assert registry.members()[2] == Credential("pole-2", key="f" * 32)
    for node in ("pole-2", "pole-12"):
        registry.revoke(node, "stolen", 9)
        assert node not in [each.user for each in registry.members()]
        assert [found.state for found in registry.nodes() if found.id == node] == ["revoked"]
    assert [each.user for each in registry.members()] == ["pole-1"]


def test_what_ended_by_a_wrong_clock_can_still_be_revoked(registry: Registry) -> None:
    with registry.turn() as ledger:
        ledger.register("pole-1", "e" * 32, 5)
        ledger.file(Certificate(7, "pole-1", "e" * 32, 10, 1, 100, "PEM"))
        ledger.file(Certificate(8, "pole-1", "e" * 32, 900, 899, 999, "PEM of years ahead"))
    registry.revoke("pole-1", "stolen", 20)
    assert {serial for serial, _ in registry.revoked(20)} == {7, 8}
    assert {each.serial: each.chain for each in registry.certificates("pole-1")}[7] == ""


def test_a_revoked_certificate_is_told_with_its_first_date_until_it_ends(registry: Registry) -> None:
    serial = (1 << 158) + 7
    with registry.turn() as ledger:
        ledger.register("pole-1", "e" * 32, 5)
        ledger.file(Certificate(serial, "pole-1", "e" * 32, 10, 1, 100, "PEM"))
    assert registry.revoked() == []
    registry.revoke("pole-1", "stolen", 20)
    registry.revoke("pole-1", "stolen again", 30)
    assert registry.revoked() == registry.revoked(99) == [(serial, 20)]
    assert registry.revoked(100) == []
    assert [each.serial for each in registry.certificates("pole-1")] == [serial]
    with registry.turn(writing=False) as ledger:
        key = ledger.key("e" * 32)
    assert key is not None and (key.revoked_ms, key.why) == (20, "stolen")


def test_the_file_itself_takes_no_second_key_of_a_node_and_no_key_twice(registry: Registry) -> None:
    with registry.turn() as ledger:
        ledger.register("pole-1", "a" * 32, 5)
    for node, key in (("pole-1", "b" * 32), ("pole-12", "a" * 32)):
        with pytest.raises(sa.exc.IntegrityError), registry.turn() as ledger:
            ledger.register(node, key, 6)
    registry.revoke("pole-1", "", 7)
    with pytest.raises(sa.exc.IntegrityError), registry.turn() as ledger:
        ledger.register("pole-1", "a" * 32, 8)
    with registry.turn() as ledger:
        ledger.register("pole-1", "c" * 32, 8)


def test_incidents_of_an_hour_are_one_and_there_are_never_too_many(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_INCIDENTS == 1000
    monkeypatch.setattr("fleet.ledger.MOST_INCIDENTS", 50)
    for at_ms in (0, 1000, 3_600_000):
        registry.note_incident("clone", "pole-1", f"at {at_ms}", at_ms)
    assert registry.incidents() == [Incident("clone", "pole-1", "at 3600000", 0, 3_600_000, 3)]
    registry.note_incident("clone", "pole-2", "x" * 9999, 5000)
    assert [each.node for each in registry.incidents(5001)] == ["pole-1"]
    with registry.turn() as ledger:
        for number in range(60):
            ledger.note("clone", f"pole-{number}", "again", 10_000_000 + number)
        assert len(ledger.incidents()) == 50 and ledger.incidents()[-1].node == "pole-10"
    assert max(len(each.what) for each in registry.incidents()) <= 500


def test_a_turn_that_fails_leaves_nothing(registry: Registry) -> None:
    with pytest.raises(KeyError), registry.turn() as ledger:
        ledger.register("pole-1", "a" * 32, 5)
        ledger.note("clone", "pole-1", "what", 5)
        raise KeyError
    assert registry.incidents() == [] and registry.members()[0].password == "p"
