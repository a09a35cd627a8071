"""A card that gets a fresh token: whoever else does the same at that moment, what lies on it is good."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet import cardfile
from fleet.registry import Node, Registry
from fleet.tokens import hashed, new_token
from fleet.trouble import Trouble
from tests.fleet.cli.typed import fleet

NOW_MS = 1_800_000_000_000


def test_of_many_at_once_the_token_on_the_card_is_one_that_counts(tmp_path: Path) -> None:
    registry, card = Registry(tmp_path / "registry.db"), tmp_path / "credentials.json"
    registry.add(Node("pole-1", "Plein"), new_token("pole-1", NOW_MS)[1])
    for _ in range(5):
        card.write_text(json.dumps({"node": "pole-1", "enrol": "https://office", "token": "old"}))
        barrier = threading.Barrier(4)

        def refresh(barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            cardfile.refresh(Registry(registry.path), "pole-1", card, NOW_MS)

        threads = [threading.Thread(target=refresh) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with registry.turn(writing=False) as ledger:
            known = ledger.token(hashed(json.loads(card.read_text())["token"]))
        assert known is not None and not known.used_ms


def fat(
    monkeypatch: pytest.MonkeyPatch, folder: Path, refused: int = errno.EPERM, unsynced: int = errno.EINVAL
) -> None:
    """The calls that a card of FAT, or a folder of another machine, refuses to who does not own its mount."""

    def refusing(name: str, number: int, real: Callable[..., Any], whole: bool) -> None:
        def call(handle: int, *words: Any) -> None:
            there = Path(os.readlink(f"/proc/self/fd/{handle}"))
            if folder == there or (folder in there.parents and not whole):
                raise OSError(number, os.strerror(number))
            real(handle, *words)

        monkeypatch.setattr(f"fleet.files.os.{name}", call)

    refusing("fchmod", refused, os.fchmod, False)
    refusing("fchown", refused, os.fchown, False)
    refusing("fsync", unsynced, os.fsync, True)


class Written:
    """A node whose card was written before."""

    def __init__(self, folder: Path) -> None:
        self.registry, self.card = Registry(folder / "registry.db"), folder / "card" / "credentials.json"
        secret, token = new_token("pole-1", NOW_MS)
        self.registry.add(Node("pole-1", "Plein"), token)
        self.card.parent.mkdir()
        self.card.write_text(json.dumps({"node": "pole-1", "enrol": "https://office", "token": secret}))
        self.card.chmod(0o600)

    def good(self) -> bool:
        """Whether the token on the card is one that the office takes."""
        with self.registry.turn(writing=False) as ledger:
            return ledger.token(hashed(json.loads(self.card.read_text())["token"])) is not None


@pytest.mark.parametrize("refused", [errno.EPERM, errno.EACCES, errno.ENOTSUP])
def test_a_card_whose_modes_and_owners_are_its_mounts_takes_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    written = Written(tmp_path)
    before = written.card.read_text()
    fat(monkeypatch, written.card.parent, refused)
    cardfile.refresh(written.registry, "pole-1", written.card, NOW_MS)
    assert written.card.read_text() != before and written.good()
    assert [path.name for path in written.card.parent.iterdir()] == ["credentials.json"]


@pytest.mark.parametrize("case", ["mode", "owner", "disk"])
def test_what_would_open_a_card_to_others_is_refused_and_the_card_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    written = Written(tmp_path)
    before = written.card.read_text()
    if case == "mode":
        written.card.chmod(0o640)
    if case == "owner" and os.geteuid() == 0:
        os.chown(written.card, 1234, 1234)
    elif case == "owner":
        pytest.skip("NOT TESTED: needs root")
    fat(monkeypatch, written.card.parent, *([errno.EIO] if case == "disk" else []))
    with pytest.raises(Trouble, match="cannot be written"):
        cardfile.refresh(written.registry, "pole-1", written.card, NOW_MS)
    assert written.card.read_text() == before and written.good()


def test_a_new_card_may_be_written_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fleet(tmp_path / "home", "init").returncode == 0
    card = tmp_path / "card"
    card.mkdir()
    fat(monkeypatch, card)
    done = fleet(tmp_path / "home", "node", "add", "pole-1", "--credentials", card / "credentials.json")
    assert done.returncode == 0, done.stderr
