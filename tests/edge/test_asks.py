"""Questions over a real unix socket, to an agent that is a thread of this test."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.asks import NAME, Asks, NoAgent, _name, _owner, ask
from edge.events import Asked


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    deep = tmp_path / ("x" * 100)  # longer than a socket's address may be
    deep.mkdir()
    asks = Asks(deep, lambda asked: asked.answer({"you said": asked.question}))
    asks.begin()
    yield deep
    asks.end()


def test_a_question_is_answered(folder: Path) -> None:
    assert ask(folder, {"ask": "status"}) == {"you said": {"ask": "status"}}


def test_the_answer_may_come_later_and_from_another_thread(tmp_path: Path) -> None:
    waiting: list[Asked] = []
    asked = threading.Event()

    def put(question: Asked) -> None:
        waiting.append(question)
        asked.set()

    asks = Asks(tmp_path, put)
    asks.begin()
    answers: list[dict[str, object]] = []
    asker = threading.Thread(target=lambda: answers.append(ask(tmp_path, {"ask": "read"})))
    asker.start()
    assert asked.wait(20)
    waiting[0].answer({"late": "x" * 300_000})
    asker.join(20)
    asks.end()
    assert answers == [{"late": "x" * 300_000}]


def test_only_its_owner_may_ask(folder: Path) -> None:
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


def test_no_agent(tmp_path: Path) -> None:
    with pytest.raises(NoAgent):
        ask(tmp_path, {"ask": "status"})
    with pytest.raises(NoAgent):
        ask(tmp_path / "nowhere", {"ask": "status"})


def test_a_socket_that_a_killed_agent_left_is_no_agent_and_is_replaced(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(NAME)
    finally:
        os.chdir(here)
    with pytest.raises(NoAgent):
        ask(tmp_path, {"ask": "status"})
    asks = Asks(tmp_path, lambda asked: asked.answer({}))
    asks.begin()
    assert ask(tmp_path, {"ask": "status"}) == {}
    asks.end()
    with pytest.raises(NoAgent):
        ask(tmp_path, {"ask": "status"})


@pytest.mark.parametrize("words", [b"\n", b"[1]\n", b"{not json\n", b"\xff\xfe\n", b"x" * 100_000])
def test_nonsense_disturbs_nobody(folder: Path, words: bytes) -> None:
    number = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(20)
        asker.connect(f"/proc/self/fd/{number}/{NAME}")
        asker.sendall(words)
        asker.shutdown(socket.SHUT_WR)
        assert asker.recv(10) == b""
    os.close(number)
    assert ask(folder, {"ask": "status"}) == {"you said": {"ask": "status"}}


def test_an_answer_is_one_line(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(20)
        asker.connect(f"/proc/self/fd/{number}/{NAME}")
        asker.sendall(b'{"a": "b\\nc"}\n')
        heard = b""
        while more := asker.recv(1000):
            heard += more
    os.close(number)
    assert heard.count(b"\n") == 1 and json.loads(heard) == {"you said": {"a": "b\nc"}}


@pytest.fixture
def refusing(tmp_path: Path) -> Path:
    """A folder that takes no socket."""
    (tmp_path / NAME).mkdir()
    return tmp_path


def begun(folder: Path) -> Asks:
    """An agent that is asked by its name."""
    asks = Asks(folder, lambda asked: asked.answer({"here": 1}))
    with pytest.raises(OSError):
        asks.begin()
    return asks


def test_a_card_that_takes_no_socket_keeps_nobody_from_asking(refusing: Path) -> None:
    asks = Asks(refusing, lambda asked: asked.answer({"it is": "read-only"}))
    for _ in range(100):
        for _ in range(2):
            with pytest.raises(IsADirectoryError):
                asks.begin()
            assert ask(refusing, {"ask": "status"}) == {"it is": "read-only"}
        asks.end()
        assert (refusing / NAME).is_dir()
        with pytest.raises(NoAgent):
            ask(refusing, {"ask": "status"})


def test_a_second_agent_waits_until_the_name_is_free(refusing: Path) -> None:
    first, second = (Asks(refusing, lambda asked, n=n: asked.answer({"agent": n})) for n in (1, 2))  # type: ignore[misc]
    for each in (first, second):
        with pytest.raises(OSError):
            each.begin()
    assert ask(refusing, {"ask": "status"}) == {"agent": 1}
    first.end()
    with pytest.raises(OSError):
        second.begin()
    assert ask(refusing, {"ask": "status"}) == {"agent": 2}
    second.end()


def test_a_card_that_heals_or_is_mounted_anew_has_its_socket_again(refusing: Path) -> None:
    asks = begun(refusing)
    refusing.rename(refusing.with_name("before"))
    refusing.mkdir()
    assert ask(refusing, {"ask": "status"}) == {"here": 1}
    asks.begin()
    assert (refusing / NAME).is_socket() and ask(refusing, {"ask": "status"}) == {"here": 1}
    with socket.socket(socket.AF_UNIX) as late, pytest.raises(ConnectionRefusedError):
        late.connect(_name(refusing))
    asks.end()
    assert not (refusing / NAME).exists()


@pytest.mark.root
def test_whose_folder_it_would_be_is_told_by_where_it_would_be_made(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    assert _owner(tmp_path) == _owner(tmp_path / "not" / "made") == 65534


@pytest.mark.parametrize("name", ["made", os.fsdecode(b"in \xe9 of latin-1")])
def test_a_card_without_a_folder_is_no_silence(tmp_path: Path, name: str) -> None:
    asks = begun(tmp_path / "not" / name)
    assert ask(tmp_path / "not" / name, {"ask": "status"}) == {"here": 1}
    asks.end()


@pytest.mark.parametrize("number", [errno.EIO, errno.EBADMSG, errno.EACCES])
def test_a_card_that_fails_is_passed_by_and_one_that_forbids_is_not(
    refusing: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def broken(folder: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("edge.asks._address", broken)
    with pytest.raises(OSError) as raised:
        ask(refusing, {"ask": "status"})
    assert raised.value.errno == number, "nobody is there"
    asks = begun(refusing)
    if number == errno.EACCES:
        with pytest.raises(PermissionError):
            ask(refusing, {"ask": "status"})
    else:
        assert ask(refusing, {"ask": "status"}) == {"here": 1}
    asks.end()


def test_a_dead_socket_on_a_card_that_became_read_only_is_passed_by(refusing: Path) -> None:
    asks = begun(refusing)
    (refusing / NAME).rmdir()
    number = os.open(refusing, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"/proc/self/fd/{number}/{NAME}")
    os.close(number)
    assert ask(refusing, {"ask": "status"}) == {"here": 1}
    asks.end()
    assert (refusing / NAME).exists(), "it is not ours"


STRANGER = """
import os, socket, sys
door, name = socket.socket(socket.AF_UNIX), bytes.fromhex(sys.argv[2])
os.setresuid(65534, 65534, 65534)
try:
    if sys.argv[1] == "asks":
        door.connect(name)
        door.sendall(b'{"ask": "status"}\\n')
        print(door.recv(100), flush=True)
    else:
        door.bind(name)
        door.listen()
        print("it is taken", flush=True)
        input()
except OSError as error:
    print(error, flush=True)
"""


@contextmanager
def stranger(does: str, name: bytes) -> Iterator[str]:
    """Another user's process, and what it says of what it did."""
    words = [sys.executable, "-I", "-c", STRANGER, does, name.hex()]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline()
        process.communicate("\n")


@pytest.mark.root
def test_a_name_without_modes_is_for_its_owner_all_the_same(refusing: Path) -> None:
    asks = begun(refusing)
    with stranger("asks", _name(refusing)) as said:
        assert "own user and root may ask it" in said
    assert ask(refusing, {"ask": "status"}) == {"here": 1}
    asks.end()


@pytest.mark.root
def test_who_takes_the_name_first_is_not_believed(refusing: Path) -> None:
    with stranger("takes", _name(refusing)) as said:
        assert said == "it is taken\n"
        with pytest.raises(PermissionError, match="another user \\(uid 65534\\) answers in its name"):
            ask(refusing, {"ask": "status"}, patience_s=5)
