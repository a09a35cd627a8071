"""The storm of nodes that come back: the arithmetic of shares, and that the old way of waiting would be seen."""

from math import exp, fsum, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pace import Pace
from edge.retry import Retry
from simulators.story.storm import Gust, Storm, _hill, storm


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
    assert "That is more than 2." in passed.words() and "chance alone" in passed.words()


def test_who_comes_too_late_is_seen() -> None:
    assert Storm(6_000, 300, (Gust(1, 40.0, 360.0),)).ok
    knocked = Storm(6_000, 300, (Gust(1, 40.1, 10.0),))
    assert not knocked.ok and "That is more than twice the share" in knocked.words()
    assert not Storm(6_000, 300, (Gust(1, 1.0, 360.1),)).ok


@pytest.mark.parametrize("nodes", [1, 2, 5, 30, 200])
def test_a_small_fleet_is_judged_by_what_chance_may_do(nodes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(1, 4):
        passed = storm(nodes, seed)
        assert passed.ok, passed.words()
    monkeypatch.setattr(Retry, "delay_ms", lambda self, had_session: 200)
    passed = storm(nodes, 1, away_s=(10,))
    assert not passed.ok, "who knocks five times a second is seen, however few there are"


@given(st.floats(0.001, 699), st.floats(1e-12, 0.5))
def test_a_hill_is_hardly_ever_exceeded(mean: float, rarely: float) -> None:
    def beyond(number: int) -> float:
        at_most = (exp(each * log(mean) - mean - lgamma(each + 1)) for each in range(number + 1))
        return 1 - fsum(at_most)

    height = _hill(mean, rarely)
    assert beyond(height) <= rarely + 1e-9
    assert height == 0 or beyond(height - 1) >= rarely - 1e-9


def test_of_a_large_fleet_the_hill_is_lower_than_two_shares() -> None:
    for nodes in (3_500, 10_000, 20_000, 1_000_000):
        whole = Storm(nodes, 300, (Gust(1_800, 1.0, 1.0),))
        assert whole.most_per_s(whole.gusts[0]) == 2 * whole.fair_per_s


def test_a_smaller_cap_has_larger_shares() -> None:
    assert storm(60, 1, Pace(retry_cap_ms=60_000), (5,)).fair_per_s == 1
