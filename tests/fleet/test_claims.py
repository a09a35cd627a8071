"""What becomes of a claim: every combination of what a registry can know, held against the rules one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from edge.wire.enrolment import Why
from fleet.claims import (
    AGAIN_MS,
    DAY_MS,
    DRAWER_MS,
    GRANT_MS,
    Again,
    Deny,
    Issue,
    Kind,
    Standing,
    Verdict,
    decide,
    due_ms,
    late,
)
from fleet.papers import Certificate, Key, Token
from fleet.tokens import LIFE_MS

NOW = 10_000 * DAY_MS
YEAR = 365 * DAY_MS
NODE, OTHER = "pole-1", "pole-2"
MINE, THEIRS = "a" * 32, "b" * 32
BOARD = "0000cafe"

SIGNERS = {
    "unknown": None,
    "own": Key(MINE, NODE, 1),
    "own, revoked": Key(MINE, NODE, 1, revoked_ms=5),
    "another's": Key(MINE, OTHER, 1),
    "another's, revoked": Key(MINE, OTHER, 1, revoked_ms=5),
}
FRESH = Token("h", NODE, NOW - DAY_MS, NOW - DAY_MS + LIFE_MS)
TOKENS = {
    "none": None,
    "fresh": FRESH,
    "fresh, for this board": replace(FRESH, hardware=BOARD),
    "for another board": replace(FRESH, hardware="0000beef"),
    "too old": replace(FRESH, expires_ms=NOW),
    "used by this key": replace(FRESH, used_ms=NOW - 5, key=MINE),
    "used by another key": replace(FRESH, used_ms=NOW - 5, key=THEIRS),
    "used by another key, too old": replace(FRESH, used_ms=NOW - 5, key=THEIRS, expires_ms=NOW),
    "another node's": replace(FRESH, node=OTHER),
}
ENDS = {"new": NOW + YEAR, "yesterday's": NOW + YEAR - DAY_MS, "due": NOW + YEAR // 4, "ended": NOW,
        "at the drawer's end": NOW - DRAWER_MS, "too late": NOW - DRAWER_MS - 1}  # fmt: skip
GRANTS = {"none": 0, "now": NOW, "old": NOW - GRANT_MS, "young": NOW - GRANT_MS + 1, "to come": NOW + 1}


@dataclass(frozen=True)
class Case:
    state: str | None
    signer: str
    living: str
    token: str
    newest: str
    grant: str

    @property
    def standing(self) -> Standing:
        signer = SIGNERS[self.signer]
        signer = replace(signer, granted_ms=GRANTS[self.grant]) if signer else None
        living = {"none": None, "this": signer, "another": Key(THEIRS, NODE, 1)}[self.living]
        return Standing(self.state, signer, living, TOKENS[self.token], certificate(self.newest))


def certificate(age: str) -> Certificate | None:
    if age == "none":
        return None
    issued_ms = ENDS[age] - YEAR
    return Certificate(7, NODE, MINE, issued_ms, issued_ms - 3_600_000, ENDS[age], "PEM")


def cases() -> list[Case]:
    """All combinations that a registry can hold: one living key a node, certificates only with a key of its own."""
    every = itertools.product([None, "added", "revoked", "retired"], SIGNERS, ["none", "this", "another"], TOKENS,
                              ["none", *ENDS], GRANTS)  # fmt: skip
    found = [Case(*each) for each in every]
    return [case for case in found if possible(case)]


def possible(case: Case) -> bool:
    mine = case.signer == "own"
    if (case.living == "this") != mine:
        return False
    if case.newest != "none" and not case.signer.startswith("own"):
        return False
    if case.signer == "unknown" and case.token == "used by this key":
        return False
    return mine or case.grant == "none"


CASES = cases()


def proven(case: Case) -> bool:
    return case.token not in ("none", "another node's") or case.signer.startswith("own")


def fresh(case: Case) -> bool:
    return case.token in ("fresh", "fresh, for this board")


def test_every_combination_keeps_every_rule() -> None:
    assert len(CASES) > 1500
    for case in CASES:
        verdict = decide(NODE, MINE, BOARD, case.standing, NOW)
        broken = [name for name, rule in RULES.items() if not rule(case, verdict)]
        assert broken == [], (case, verdict)


def implies(one: bool, other: bool) -> bool:
    return other or not one


def why(verdict: object) -> Why | None:
    return verdict.why if isinstance(verdict, Deny) else None


def issue(verdict: object) -> Issue:
    return verdict if isinstance(verdict, Issue) else Issue()


RULES: dict[str, Callable[[Case, Verdict], bool]] = {
    "nobody without a proof learns anything, and nobody with one is told that there is none":
        lambda case, verdict: (why(verdict) is Why.UNKNOWN)
        == (not proven(case) or case.state is None or case.token == "another node's"),
    "a node that is not in service gets nothing":
        lambda case, verdict: implies(case.state != "added", isinstance(verdict, Deny)),
    "a revoked key gets nothing, and that is said to its holder":
        lambda case, verdict: implies("revoked" in case.signer, isinstance(verdict, Deny))
        and implies(case.signer == "own, revoked" and case.state == "added" and case.token != "another node's",
                    why(verdict) is Why.REVOKED),
    "a key is known only by a token that is fresh, fits the board, and finds no other key":
        lambda case, verdict: issue(verdict).register
        == (case.state == "added" and case.signer == "unknown" and case.living == "none" and fresh(case)),
    "one key a node: another is refused and alarmed":
        lambda case, verdict: implies(case.state == "added" and case.signer == "unknown" and proven(case)
                                      and (case.living == "another" or case.token.startswith("used")),
                                      isinstance(verdict, Deny) and (verdict.why, verdict.kind)
                                      == (Why.TAKEN, Kind.CLONE)),
    "one node a key": lambda case, verdict: implies(case.signer.startswith("another"), isinstance(verdict, Deny)),
    "who has the node's key and is not late is never refused":
        lambda case, verdict: implies(case.signer == "own" and case.state == "added" and case.newest != "too late"
                                      and case.token != "another node's", not isinstance(verdict, Deny)),
    "who is late needs a grant that is not old, or a fresh token":
        lambda case, verdict: implies(case.signer == "own" and case.state == "added" and case.newest == "too late"
                                      and case.token != "another node's",
                                      (why(verdict) is Why.LATE) == (case.grant not in ("now", "young")
                                                                     and not fresh(case))),
    "a grant is used up by who is late only":
        lambda case, verdict: implies(issue(verdict).use_grant, case.newest == "too late"),
    "what is given again is the node's newest certificate, and has not ended":
        lambda case, verdict: implies(isinstance(verdict, Again),
                                      case.newest not in ("none", "ended", "at the drawer's end", "too late")),
    "the answer of today stays the same": lambda case, verdict: implies(
        case.newest == "new" and not isinstance(verdict, Deny), isinstance(verdict, Again)),
    "to the same token it stays the same until it is due":
        lambda case, verdict: implies(case.newest == "yesterday's" and not isinstance(verdict, Deny),
                                      isinstance(verdict, Again) == (case.token != "none")),
    "what is due is renewed": lambda case, verdict: implies(case.newest == "due", not isinstance(verdict, Again)),
    "a fresh token is used up whenever it is shown by who may have a certificate":
        lambda case, verdict: isinstance(verdict, Deny) or verdict.use_token == fresh(case),
    "what is noted of nobody names nobody":
        lambda case, verdict: implies(isinstance(verdict, Deny) and case.state is None
                                      and case.token != "another node's",
                                      isinstance(verdict, Deny) and verdict.node == ""),
}  # fmt: skip


def told(token: str = "none", signer: str = "unknown", living: str = "none", board: str = BOARD) -> object:
    verdict = decide(NODE, MINE, board, Case("added", signer, living, token, "none", "none").standing, NOW)
    return (verdict.why, verdict.kind, verdict.node) if isinstance(verdict, Deny) else verdict


def test_each_refusal_has_its_word_and_its_incident() -> None:
    assert told("fresh") == Issue(register=True, use_token=True)
    assert told("fresh", board="") == Issue(register=True, use_token=True)
    assert told("fresh, for this board", board="") == (Why.HARDWARE, Kind.HARDWARE, NODE)
    assert told("for another board") == (Why.HARDWARE, Kind.HARDWARE, NODE)
    assert told("too old") == (Why.EXPIRED, Kind.EXPIRED, NODE)
    assert told("used by another key, too old") == (Why.TAKEN, Kind.CLONE, NODE)
    assert told("another node's") == (Why.UNKNOWN, Kind.MISUSED, OTHER)
    assert told() == (Why.UNKNOWN, Kind.DENIED, NODE)
    assert told("fresh", "another's") == (Why.TAKEN, Kind.CLONE, NODE)
    assert told("none", "another's") == (Why.UNKNOWN, Kind.DENIED, NODE)


def test_what_another_authority_signed_is_not_given_again() -> None:
    key = Key(MINE, NODE, 1)
    standing = Standing("added", key, key, TOKENS["used by this key"], certificate("new"), current=False)
    assert decide(NODE, MINE, "", standing, NOW) == Issue()


@pytest.mark.parametrize("days, same", [(0, True), (0.99, True), (1, False), (-0.01, False)])
def test_the_answer_is_the_same_for_a_day(days: float, same: bool) -> None:
    found = certificate("new")
    assert found is not None
    key = Key(MINE, NODE, 1)
    verdict = decide(NODE, MINE, "", Standing("added", key, key, None, found), NOW + int(days * AGAIN_MS))
    assert isinstance(verdict, Again) == same


def test_due_and_late_to_the_millisecond() -> None:
    paper = Certificate(7, NODE, MINE, 100, 0, 900, "PEM")
    assert due_ms(paper) == 600
    assert not late(paper, 900 + DRAWER_MS) and late(paper, 901 + DRAWER_MS)
