"""The desk, over a real authority and a real registry: who gets a certificate, who gets it again, and who never."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from edge.wire.enrolment import Why
from fleet import claims
from fleet.authority.authority import Authority
from fleet.desk import neighbourhood
from fleet.patience import Patience
from fleet.registry import Credential
from fleet.tokens import LIFE_MS, hashed, new_token, serial_number
from fleet.trouble import Trouble
from tests.fleet.desks import DAY_MS, URL, Office, Pole, granted, leaf, why

NODE = "pole-1"


# Tokens, and what is known of them.


def test_a_token_has_256_bits_and_only_its_hash_is_kept(here: Office) -> None:
    tokens = {here.token(NODE) for _ in range(50)}
    assert len(tokens) == 50 and all(len(bytes.fromhex(token)) == 32 for token in tokens)
    text = here.registry.path.read_bytes()
    assert [token for token in tokens if token.encode() in text] == []
    assert all(hashed(token).encode() in text for token in tokens)


def test_a_token_is_good_for_one_key_of_one_node_and_for_180_days(here: Office) -> None:
    first = Pole(NODE, here.token(NODE))
    answer = granted(here.desk.claim(first.claim(), "::1"))
    assert (answer.url, answer.trust) == (URL, here.authority.trust())
    assert leaf(answer).public_key() == first.key.public_key()
    assert leaf(answer).subject.rfc4514_string() == f"CN={NODE}"
    assert why(here.desk.claim(Pole(NODE, first.token).claim(), "::1")) is Why.TAKEN
    with here.registry.turn(writing=False) as ledger:
        used = ledger.token(hashed(first.token))
    assert used is not None and (used.key, used.used_ms) == (first.key_id, here.time.now_ms)
    late = Pole("pole-2", here.token("pole-2"))
    here.time.now_ms += LIFE_MS
    assert why(here.desk.claim(late.claim(), "::1")) is Why.EXPIRED
    assert here.kinds() == ["expired", "clone"]


def test_a_token_is_bound_to_its_node_and_to_its_board(here: Office) -> None:
    here.token("pole-2")
    thief = Pole("pole-2", here.token(NODE))
    assert why(here.desk.claim(thief.claim(), "::1")) is Why.UNKNOWN
    (incident,) = here.registry.incidents()
    assert (incident.kind, incident.node) == ("misused", NODE)
    bound = here.token("pole-3", " 10000000CAFE ")
    assert why(here.desk.claim(Pole("pole-3", bound, "10000000beef").claim(), "::1")) is Why.HARDWARE
    assert why(here.desk.claim(Pole("pole-3", bound).claim(), "::1")) is Why.HARDWARE
    granted(here.desk.claim(Pole("pole-3", bound, "10000000cafe").claim(), "::1"))


@pytest.mark.parametrize("text", ["x" * 65, "a b", "naïve", "a/b", "a\n"])
def test_what_cannot_be_a_serial_number_binds_no_token(text: str) -> None:
    if text == "a\n":
        assert serial_number(text) == "a"
        return
    with pytest.raises(ValueError, match="serial number"):
        new_token(NODE, 0, text)


def test_refusals_do_not_tell_whether_there_is_such_a_node(here: Office) -> None:
    here.token(NODE)
    unknown = [here.desk.claim(Pole(node, token).claim(), "::1") for node in (NODE, "pole-9") for token in ("", "x")]
    assert len(set(unknown)) == 1 and why(unknown[0]) is Why.UNKNOWN
    assert here.registry.incidents() == []
    for times in (2, 3):
        here.desk.write_down()
        assert {(each.kind, each.node, each.times) for each in here.registry.incidents()} == {
            ("denied", "", times), ("denied", NODE, times)}  # fmt: skip
        here.desk.claim(Pole(NODE).claim(), "::1")
        here.desk.claim(Pole("pole-9").claim(), "::1")


def test_who_has_no_proof_makes_the_desk_do_the_same_for_every_name(here: Office) -> None:
    """And nothing that takes its time: no byte is written for them while they wait."""
    granted(here.desk.claim(Pole(NODE, here.token(NODE)).claim(), "::1"))
    done: list[list[str]] = []
    sa.event.listen(here.registry.engine, "before_cursor_execute", lambda *words: done[-1].append(words[2]))
    before, poles = here.registry.path.read_bytes(), [Pole(NODE), Pole("pole-9"), Pole(NODE, "x"), Pole("pole-9", "x")]
    for _ in range(7):
        for pole in poles:
            done.append([])
            assert why(here.desk.claim(pole.claim(), "::1")) is Why.UNKNOWN
    known, unknown = done[0::4] + done[2::4], done[1::4] + done[3::4]
    assert known == unknown and not any(word in sql for sqls in done for sql in sqls for word in ("INSERT", "UPDATE"))
    assert here.registry.path.read_bytes() == before


def test_strangers_push_no_alarm_out_and_fill_no_memory(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.ledger.MOST_INCIDENTS", 20)
    monkeypatch.setattr("fleet.desk.MOST_WAITING", 30)
    token = here.token(NODE)
    granted(here.desk.claim(Pole(NODE, token).claim(), "::1"))
    here.desk.claim(Pole(NODE, token).claim(), "::1")
    for number in range(40):
        here.token(f"pole-{number}x")
        assert why(here.desk.claim(Pole(f"pole-{number}x").claim(), f"10.0.0.{number}")) is Why.UNKNOWN
    here.desk.write_down()
    kinds = Counter(here.kinds())
    assert kinds == {"clone": 1, "denied": 20}
    assert next(each.times for each in here.registry.incidents() if not each.node) == 10


def test_what_could_not_be_noted_is_noted_later(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    here.desk.claim(Pole("pole-9").claim(), "::1")

    def full(*_: object) -> None:
        raise Trouble("The registry cannot be used.", "", "")

    with monkeypatch.context() as broken:
        broken.setattr("fleet.ledger.Ledger.note", full)
        with pytest.raises(Trouble):
            here.desk.write_down()
    here.desk.write_down()
    assert here.kinds() == ["denied"]


# What a lost answer, a renewal, a drawer and a revocation do.


def test_the_same_token_and_key_get_the_same_certificate_again(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))
    first = granted(here.desk.claim(pole.claim(), "::1"))
    for days in (0.5, 30, 200):
        here.time.now_ms += int(days * DAY_MS)
        assert granted(here.desk.claim(pole.claim(), "::1")) == first
    here.time.now_ms += 20 * DAY_MS  # two thirds of a year
    assert granted(here.desk.claim(pole.claim(), "::1")) != first
    assert here.kinds() == []


def test_a_known_key_renews_for_itself_and_once_a_day(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))
    first = granted(here.desk.claim(pole.claim(), "::1"))
    here.time.now_ms += 244 * DAY_MS
    second = granted(here.desk.claim(pole.renewal(), "::1"))
    assert leaf(second).serial_number != leaf(first).serial_number
    assert leaf(second).public_key() == leaf(first).public_key()
    here.time.now_ms += DAY_MS - 1
    assert granted(here.desk.claim(pole.renewal(), "::1")) == second
    assert [each.serial for each in here.registry.certificates()] == [leaf(each).serial_number
                                                                      for each in (second, first)]  # fmt: skip
    assert why(here.desk.claim(Pole(NODE).renewal(), "::1")) is Why.UNKNOWN
    other = Pole("pole-2", here.token("pole-2"))
    other.key = pole.key
    assert why(here.desk.claim(other.claim(), "::1")) is Why.TAKEN


def test_an_hour_in_the_next_year_spoils_no_answer_and_hides_no_node_that_renews_no_more(here: Office) -> None:
    """What was given then is not the newest for a year: each claim would get another one, and none would be late."""
    pole, began_ms = Pole(NODE, here.token(NODE)), here.time.now_ms
    granted(here.desk.claim(pole.claim(), "::1"))
    here.time.now_ms = began_ms + 365 * DAY_MS
    granted(here.desk.claim(pole.renewal(), "::1"))
    here.time.now_ms = began_ms + 2 * DAY_MS
    mended = [granted(here.desk.claim(pole.renewal(), "::1")) for _ in range(3)]
    assert len({leaf(each).serial_number for each in mended}) == 1
    (newest,) = here.registry.newest_certificates()
    assert newest.issued_ms == here.time.now_ms


def test_after_a_roll_over_the_answer_is_a_new_one(here: Office, tmp_path: Path) -> None:
    pole = Pole(NODE, here.token(NODE))
    first = granted(here.desk.claim(pole.claim(), "::1"))
    here.desk.authority = Authority.make(tmp_path / "next", None, here.time.now_ms)
    second = granted(here.desk.claim(pole.claim(), "::1"))
    assert second.trust != first.trust and leaf(second).issuer != leaf(first).issuer
    assert granted(here.desk.claim(pole.claim(), "::1")) == second


def test_a_drawer_of_400_days_and_then_a_grant_that_is_logged_and_used_up(
    here: Office, caplog: pytest.LogCaptureFixture
) -> None:
    pole = Pole(NODE, here.token(NODE))
    end_ms = granted(here.desk.claim(pole.claim(), "::1")).not_after_ms
    here.time.now_ms = end_ms + 400 * DAY_MS
    end_ms = granted(here.desk.claim(pole.renewal(), "::1")).not_after_ms
    for _ in range(2):
        here.time.now_ms = end_ms + 400 * DAY_MS + 1
        assert why(here.desk.claim(pole.renewal(), "::1")) is Why.LATE
        here.registry.grant(NODE, here.time.now_ms)
        here.time.now_ms += claims.GRANT_MS - 1
        end_ms = granted(here.desk.claim(pole.renewal(), "::1")).not_after_ms
        key = here.registry.living_key(NODE)
        assert key is not None and key.granted_ms == 0
    assert Counter(here.kinds()) == {"late": 2, "granted": 2, "renewed": 2}
    assert "ended 400 days ago" in caplog.text


def test_a_revoked_node_gets_nothing_ever_and_each_try_is_an_incident(here: Office) -> None:
    token = here.token(NODE)
    pole = Pole(NODE, token)
    first = granted(here.desk.claim(pole.claim(), "::1"))
    here.registry.revoke(NODE, "stolen", here.time.now_ms)
    assert here.registry.revoked() == [(leaf(first).serial_number, here.time.now_ms)]
    for days, claim in itertools.product((0, 1, 500), (pole.claim(), pole.renewal(), Pole(NODE, token).claim())):
        here.time.now_ms += days * DAY_MS
        assert why(here.desk.claim(claim, "::1")) is Why.REVOKED
    fresh = here.token(NODE)
    assert why(here.desk.claim(Pole(NODE, fresh).claim(), "::1")) is Why.REVOKED
    assert set(here.kinds()) == {"revoked"}


def test_a_node_that_is_let_in_anew_has_a_new_key_and_the_old_one_is_out(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))
    granted(here.desk.claim(pole.claim(), "::1"))
    never_used, (secret, token) = here.token(NODE), new_token(NODE, here.time.now_ms)
    here.registry.readmit(NODE, token, here.time.now_ms)
    assert why(here.desk.claim(Pole(NODE, never_used).claim(), "::1")) is Why.UNKNOWN
    assert why(here.desk.claim(Pole(NODE, pole.token).claim(), "::1")) is Why.TAKEN
    assert len(here.registry.revoked()) == 1 and here.registry.members() == []
    old = Pole(NODE, secret)
    old.key = pole.key
    assert why(here.desk.claim(old.claim(), "::1")) is Why.REVOKED
    successor = Pole(NODE, secret)
    granted(here.desk.claim(successor.claim(), "::1"))
    assert here.registry.members() == [Credential(NODE, key=successor.key_id)]
    assert why(here.desk.claim(pole.renewal(), "::1")) is Why.REVOKED


def test_the_broker_is_told_of_a_new_key_before_its_node_is_answered(here: Office) -> None:
    seen: list[list[str]] = []
    here.desk.told = lambda: seen.append([each.user for each in here.registry.members()])
    pole = Pole(NODE, here.token(NODE))
    granted(here.desk.claim(pole.claim(), "::1"))
    granted(here.desk.claim(pole.claim(), "::1"))
    assert seen == [[NODE]]


def test_an_office_that_does_not_know_the_time_or_cannot_write_says_later(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))
    here.time.now_ms -= 40 * 365 * DAY_MS
    assert why(here.desk.claim(pole.claim(), "::1")) is Why.BUSY
    here.time.now_ms += 40 * 365 * DAY_MS
    with sqlite3.connect(here.registry.path) as other:
        other.execute("DROP TABLE keys")
    other.close()
    assert why(here.desk.claim(pole.claim(), "::1")) is Why.BUSY


def test_what_cannot_be_signed_now_is_asked_again_later(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))

    def broken(*_: object) -> None:
        raise Trouble("The issuing certificate has ended.", "", "")

    here.authority.node_certificate = broken  # type: ignore[method-assign, assignment]
    assert why(here.desk.claim(pole.claim(), "::1")) is Why.BUSY
    del here.authority.node_certificate
    granted(here.desk.claim(pole.claim(), "::1"))


# How often one may ask.


def test_patience_ends_comes_back_and_takes_little_room() -> None:
    patience = Patience(3, 100, most=10)
    assert [patience.allows("a", 0) for _ in range(4)] == [True, True, True, False]
    assert patience.allows("b", 0) and not patience.allows("a", 99)
    assert patience.allows("a", 100) and not patience.allows("a", 100)
    assert not patience.allows("a", 50), "a clock that steps back gives nothing"
    assert [patience.allows("a", 10_000_000) for _ in range(4)] == [True, True, True, False]
    assert all(patience.allows(f"c{number}", 0) for number in range(100))
    assert len(patience) == 10


def test_who_asks_too_often_waits_and_keeps_nobody_else_waiting(here: Office) -> None:
    here.desk.peers, here.desk.keys = Patience(5, 10**9), Patience(2, 10**9)
    pole, noisy = Pole(NODE, here.token(NODE)), Pole(NODE, "wrong")
    assert [why(here.desk.claim(noisy.claim(), "2001:db8::1")) for _ in range(3)] == [Why.UNKNOWN] * 2 + [Why.BUSY]
    granted(here.desk.claim(pole.claim(), "2001:db8::2"))
    granted(here.desk.claim(pole.claim(), "2001:db8::ffff"))
    assert why(here.desk.claim(Pole("pole-2").claim(), "2001:db8::3")) is Why.BUSY
    assert why(here.desk.claim(Pole("pole-2").claim(), "2001:db8:0:1::3")) is Why.UNKNOWN
    assert [neighbourhood(each) for each in ("10.1.2.3", "x" * 99)] == ["10.1.2.3", "x" * 64]
    assert neighbourhood("::ffff:10.1.2.3") == "10.1.2.3", "as a door that is open to both kinds sees it"
