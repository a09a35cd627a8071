"""What commands write, and where it cannot be written: whole, or said not to be; and never an order to a terminal."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.wire.record import Record
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Records
from tests.fleet.cli.typed import FLEET, environment, fleet
from tests.fleet.test_collector import CLOCK, NAMES, chunk

MANY = 3000
BLOCKS = 384  # of 512 bytes: what an export of so many writes but for its last 10 KB or so


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a node and rows of it."""
    place = tmp_path_factory.mktemp("made") / "home"
    fleet(place, "init")
    fleet(place, "node", "add", "pole-a", "--site", "Plein", "--credentials", place.parent / "a.json")
    store = SqliteStore(place / "readings.db")
    chunks: list[Record] = [chunk(seq) for seq in range(3, MANY + 3)]
    store.commit([Records("pole-a", [CLOCK, NAMES, *chunks], 1)])
    store.close()
    return place


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """One's own."""
    return Path(shutil.copytree(made, tmp_path / "home"))


COMMANDS = ["data export", "node list", "node show pole-a", "health", "data tail -f", "--help", "--version"]
SHORT = ["data export", "--help"]  # of lines of our own, and of what the library prints


def call(home: Path, words: str, **environ: str) -> tuple[list[str], dict[str, str]]:
    return [*FLEET, *words.split()], environment(home) | environ


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_is_said_in_words(home: Path, words: str) -> None:
    said_to_be_full(home, words, unbuffered="")


@pytest.mark.parametrize("words", [pytest.param(words, marks=[] if words in SHORT else pytest.mark.deep)
                                   for words in COMMANDS])  # fmt: skip
def test_so_is_one_that_is_written_to_at_once(home: Path, words: str) -> None:
    said_to_be_full(home, words, unbuffered="1")


def said_to_be_full(home: Path, words: str, unbuffered: str) -> None:
    command, environ = call(home, words, PYTHONUNBUFFERED=unbuffered)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "Next: " in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_fills_up_midway_is_said_too(home: Path, tmp_path: Path, unbuffered: str) -> None:
    """A file may grow so far only: the write that crosses it, the last one, is cut short and reports no error."""
    command, environ = call(home, "data export", PYTHONUNBUFFERED=unbuffered)
    limited = ["sh", "-c", f'trap "" XFSZ; ulimit -f {BLOCKS}; exec "$@"', "sh", *command]
    with (tmp_path / "out.csv").open("wb") as out:
        done = subprocess.run(limited, env=environ, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (tmp_path / "out.csv").stat().st_size == BLOCKS * 512
    assert done.returncode == 1 and "is not whole" in done.stderr and "Traceback" not in done.stderr


def test_what_nobody_reads_ends_quietly(home: Path) -> None:
    command, environ = call(home, "data export")
    exporting = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert exporting.stdout is not None and exporting.stderr is not None
    exporting.stdout.readline()
    exporting.stdout.close()
    assert exporting.stderr.read() == b"" and exporting.wait(60) == 0
    exporting.stderr.close()


def test_a_tail_that_nobody_reads_any_more_ends_although_nothing_comes(home: Path) -> None:
    command, environ = call(home, "data tail --follow -n 1")
    following = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert following.stdout is not None and following.stderr is not None
    assert following.stdout.readline().startswith(b"TIME") and b"pole-a" in following.stdout.readline()
    following.stdout.close()
    assert following.wait(60) == 0 and following.stderr.read() == b""
    following.stderr.close()


def test_a_closed_output_is_said_in_words(home: Path) -> None:
    command, environ = call(home, "node list")
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], env=environ, stderr=subprocess.PIPE, text=True,
                          timeout=60)  # fmt: skip
    assert done.returncode == 1 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_a_terminal_that_knows_only_ascii_gets_everything(home: Path) -> None:
    command, environ = call(home, "data export", PYTHONIOENCODING="ascii")
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout.isascii() and b"Traceback" not in done.stderr
    assert b"\\xb0C" in done.stdout


@pytest.mark.parametrize("words", ["data export", "data tail", "node show pole-a", "data --help", "node add --help"])
def test_so_does_each_command(home: Path, words: str) -> None:
    done = fleet(home, *words.split(), encoding="ascii")
    assert done.returncode == 0 and done.stdout.isascii() and done.stderr == ""
    assert ("\\xb0C" in done.stdout) == ("help" not in words)


@pytest.mark.parametrize(
    "words",
    [["--site", "ev\x1b[31mil"], ["--site", "two\nlines"], ["--site", "x" * 81], ["--site", "\u202eback"],
     ["-l", "a="], ["-l", "a=\x9b"], ["-l", "a=" + "x" * 80]],
)  # fmt: skip
def test_names_that_a_terminal_would_obey_are_refused(home: Path, words: list[str]) -> None:
    done = fleet(home, "node", "add", "pole-b", *words, "--credentials", home / "b.json")
    assert done.returncode == 2 and done.stdout == "" and done.stderr.replace("\n", "").isprintable()
    assert fleet(home, "node", "list", "-o", "name").stdout == "pole-a\n"


@pytest.mark.parametrize("name", ["collector", "office"])
def test_what_the_office_calls_itself_is_reserved(home: Path, name: str) -> None:
    done = fleet(home, "node", "add", name, "--credentials", home / "b.json")
    assert done.returncode == 2 and "the office, or a part of it, is called so" in done.stderr


def test_an_export_of_nothing_is_a_slip(home: Path) -> None:
    done = fleet(home, "data", "export", "--quantity", "temprature")
    assert (done.returncode, done.stdout) == (2, "") and "did you mean temperature?" in done.stderr
    done = fleet(home, "data", "export", "--from", "2024-01-02", "--to", "2024-01-01")
    assert (done.returncode, done.stdout) == (2, "") and "--from is not before --to" in done.stderr
    assert fleet(home, "data", "export", "--quantity", "pm2_5").returncode == 0
    assert fleet(home, "data", "export", "--quantity", "temperature").stdout.count("\n") == MANY + 1


def test_progress_that_cannot_be_written_is_not_a_failure(home: Path) -> None:
    command, environ = call(home, "node add pole-b --dry-run")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=full)
    assert done.returncode == 0
