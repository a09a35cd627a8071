"""The storm of nodes that come back: the arithmetic of shares, and that the old way of waiting would be seen."""

import pytest

from edge.pace import Pace
from edge.retry import Retry
from simulators.story.storm import Gust, Storm, storm


@pytest.mark.once
def test_ten_thousand_nodes_knock_no_harder_than_twice_their_share() -> None:
    passed = storm(10_000, 1, away_s=(60,))
    assert passed.ok, passed.words()


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 6))
def test_whatever_the_outage(seed: int) -> None:
    passed = storm(10_000, seed)
    assert passed.ok, passed.words()


@pytest.mark.once
def test_full_jitter_from_a_second_on_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_it_was(self: Retry, _had_session: bool) -> int:
        return int(self._random() * 1_000)

    monkeypatch.setattr(Retry, "delay_ms", as_it_was)
    passed = storm(1_000, 1, away_s=(1,))
    assert not passed.ok
    assert "That is more than twice the share" in passed.words()


def test_who_comes_too_late_is_seen() -> None:
    assert Storm(3_000, 300, (Gust(1, 20.0, 360.0),)).ok
    assert not Storm(3_000, 300, (Gust(1, 20.1, 10.0),)).ok
    assert not Storm(3_000, 300, (Gust(1, 1.0, 360.1),)).ok


def test_a_smaller_cap_has_larger_shares() -> None:
    assert storm(60, 1, Pace(retry_cap_ms=60_000), (5,)).fair_per_s == 1
