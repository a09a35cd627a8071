"""`edge enrol` at its work: whatever breaks wherever, it ends with the one key that the office knows."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.enrolling import Enrolling, Line, Timing
from edge.events import Claimed
from edge.floor import Floor
from edge.identity import CLIENT, KEY, NEXT, NEXT_TRUST, OWN, TRUST, Identity
from edge.office import Card
from edge.validity import Moment
from edge.wire.clocks import ClockQuality
from edge.wire.enrolment import Claim, Granted, Refused, Why
from edge.wire.messages import to_json
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk, PowerCut
from tests.edge.clerk import DRAWER_MS, YEAR_MS, Clerk, key_of, public
from tests.edge.signing import DAY_MS, NOW_MS, Office, key_pem, new_key

NODE = "pole-1"
MODES = ("lost", "kept", "torn", "mixed")


def clock(quality: ClockQuality = ClockQuality.SYNCED, wall_ms: int = NOW_MS) -> VirtualClock:
    return VirtualClock(50_000_000, wall_ms - 50_000, believed=quality)


class Bench:
    """A node's folder and card, and the desk."""

    def __init__(self, clerk: Clerk | None = None, disk: MemoryDisk | None = None) -> None:
        self.clerk = clerk or Clerk(NOW_MS)
        self.disk = disk or MemoryDisk()
        self.clock = clock()
        self.floor = Floor(BUILT_MS, 0, False)
        self.token = self.clerk.token
        self.written_ms: int | None = None
        self.moments: list[Moment] = []
        self.trusted: list[str] = []
        self.timing = Timing(self.clock, self.floor)

    def line(self, trust: str, now: Callable[[], Moment]) -> Line:
        self.trusted.append(trust)
        bench = self

        class Watched:
            def time_ms(self) -> int | None:
                bench.moments.append(now())
                return bench.clerk.time_ms()

            def claim(self, claim: Claim) -> Granted | Refused:
                bench.moments.append(now())
                return bench.clerk.claim(claim)

        return Watched()

    def enrol(self, again: bool = False, hardware: str = "") -> Claimed:
        trust = self.clerk.office.trust
        card = Card(NODE, "mqtts://office", "https://office:8443", self.token, trust, self.written_ms)
        identity = Identity(self.disk, card.trust, bool(card.token))
        self.timing = Timing(self.clock, self.floor)
        draw = iter(f"secret{number}" for number in range(9))
        return Enrolling(card, identity, self.timing, self.line, hardware, lambda: next(draw)).run(again)

    def key(self) -> bytes:
        found = load_pem_private_key(self.disk.content(KEY), None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        return public(found.public_key())

    def whole(self) -> None:
        """There is a certificate for the key that lies here and that the office knows, and no other key ever was."""
        assert self.clerk.keys == {self.key()} == {self.clerk.key}
        assert key_of(self.disk.content(NEXT).decode()) == self.clerk.key
        assert self.disk.content(NEXT_TRUST).decode() == self.clerk.office.trust
        assert self.disk.content(CLIENT).decode().startswith(f"{NODE}-")


def test_a_node_gets_a_certificate_once_and_then_has_nothing_to_do() -> None:
    bench = Bench()
    first = bench.enrol(hardware="10000000abcdef01")
    assert (first.outcome, first.unix_ms) == ("granted", None)
    assert "2028-01-15" in first.what
    bench.whole()
    assert [(claim.node, claim.token, claim.hardware) for claim in bench.clerk.claims] == [
        (NODE, "the-token", "10000000abcdef01")]  # fmt: skip
    assert bench.clerk.times == 0, "its clock is synced"
    assert bench.enrol().outcome == "nothing" and len(bench.clerk.claims) == 1
    assert bench.enrol(again=True).outcome == "granted"
    bench.whole()


def steps_of(work: Callable[[MemoryDisk], object]) -> int:
    disk = MemoryDisk()
    for steps in range(10_000):
        disk = MemoryDisk()
        disk.cut_after(steps)
        try:
            work(disk)
        except PowerCut:
            continue
        return steps
    raise AssertionError("it never ends")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_the_power_may_go_at_any_step_of_the_disk(mode: str, seed: int) -> None:
    count = steps_of(lambda disk: Bench(disk=disk).enrol())
    assert count > 15
    for steps in range(count):
        bench = Bench()
        bench.disk.cut_after(steps)
        with pytest.raises(PowerCut):
            bench.enrol()
        bench.disk.crash(mode, Random(seed * 1000 + steps))
        assert bench.enrol().outcome in ("granted", "nothing")
        bench.whole()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_power_may_go_while_the_office_answers(mode: str, when: str) -> None:
    bench = Bench()

    def gone() -> None:
        raise PowerCut

    setattr(bench.clerk, when, gone)
    for seed in range(5):
        with pytest.raises(PowerCut):
            bench.enrol()
        bench.disk.crash(mode, Random(seed))
    setattr(bench.clerk, when, lambda: None)
    assert bench.enrol().outcome == "granted"
    bench.whole()


def test_lost_answers_are_asked_for_again() -> None:
    bench = Bench()
    bench.clerk.deaf = True
    for _ in range(5):
        lost = bench.enrol()
        assert (lost.outcome, lost.why) == ("unreachable", "network")
    bench.clerk.deaf = False
    assert bench.enrol().outcome == "granted"
    bench.whole()
    assert len({certificate for _, certificate in bench.clerk.issued}) == 1


CALLS = [("write_small", errno.ENOSPC), ("write_small", errno.EIO), ("write_small", errno.EROFS),
         ("read_small", errno.EIO), ("set_aside", errno.EROFS)]  # fmt: skip


@pytest.mark.parametrize(("operation", "number"), CALLS)
def test_each_call_of_the_disk_may_fail_once(operation: str, number: int) -> None:
    for after in range(12):
        bench = Bench()
        bench.disk.fail(operation, number, after)
        try:
            bench.enrol()
        except OSError as error:
            assert error.errno == number
        bench.disk.heal()
        assert bench.enrol().outcome in ("granted", "nothing")
        bench.whole()


def test_a_renewal_leaves_what_is_in_use_alone_whatever_breaks() -> None:
    for steps in range(40):
        bench = Bench()
        bench.enrol()
        identity = Identity(bench.disk)
        papers = identity.papers("next")
        assert papers is not None
        identity.promote(papers)
        bench.token, bench.clerk.now_ms = "", NOW_MS + 250 * DAY_MS
        bench.disk.cut_after(steps)
        try:
            bench.enrol(again=True)
        except PowerCut:
            bench.disk.crash("mixed", Random(steps))
        assert Identity(bench.disk).papers("own") == papers
        bench.disk.cut_after(10_000)
        assert bench.enrol(again=True).outcome == "granted"
        bench.whole()
        assert bench.disk.content(NEXT) != bench.disk.content(OWN)


HALF_A_KEY = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("damage", [b"", b"nonsense", HALF_A_KEY])
def test_a_key_that_cannot_be_read_is_set_aside_and_never_lost(damage: bytes) -> None:
    bench = Bench()
    bench.disk.write_small(KEY, damage)
    assert bench.enrol().outcome == "granted"
    bench.whole()
    assert [bytes(inode.seen) for inode in bench.disk.aside.values()] == ([damage] if damage else [])


def test_a_key_that_was_lost_is_refused_by_the_office_and_told() -> None:
    bench = Bench()
    bench.enrol()
    bench.disk.write_small(KEY, b"gone")
    refused = bench.enrol(again=True)
    assert (refused.outcome, refused.why, refused.remedy) == ("refused", "taken", "ask your operator")
    assert len(bench.clerk.keys) == 2


@pytest.mark.parametrize("key", [None, b"gone", key_pem(new_key()).encode()])
def test_a_certificate_whose_key_is_not_here_is_not_called_good(key: bytes | None) -> None:
    bench = Bench()
    bench.enrol()
    bench.token = ""
    assert bench.enrol().outcome == "nothing"
    bench.disk.remove(KEY)
    if key is not None:
        bench.disk.write_small(KEY, key)
    bench.clerk.away = True
    away = bench.enrol()
    assert away.outcome == "unreachable" and "its key was lost" in away.what and "The desk is away." in away.what
    bench.clerk.away = False
    for _ in range(2):
        refused = bench.enrol()
        assert (refused.outcome, refused.remedy) == ("refused", "ask your operator")
        assert "its key was lost" in refused.what and refused.what.endswith("No: taken.")
    assert len(bench.clerk.keys) == 2, "one key is made in its place, not one at each attempt"
    bench.clerk.key, bench.clerk.used, bench.token = b"", False, "the-token"  # fleet node add --renew
    bench.clerk.issued.clear()
    assert bench.enrol().outcome == "granted"
    bench.token = ""
    assert bench.enrol().outcome == "nothing"


def readmitted(bench: Bench) -> bytes:
    """The operator revoked the node, lets it in again, and put a new card in; the key that it had."""
    bench.enrol()
    old, bench.clerk.key, bench.clerk.used = bench.key(), b"", False
    bench.clerk.issued.clear()
    bench.clerk._why_not = (  # type: ignore[method-assign]
        lambda claim, shown: Why.REVOKED if bench.clerk.revoked or shown == old else None
    )
    return old


def test_a_node_that_is_let_in_again_takes_another_key() -> None:
    """The old one is revoked for ever, and lies in the same folder."""
    bench = Bench()
    old = readmitted(bench)
    assert bench.enrol(again=True).outcome == "granted"
    assert bench.key() != old and key_of(bench.disk.content(NEXT).decode()) == bench.key()
    assert len(bench.disk.aside) == 1, "the old one is kept"
    assert [claim.token for claim in bench.clerk.claims[1:]] == ["the-token"] * 2


def test_a_node_that_stays_revoked_does_not_make_one_key_after_the_other() -> None:
    bench = Bench()
    readmitted(bench)
    bench.clerk.revoked = True
    assert [bench.enrol(again=True).why for _ in range(5)] == ["revoked"] * 5
    assert len(bench.disk.aside) == 1 and len(bench.clerk.keys) == 2


def test_without_a_new_card_a_revoked_node_keeps_its_key() -> None:
    bench = Bench()
    old = readmitted(bench)
    bench.token = ""
    assert bench.enrol(again=True).why == "revoked" and bench.key() == old


@pytest.mark.parametrize("why", [why for why in Why if why is not Why.BUSY])
def test_a_refusal_is_told_in_the_words_of_the_office(why: Why) -> None:
    bench = Bench()
    bench.clerk._why_not = lambda claim, shown: why  # type: ignore[method-assign]
    refused = bench.enrol()
    assert refused == Claimed("refused", why.value, f"No: {why.value}.", "ask your operator")


def test_an_office_that_is_busy_is_asked_later() -> None:
    bench = Bench()
    bench.clerk._why_not = lambda claim, shown: Why.BUSY  # type: ignore[method-assign]
    assert bench.enrol().outcome == "unreachable"


def test_a_token_that_is_worth_nothing_any_more_does_not_stand_in_the_way_of_a_renewal() -> None:
    bench = Bench()
    bench.enrol()
    bench.token = "an-old-one"
    assert bench.enrol(again=True).outcome == "granted"
    assert [claim.token for claim in bench.clerk.claims] == ["the-token", "an-old-one", ""]


def test_answers_that_are_for_another_key_are_not_kept() -> None:
    for certificate, trust in (
        (Office().leaf(NODE, new_key()), Office().trust), ("", Office().trust), ("nonsense", "nonsense"),
    ):  # fmt: skip
        bench = Bench()
        answer = Granted(certificate, trust, "", 0, 0)
        bench.clerk._granted = lambda node, key, answer=answer: answer  # type: ignore[method-assign, misc]
        assert (bench.enrol().outcome, bench.disk.names()) == ("failed", [CLIENT, KEY])


@pytest.mark.parametrize("trust", ["", "nonsense"])
def test_nobody_is_left_with_no_roots_to_trust(trust: str) -> None:
    bench = Bench()
    granted = bench.clerk._granted
    bench.clerk._granted = lambda node, key: replace(granted(node, key), trust=trust)  # type: ignore[method-assign]
    assert bench.enrol().outcome == "failed" and NEXT not in bench.disk.names()


def test_whom_to_trust(tmp_path: Path) -> None:
    """The roots that were proven; but a card with a token is newer than they are."""
    disk, proven = MemoryDisk(), Office().trust
    assert Identity(disk, "card").trust() == "card"
    disk.write_small(TRUST, proven.encode())
    assert Identity(disk, "card").trust() == proven
    assert Identity(disk, "card", fresh=True).trust() == "card"
    assert Identity(disk, "", fresh=True).trust() == proven
    disk.write_small(TRUST, proven[: len(proven) // 2].encode())
    assert Identity(disk, "card").trust() == "card", "roots that cannot be read"


def test_no_secret_is_in_what_is_told() -> None:
    bench = Bench()
    said = [to_json(bench.enrol()), to_json(bench.enrol(again=True))]
    bench.clerk.revoked = True
    said.append(to_json(bench.enrol(again=True)))
    bench.clerk.away = True
    said.append(to_json(bench.enrol(again=True)))
    lines = bench.disk.content(KEY).splitlines()
    assert len(lines) > 3
    for word in (b"the-token", *lines[1:-1]):
        assert not any(word in each for each in said)
    card = Card(NODE, "u", "e", "the-token", "t")
    assert "the-token" not in repr(card) and "the-token" not in repr(bench.clerk.claims[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["enrol", "again", "cut", "deaf", "away", "back", "day", "year", "prove", "fresh"]),
                max_size=20), st.integers(0, 2**32))  # fmt: skip
def test_whatever_happens_there_is_one_key_and_in_the_end_a_certificate(story: list[str], seed: int) -> None:
    bench, chance = Bench(), Random(seed)
    for word in story:
        try:
            match word:
                case "enrol":
                    bench.enrol()
                case "again":
                    bench.enrol(again=True)
                case "cut":
                    bench.disk.cut_after(chance.randint(0, 40))
                case "deaf" | "away":
                    setattr(bench.clerk, word, True)
                case "back":
                    bench.clerk.deaf = bench.clerk.away = False
                case "day" | "year":
                    bench.clerk.now_ms += DAY_MS if word == "day" else YEAR_MS
                case "prove":
                    if (papers := Identity(bench.disk).papers("next")) is not None:
                        Identity(bench.disk).promote(papers)
                        bench.token = ""
                case "fresh":
                    bench.token = bench.clerk.token
        except PowerCut:
            bench.disk.crash(chance.choice(MODES), chance)
    bench.disk.cut_after(1 << 30)
    bench.clerk.deaf = bench.clerk.away = False
    bench.clerk.granted_late = True
    bench.token = bench.token or ("" if bench.clerk.key else bench.clerk.token)
    assert bench.enrol(again=True).outcome == "granted"
    bench.whole()


def test_a_drawer_is_no_end_and_after_it_a_grant_is_needed() -> None:
    bench = Bench()
    bench.enrol()
    bench.token = ""
    bench.clerk.now_ms += YEAR_MS + DRAWER_MS - DAY_MS
    assert bench.enrol(again=True).outcome == "granted"
    bench.clerk.now_ms += YEAR_MS + DRAWER_MS + DAY_MS
    late = bench.enrol(again=True)
    assert (late.outcome, late.why) == ("refused", "late")
    bench.clerk.granted_late = True
    assert bench.enrol(again=True).outcome == "granted"
    bench.whole()
