"""The home: one office at a time, private folders, and a config whose mistakes are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleet import files
from fleet.home import Home, Ports, existing, find, sound, write_config
from fleet.trouble import Exit, Trouble


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home")
    write_config(place, Ports(broker_port=1884, url="mqtt://office.example:1884"))
    return place


def test_the_config_says_what_it_was_told(home: Home) -> None:
    assert home.ports() == Ports(broker_port=1884, url="mqtt://office.example:1884")
    assert Ports(broker_port=7).node_url == "mqtt://127.0.0.1:7"


def test_the_address_follows_the_port_unless_it_is_given(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    write_config(other, Ports(broker_port=1884))
    assert other.ports() == Ports(broker_port=1884)
    for place in (home, other):
        place.config.write_text(place.config.read_text().replace("port = 1884", "port = 1999"))
    assert other.ports().node_url == "mqtt://127.0.0.1:1999"
    assert home.ports().node_url == "mqtt://office.example:1884"


def test_an_office_that_listens_everywhere_has_no_address_of_itself() -> None:
    assert [Ports(broker_host=host).node_url for host in ("0.0.0.0", "::")] == ["", ""]
    assert Ports(broker_host="0.0.0.0", url="mqtt://a:1").node_url == "mqtt://a:1"
    assert Ports(broker_host="fd00::7").node_url == "mqtt://[fd00::7]:1883"


def test_folders_are_private(home: Home) -> None:
    assert [oct(folder.stat().st_mode & 0o777) for folder in (home.folder, home.broker)] == ["0o700"] * 2


def test_a_config_that_is_there_is_left_alone(home: Home) -> None:
    write_config(home, Ports(broker_port=9))
    assert home.ports().broker_port == 1884


@pytest.mark.parametrize(
    "text",
    [
        "[broker]\nport = 0\n",
        "[web]\nport = 'x'\n",
        "nonsense",
        "broker = 3\n",
        "[broker]\nhost = 'not a host'\n",
        "[web]\nhost = 'a\\nb'\n",
        "[broker]\nurl = 'http://x y'\n",
        "[broker]\nurl = 'mqtt://x y'\n",
    ],
)
def test_a_config_that_cannot_be_used_is_named(home: Home, text: str) -> None:
    home.config.write_text(text)
    with pytest.raises(Trouble) as raised:
        home.ports()
    assert raised.value.code is Exit.USAGE
    assert str(home.config) in raised.value.happened and str(home.config) in raised.value.next_step


def test_only_one_office_works_in_a_home(home: Home) -> None:
    again = (
        f"from pathlib import Path; from fleet.home import Home; Home(Path({str(home.folder)!r})).locked().__enter__()"
    )
    with home.locked():
        other = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, timeout=60)
    assert "already works in" in other.stderr
    with home.locked():
        pass


def test_which_home_is_meant(tmp_path: Path) -> None:
    assert find(tmp_path, {"FLEET_HOME": "/x"}).folder == tmp_path
    assert find(None, {"FLEET_HOME": "/x"}).folder == Path("/x")
    assert find(None, {}).folder == Path("~/.local/share/lantaarn/fleet").expanduser()
    with pytest.raises(Trouble, match="no fleet home"):
        existing(Home(tmp_path / "none"))


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    files.replace(path, "new", 0o600)
    assert (path.read_text(), oct(path.stat().st_mode & 0o777)) == ("new", "0o600")
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_file_as_it_was_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        files.replace(path, "half of it\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        files.replace(tmp_path / "folder", "new")
    (tmp_path / "folder").rmdir()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: giving a file away needs root")
def test_what_root_leaves_in_anothers_folder_is_that_others(tmp_path: Path) -> None:
    """`sudo fleet cert renew office`, where the office runs as a user of its own."""
    os.chown(tmp_path, 65534, 65533)
    files.replace(tmp_path / "broker.key", "secret")
    with files.locked(tmp_path / "own.lock"):
        pass
    files.replace(tmp_path / "card", "token", owner=(12, 13))
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()}
    assert owners == {"broker.key": (65534, 65533), "own.lock": (65534, 65533), "card": (12, 13)}


def test_root_is_not_led_elsewhere_by_a_link(tmp_path: Path) -> None:
    (tmp_path / ".key.new").symlink_to(tmp_path / "shadow")
    files.replace(tmp_path / "key", "secret")
    assert not (tmp_path / "shadow").exists() and not (tmp_path / "key").is_symlink()


def test_who_waits_for_a_secret_with_an_open_file_gets_none(tmp_path: Path) -> None:
    with (tmp_path / ".key.new").open("w+") as waiting:
        waiting.write("old")
        waiting.flush()
        files.replace(tmp_path / "key", "secret")
        waiting.seek(0)
        assert waiting.read() == "old"
    assert (tmp_path / "key").read_text() == "secret" and list(tmp_path.iterdir()) == [tmp_path / "key"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("[broker]\nprot = 1\n", "did you mean port?"), ("[wep]\nport = 1\n", "did you mean web?"),
     ("[web]\nzzz = 1\n", "there are host, port")],
)  # fmt: skip
def test_a_key_that_means_nothing_is_named(home: Home, text: str, words: str) -> None:
    home.config.write_text(text)
    with pytest.raises(Trouble) as raised:
        home.ports()
    assert words in raised.value.happened and raised.value.code is Exit.USAGE


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "0.0.0.0", "office", "office-1.example.org"])
def test_hosts_of_every_kind_are_taken(tmp_path: Path, host: str) -> None:
    place = Home(tmp_path)
    write_config(place, Ports(broker_host=host, url="mqtt://[::1]:1883"))
    assert place.ports().broker_host == host


def test_no_host_is_not_every_host() -> None:
    with pytest.raises(ValueError, match="host = '' is neither"):
        sound(Ports(broker_host=""))


def test_a_home_that_lost_its_registry_is_no_place_for_a_new_one(home: Home) -> None:
    home.readings.touch()
    with pytest.raises(Trouble, match=r"registry\.db is missing"):
        existing(home)
