"""The passphrase: from a file or a person, and never in a message."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fleet.authority import passphrase
from fleet.authority.authority import Authority
from fleet.trouble import Trouble
from tests.fleet.authority.judges import NOW_MS

WORDS = "five words that belong apart"


def named(file: Path, text: str | None = WORDS + "\n", mode: int = 0o600) -> dict[str, str]:
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    return {"FLEET_PASSPHRASE_FILE": str(file)}


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Authority.make(tmp_path_factory.mktemp("shut") / "authority", WORDS, NOW_MS).folder


@pytest.mark.parametrize("text", [WORDS, WORDS + "\n", WORDS + "\r\n"])
def test_a_file_opens_the_keys(shut: Path, tmp_path: Path, text: str) -> None:
    found = passphrase.given(shut, named(tmp_path / "words", text))
    assert Authority.open(shut, found).trust()


def test_a_person_is_asked_when_no_file_is_named(shut: Path) -> None:
    asked: list[str] = []

    def person(prompt: str) -> str:
        asked.append(prompt)
        return WORDS

    assert passphrase.given(shut, {}, person) == WORDS
    assert len(asked) == 1 and WORDS not in asked[0]


def test_keys_that_are_not_encrypted_need_none(tmp_path: Path) -> None:
    Authority.make(tmp_path / "authority", None, NOW_MS)
    environment = {"FLEET_PASSPHRASE_FILE": str(tmp_path / "there is none")}
    assert passphrase.given(tmp_path / "authority", environment) is None
    assert passphrase.given(tmp_path / "nothing here", environment) is None


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0o600, "cannot be read"),
        (WORDS, 0o604, "Everybody"),
        (WORDS, 0o666, "Everybody"),
        ("", 0o600, "one line"),
        (f"{WORDS}\n{WORDS}\n", 0o600, "one line"),
        (WORDS * 50, 0o600, "one line"),
    ],
)
def test_a_file_that_will_not_do_is_a_sentence_without_it(
    shut: Path, tmp_path: Path, text: str | None, mode: int, said: str
) -> None:
    with pytest.raises(Trouble, match=said) as caught:
        passphrase.given(shut, named(tmp_path / "words", text, mode))
    assert WORDS not in str(caught.value) and caught.value.next_step


def test_without_file_and_person_there_is_a_remedy(shut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(Trouble) as caught:
        passphrase.given(shut, {})
    assert "FLEET_PASSPHRASE_FILE" in caught.value.next_step
    with pytest.raises(Trouble) as caught:
        passphrase.new({})
    assert "FLEET_PASSPHRASE_FILE" in caught.value.next_step


def test_a_new_one_is_typed_twice_and_is_not_short(tmp_path: Path) -> None:
    assert passphrase.new({}, lambda prompt: WORDS) == WORDS
    assert passphrase.new(named(tmp_path / "words")) == WORDS
    typed = iter([WORDS, "something else"])
    with pytest.raises(Trouble, match="second time"):
        passphrase.new({}, lambda prompt: next(typed))
    for environment in ({}, named(tmp_path / "short", "eleven chars"[:11])):
        with pytest.raises(Trouble, match="too short"):
            passphrase.new(environment, lambda prompt: "short")
