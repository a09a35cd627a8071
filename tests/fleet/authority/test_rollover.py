"""The roll-over, rehearsed: real handshakes before, during and after, with a node that slept through all of it."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.authority import keys, vault
from fleet.authority.authority import Authority
from fleet.authority.certificates import LONGEST_LEAF_DAYS
from fleet.authority.rollover import TOLD_DAYS, ready_ms, roll
from fleet.trouble import Exit, Trouble
from tests.fleet.authority.judges import DAY_MS, NOW_MS, Pole, Server, handshake, verified

WORDS = "five words that belong apart"
THEN_MS = NOW_MS + TOLD_DAYS * DAY_MS  # the day of the roll-over
REVOKED = Pole("pole-r", "")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority", None, NOW_MS)


def broker(authority: Authority, now_ms: int, *revoked: Pole) -> Server:
    """As the office would run it on that day."""
    key, issued = authority.server_certificate(["127.0.0.1"], now_ms)
    serials = [(pole.issued.serial, now_ms) for pole in revoked if pole.issued]
    return Server(key, issued.chain, authority.trust_of_servers(now_ms), authority.crl(serials, now_ms))


def desk(authority: Authority, now_ms: int) -> Server:
    """It asks nobody for a certificate."""
    key, issued = authority.server_certificate(["127.0.0.1"], now_ms)
    return Server(key, issued.chain)


def pole(authority: Authority, name: str, now_ms: int) -> Pole:
    """A node with its card written on that day, enrolled at once."""
    found = Pole(name, authority.trust())
    found.claim(authority, now_ms)
    return found


def good(folder: Path, authority: Authority, each: Pole, now_ms: int) -> bool:
    """Whether the broker's OpenSSL would take its certificate on that day: what handshakes here do not look at."""
    assert each.issued
    trust, crl = authority.trust_of_servers(now_ms), authority.crl([], now_ms)
    return verified(folder, each.issued, trust, now_ms, crl=crl) == ""


def test_a_whole_roll_over(authority: Authority, tmp_path: Path) -> None:
    sleeper = pole(authority, "pole-s", NOW_MS)
    awake = pole(authority, "pole-a", NOW_MS)
    awake.claim(authority, THEN_MS - 100 * DAY_MS)
    thief = pole(authority, "pole-t", THEN_MS - 100 * DAY_MS)
    assert handshake(tmp_path, broker(authority, THEN_MS - DAY_MS), awake) == "pole-a"
    old_root, next_root = authority.root_pem, authority.next_root_pem

    roll(authority, THEN_MS)
    assert authority.root_pem == next_root and authority.next_root_pem not in ("", next_root)
    now = broker(authority, THEN_MS, thief)

    # Who was awake goes on with its old certificate, under the new broker; who was revoked stays out.
    assert handshake(tmp_path, now, awake) == "pole-a" and good(tmp_path, authority, awake, THEN_MS)
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(tmp_path, now, thief)

    # The sleeper's certificate has ended, but it believes the desk and gets a new one with its old key.
    assert not good(tmp_path, authority, sleeper, THEN_MS)
    assert old_root in sleeper.trust and handshake(tmp_path, desk(authority, THEN_MS), sleeper) == ""
    sleeper.claim(authority, THEN_MS)
    assert handshake(tmp_path, now, sleeper) == "pole-s" and good(tmp_path, authority, sleeper, THEN_MS)
    assert old_root not in sleeper.trust and authority.next_root_pem in sleeper.trust

    # So does the one that was awake, when its time comes, and a new one whose card knows only the new roots.
    awake.claim(authority, THEN_MS + 143 * DAY_MS)
    for each in (awake, pole(authority, "pole-n", THEN_MS)):
        assert handshake(tmp_path, now, each) == each.name

    # When the last old certificate has ended the previous authority is forgotten, and all go on.
    end_ms = THEN_MS + LONGEST_LEAF_DAYS * DAY_MS
    assert not authority.previous_ended(end_ms - 1) and authority.previous_ended(end_ms)
    assert old_root in authority.trust_of_servers(end_ms - 1) and old_root not in authority.trust_of_servers(end_ms)
    authority.forget_previous()
    assert not list(authority.folder.glob("previous-*"))
    awake.claim(authority, end_ms)
    assert handshake(tmp_path, broker(authority, end_ms), awake) == "pole-a"
    with pytest.raises(ssl.SSLError, match="VERIFY_FAILED"):
        handshake(tmp_path, broker(authority, end_ms), thief)

    # And once more, with the root that was made at the first.
    roll(authority, THEN_MS + TOLD_DAYS * DAY_MS)
    assert handshake(tmp_path, broker(authority, THEN_MS + TOLD_DAYS * DAY_MS), awake) == "pole-a"


def test_a_node_that_was_never_told_the_next_root_would_be_lost(authority: Authority, tmp_path: Path) -> None:
    ignorant = pole(authority, "pole-i", NOW_MS)
    ignorant.trust = authority.root_pem
    roll(authority, THEN_MS)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, desk(authority, THEN_MS), ignorant)


def test_too_soon_is_refused_unless_somebody_insists(authority: Authority) -> None:
    before = authority.trust()
    assert ready_ms(authority) == THEN_MS
    with pytest.raises(Trouble, match="not known long enough") as caught:
        roll(authority, THEN_MS - 1)
    assert caught.value.code is Exit.REFUSED and Authority.open(authority.folder).trust() == before
    roll(authority, NOW_MS + DAY_MS, soon=True)
    assert ready_ms(authority) == NOW_MS + (1 + TOLD_DAYS) * DAY_MS


def test_after_a_theft_all_old_certificates_are_void_at_once_and_nodes_come_back(
    authority: Authority, tmp_path: Path
) -> None:
    node = pole(authority, "pole-a", NOW_MS)
    stolen = keys.load(vault.read(authority.folder, vault.ISSUING_KEY))
    roll(authority, NOW_MS + DAY_MS, soon=True, forget=True)
    now = broker(authority, NOW_MS + DAY_MS)
    with pytest.raises(ssl.SSLError, match="VERIFY_FAILED"):
        handshake(tmp_path, now, node)
    assert node.issued and not authority.vouches(node.issued.certificate, NOW_MS + DAY_MS)
    assert handshake(tmp_path, desk(authority, NOW_MS + DAY_MS), node) == ""
    node.claim(authority, NOW_MS + DAY_MS)
    assert handshake(tmp_path, now, node) == "pole-a"
    kept = [keys.load(file.read_text()) for file in authority.folder.glob("*.key")]
    assert keys.public_der(stolen.public_key()) not in [keys.public_der(key.public_key()) for key in kept]


def test_the_next_roots_key_is_brought_back_from_the_safe(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "authority", WORDS, NOW_MS)
    safe = {name: (authority.folder / name).rename(tmp_path / name) for name in (vault.ROOT_KEY, vault.NEXT_ROOT_KEY)}
    before = authority.trust()
    with pytest.raises(Trouble, match=vault.NEXT_ROOT_KEY):
        roll(authority, THEN_MS)
    assert Authority.open(authority.folder, WORDS).trust() == before
    shutil.copy(safe[vault.NEXT_ROOT_KEY], authority.folder / vault.NEXT_ROOT_KEY)
    roll(authority, THEN_MS)
    assert [keys.encrypted(file.read_text()) for file in authority.folder.glob("*.key")] == [True] * 4


def test_the_old_and_the_new_authority_vouch_for_their_own(authority: Authority) -> None:
    node = pole(authority, "pole-a", NOW_MS)
    roll(authority, THEN_MS)
    assert node.issued
    assert authority.vouches(node.issued.certificate, THEN_MS)
    assert not authority.vouches(node.issued.certificate, THEN_MS + LONGEST_LEAF_DAYS * DAY_MS)


def test_wherever_the_power_fails_it_is_the_old_authority_or_the_new_one(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, following = authority.root_pem, authority.next_root_pem
    seen = []
    for crash_at in range(40):
        copy = tmp_path / f"copy-{crash_at}"
        shutil.copytree(authority.folder, copy)
        done = _roll_until(crash_at, Authority.open(copy), monkeypatch)
        found = Authority.open(copy)
        seen.append(found.root_pem)
        assert found.root_pem in (old, following)
        assert (found.root_pem == following) == (copy / vault.PREVIOUS_ROOT).exists()
        assert not (copy / vault.CHANGE).exists()
        leaf = found.node_certificate("pole-a", keys.new_key().public_key(), THEN_MS)
        assert verified(tmp_path, leaf, found.root_pem, THEN_MS) == ""
        if done:
            break
    else:
        pytest.fail("it never came to an end")
    assert seen[0] == old and seen[-1] == following and seen == sorted(seen, key=[old, following].index)
    assert len(seen) > 10


def _roll_until(crash_at: int, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Rolls over; the power fails at that change of the folder. Whether it was done before."""
    left = iter(range(crash_at))
    real: dict[str, Callable[..., None]] = {"rename": os.rename, "unlink": os.unlink}

    class PowerCut(BaseException):
        pass

    def failing(name: str) -> Callable[..., None]:
        def act(*words: object, **more: object) -> None:
            if next(left, None) is None:
                raise PowerCut
            real[name](*words, **more)

        return act

    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(os, name, failing(name))
        try:
            roll(authority, THEN_MS)
        except PowerCut:
            return False
    return True
