"""The folder of a node's identity: who may read it, what leads to what, and how a certificate takes another's place."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from random import Random

import pytest

from edge.identity import (
    CLIENT,
    KEY,
    NEXT,
    NEXT_TRUST,
    OWN,
    TRUST,
    Busy,
    Held,
    Identity,
    Papers,
    beside,
    folder,
    private,
)
from edge.journal.disk import FolderDisk
from edge.office import Card, Credentials, OfficeError, read_card, wipe_token
from edge.registrar import Beside
from edge.validity import of_pem
from edge.wire.version import BUILT_MS
from simulators.disk import MemoryDisk, PowerCut
from tests.edge.signing import DAY_MS, NOW_MS, Office, new_key

OFFICE, SECOND = Office(), Office()
KEYS = new_key()
FIRST = OFFICE.leaf("pole-1", KEYS)
RENEWED = OFFICE.leaf("pole-1", KEYS, NOW_MS, NOW_MS + 500 * DAY_MS)
CARD = {"node": "pole-1", "url": "mqtts://x", "enrol": "https://y", "token": "the-token", "trust": OFFICE.trust}


def put(folder: Path, **changed: object) -> Path:
    path = folder / "credentials.json"
    path.write_text(json.dumps(CARD | changed))
    path.chmod(0o600)
    return path


def holding(certificate: str = "", trust: str = "") -> Identity:
    identity = Identity(MemoryDisk(), OFFICE.trust)
    if certificate:
        identity.write(OWN, certificate)
        identity.write(TRUST, trust or OFFICE.trust)
    return identity


def test_what_there_is() -> None:
    identity = holding()
    assert identity.held() == Held() and identity.papers("own") is None and identity.papers("next") is None
    assert identity.key() == "" and identity.trust() == OFFICE.trust
    identity.keep(FIRST, SECOND.trust)
    assert identity.held() == Held(None, of_pem(FIRST))
    assert identity.papers("next") == Papers(FIRST, SECOND.trust)
    assert identity.trust() == OFFICE.trust, "until somebody has proven the others"
    empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for garbage in (b"", b"\xff\xfe", b"x" * 100_000, empty):
        identity.disk.write_small(NEXT, garbage)
        assert identity.held() == Held()


def test_a_proven_certificate_takes_the_place_of_the_other_with_its_roots() -> None:
    identity = holding(FIRST)
    identity.keep(RENEWED, SECOND.trust)
    proven = identity.papers("next")
    assert proven is not None
    identity.promote(proven)
    assert identity.held() == Held(of_pem(RENEWED)) and identity.trust() == SECOND.trust
    assert identity.disk.names() == [OWN, TRUST]
    identity.promote(proven)
    assert identity.disk.names() == [OWN, TRUST]


def test_what_came_meanwhile_is_not_thrown_away() -> None:
    identity = holding()
    identity.keep(FIRST, OFFICE.trust)
    proven = identity.papers("next")
    identity.keep(RENEWED, SECOND.trust)
    assert proven is not None
    identity.promote(proven)
    assert identity.papers("own") == Papers(FIRST, OFFICE.trust)
    assert identity.papers("next") == Papers(RENEWED, SECOND.trust)


@pytest.mark.parametrize("mode", ["lost", "kept", "torn", "mixed"])
def test_the_power_may_go_at_any_step_of_a_promotion(mode: str) -> None:
    for steps in range(60):
        disk = MemoryDisk()
        identity = Identity(disk, OFFICE.trust)
        identity.write(OWN, FIRST)
        identity.write(TRUST, OFFICE.trust)
        identity.keep(RENEWED, OFFICE.trust + SECOND.trust)
        proven = identity.papers("next")
        assert proven is not None
        disk.cut_after(steps)
        try:
            identity.promote(proven)
        except PowerCut:
            disk.crash(mode, Random(steps))
        else:
            assert steps > 15 and identity.held() == Held(of_pem(RENEWED))
            return
        held = identity.held()
        assert held.own in (of_pem(FIRST), of_pem(RENEWED))
        assert of_pem(RENEWED) in (held.own, held.next), "what was proven is still there"
        for which in ("own", "next"):
            papers = identity.papers("own" if which == "own" else "next")
            assert papers is None or OFFICE.trust in papers.trust
        again = identity.papers("next") or identity.papers("own")
        assert again is not None
        identity.promote(again)
        assert identity.held() == Held(of_pem(RENEWED)) and identity.trust() == OFFICE.trust + SECOND.trust
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    "damage", ["garbage", "\0" * 900, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_roots_that_cannot_be_read_are_those_of_the_card(damage: str) -> None:
    """A node whose flash lost a block comes back by itself."""
    identity = holding(FIRST, damage)
    identity.keep(RENEWED, damage)
    assert identity.trust() == OFFICE.trust
    assert identity.papers("own") == Papers(FIRST, OFFICE.trust)
    assert identity.papers("next") == Papers(RENEWED, OFFICE.trust)


@pytest.mark.parametrize("damage", ["pole-1-", "pole-1-\0", "pole-1-a\nb", "pole-1-a#", "pole-1-\ufffd", "pole-2-a"])
def test_a_client_id_that_no_broker_takes_is_drawn_anew(damage: str) -> None:
    identity = holding()
    identity.write(CLIENT, damage)
    assert identity.client_id("pole-1", lambda: "fresh") == "pole-1-fresh" == identity.read(CLIENT)


def test_the_client_id_is_drawn_once_and_a_secret() -> None:
    identity = holding()
    draws = iter(["a" * 32, "b" * 32, "c" * 32, "d" * 32])
    assert [identity.client_id("pole-1", lambda: next(draws)) for _ in range(3)] == ["pole-1-" + "a" * 32] * 3
    identity.write(CLIENT, "another")
    assert identity.client_id("pole-1", lambda: next(draws)) == "pole-1-" + "b" * 32
    assert isinstance(identity.disk, MemoryDisk)
    identity.disk.remove(CLIENT)
    identity.disk.fail("write_small", errno.EROFS, times=2)
    assert identity.client_id("pole-1", lambda: next(draws)) == "pole-1-" + "c" * 32


def test_a_disk_that_fails_is_heard_of() -> None:
    identity = holding(FIRST)
    assert isinstance(identity.disk, MemoryDisk)
    identity.disk.fail("read_small", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        identity.held()
    identity.keep(RENEWED, OFFICE.trust)
    proven = identity.papers("next")
    identity.disk.fail("remove", errno.EROFS)
    assert proven is not None
    with pytest.raises(OSError, match="Read-only"):
        identity.promote(proven)
    identity.promote(proven)
    assert identity.disk.names() == [OWN, TRUST]


# On a real disk.


def test_the_folder_and_all_in_it_are_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        disk = folder(put(tmp_path), alone=True)
        (tmp_path / "identity" / f"{KEY}.new").write_bytes(b"half")  # an earlier life left it, for all to see
        (tmp_path / "identity" / f"{KEY}.new").chmod(0o666)
        for name in (KEY, OWN, NEXT, NEXT_TRUST, TRUST, CLIENT):
            Identity(disk).write(name, "x")
    finally:
        os.umask(before)
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o700
    assert {(tmp_path / "identity" / name).stat().st_mode & 0o777 for name in disk.names()} == {0o600}
    assert len(disk.names()) == 6 and disk.names() == folder(tmp_path / "credentials.json").names()
    disk.close()


def test_other_disks_are_as_they_were(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        disk = FolderDisk(tmp_path / "journal")
        disk.write_small("x", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "journal" / "x").stat().st_mode & 0o777 == 0o644
    disk.close()


def test_one_process_at_a_time_makes_keys_and_the_agent_is_not_kept_out(tmp_path: Path) -> None:
    card = put(tmp_path)
    held = folder(card, alone=True)
    with pytest.raises(Busy):
        folder(card, alone=True)
    Identity(folder(card)).write(OWN, FIRST)
    assert Identity(held).read(OWN) == FIRST
    held.close()
    folder(card, alone=True).close()


def test_a_folder_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "identity").write_text("")
    with pytest.raises(OfficeError, match="cannot be used"):
        folder(tmp_path / "credentials.json")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    card = put(tmp_path)
    private(card)
    Identity(folder(card)).write(KEY, "x")
    private(card)
    (beside(card) / KEY).chmod(mode)
    with pytest.raises(OfficeError, match="by others") as refused:
        Beside(card, "pole-1").identity()
    assert refused.value.remedy == f"Run: chmod 600 {beside(card) / KEY}"


# The card.


def test_a_card_is_told_from_a_password(tmp_path: Path) -> None:
    card = read_card(put(tmp_path), "pole-1")
    assert card == Card("pole-1", "mqtts://x", "https://y", "the-token", OFFICE.trust)
    assert "the-token" not in repr(card)
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"node": "pole-1", "url": "u", "user": "u", "password": "p", "client_id": "c"}))
    assert isinstance(read_card(path, "pole-1"), Credentials)
    for text in ("", "[]", "[" * 100_000, '{"enrol": 5}', '{"enrol": "x"}'):
        path.write_text(text)
        with pytest.raises(OfficeError, match="no credentials"):
            read_card(path, "pole-1")
    put(tmp_path).chmod(0o640)
    with pytest.raises(OfficeError, match="by others"):
        read_card(path, "pole-1")
    with pytest.raises(OfficeError, match="those of node pole-1"):
        read_card(put(tmp_path), "pole-2")


WRITTEN = [(BUILT_MS, BUILT_MS), (NOW_MS, NOW_MS), (BUILT_MS - 1, None), (2**80, None), (-1, None), (True, None),
           (1.8e12, None), ("1800000000000", None), ([], None), ({}, None), (None, None)]  # fmt: skip


@pytest.mark.parametrize(("told", "meant"), WRITTEN)
def test_a_card_says_when_it_was_written_or_does_not(tmp_path: Path, told: object, meant: int | None) -> None:
    card = read_card(put(tmp_path, written_ms=told), "pole-1")
    assert isinstance(card, Card) and (card.written_ms, card.vouched_ms) == (meant, meant)
    assert (card.token, card.trust) == ("the-token", OFFICE.trust)
    assert Beside(tmp_path / "credentials.json", "pole-1").identity().vouched_ms == meant
    wipe_token(tmp_path / "credentials.json", "pole-1")
    assert Beside(tmp_path / "credentials.json", "pole-1").identity().vouched_ms is None, "the word goes with the token"


def test_the_token_is_wiped_and_nothing_else(tmp_path: Path) -> None:
    path = put(tmp_path, note="kept")
    assert wipe_token(path, "pole-1") and not wipe_token(path, "pole-1")
    assert json.loads(path.read_text()) == CARD | {"token": "", "note": "kept"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"the-token" not in b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    path.unlink()
    with pytest.raises(OfficeError):
        wipe_token(path, "pole-1")


def test_beside_is_what_lies_there_now(tmp_path: Path) -> None:
    place = Beside(put(tmp_path), "pole-1")
    assert place.identity().trust() == OFFICE.trust
    place.identity().write(TRUST, SECOND.trust)
    assert place.identity().trust() == OFFICE.trust, "a card with a token is the newest word"
    assert place.wipe()
    assert place.identity().trust() == SECOND.trust
    put(tmp_path, trust="fresh roots")
    assert place.identity().trust() == "fresh roots"
