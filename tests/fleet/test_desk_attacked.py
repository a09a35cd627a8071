"""The desk when all come at once, and when the power fails: one key a token, and in the end always a certificate."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.wire.enrolment import Claim, Granted, Refused, Why
from fleet.desk import Desk
from fleet.registry import Credential, Registry
from tests.fleet.desks import DAY_MS, URL, Office, Pole, granted, leaf, office, why
from tests.fleet.dying import amid_a_claim

NODE = "pole-1"


# Races.


def at_once(work: list[Callable[[], Granted | Refused]]) -> list[Granted | Refused]:
    """What all these say when they begin together."""
    start, answers = threading.Barrier(len(work)), [None] * len(work)

    def run(number: int) -> None:
        start.wait()
        answers[number] = work[number]()  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in answers
    return answers  # type: ignore[return-value]


def claims_of(poles: list[Pole], desks: list[Desk]) -> list[Callable[[], Granted | Refused]]:
    ready = [pole.claim() for pole in poles]
    return [lambda claim=claim, desk=desk: desk.claim(claim, "::1")  # type: ignore[misc]
            for claim, desk in zip(ready, itertools.cycle(desks), strict=False)]  # fmt: skip


def test_of_a_hundred_keys_that_show_one_token_at_once_one_wins(here: Office) -> None:
    token = here.token(NODE)
    poles = [Pole(NODE, token) for _ in range(100)]
    second = Desk(Registry(here.registry.path), here.authority, URL, here.time)  # as another process would have it
    answers = at_once(claims_of(poles, [here.desk, second]))
    won = [pole for pole, answer in zip(poles, answers, strict=True) if isinstance(answer, Granted)]
    assert len(won) == 1
    assert {why(answer) for answer in answers if isinstance(answer, Refused)} <= {Why.TAKEN, Why.BUSY}
    assert here.registry.members() == [Credential(NODE, key=won[0].key_id)]
    assert len(here.registry.certificates()) == 1 and here.kinds() == ["clone"]


def test_a_hundred_claims_of_one_key_get_one_certificate(here: Office) -> None:
    pole = Pole(NODE, here.token(NODE))
    answers = at_once(claims_of([pole] * 100, [here.desk]))
    assert len(set(map(granted, answers))) == 1
    assert len(here.registry.certificates()) == 1 and here.kinds() == []


# Power cuts.


def cuts(here: Office, authority_folder: Path, folder: Path, claim: Claim) -> Iterator[Office]:
    """The office as it is after a kill at each step of the claim, and at last after none."""
    for at in itertools.count(1):
        place = folder / str(at)
        place.mkdir()
        shutil.copy(here.registry.path, place / "registry.db")
        died = amid_a_claim(place, authority_folder, here.time.now_ms, claim, at)
        after = office(place, authority_folder)
        after.time.now_ms = here.time.now_ms
        yield after
        if not died:
            assert at > 12
            return


@pytest.mark.parametrize("grown", ["new", "due", "late"])
def test_an_office_that_dies_amid_a_claim_finishes_it_in_its_next_life(
    here: Office, authority_folder: Path, tmp_path: Path, grown: str
) -> None:
    pole = Pole(NODE, here.token(NODE))
    if grown != "new":
        granted(here.desk.claim(pole.claim(), "::1"))
        here.time.now_ms += {"due": 250, "late": 800}[grown] * DAY_MS
        here.registry.grant(NODE, here.time.now_ms)
    before = len(here.registry.certificates())
    fates = Counter[int]()
    for after in cuts(here, authority_folder, tmp_path, pole.claim()):
        kept = after.registry.certificates()
        fates[len(kept)] += 1
        assert (after.registry.living_key(NODE) is not None) == bool(kept)
        answer = granted(after.desk.claim(pole.claim(), "::1"))
        assert leaf(answer).serial_number in [each.serial for each in kept] or len(kept) <= before
        assert why(after.desk.claim(Pole(NODE, pole.token).claim(), "::1")) is Why.TAKEN
        assert [each.key for each in after.registry.members()] == [pole.key_id]
    assert len(fates) == 2 or grown == "late", "some kills come before the commit, some after it"
