"""When a certificate may be believed, under each quality of belief; its times as another library reads them."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.floor import Floor
from edge.timekeeping import Belief
from edge.validity import Moment, Validity, day, fault, moment, of_der, of_pem
from edge.wire.clocks import ClockQuality
from tests.edge.signing import DAY_MS, NOW_MS, Signer, name, new_key, pem

SIGNER, KEY = Signer("root"), new_key()
TIMES = st.integers(-631_152_000, 253_402_300_799)  # 1950 to 9999, in seconds
DAYS = st.integers(-500, 500).map(lambda days: days * DAY_MS)


def leaf(begins_ms: int, ends_ms: int) -> x509.Certificate:
    return SIGNER.sign(name("pole-1"), KEY, begins_ms, ends_ms)


@settings(max_examples=60, deadline=None)
@given(TIMES, TIMES)
def test_the_times_are_those_that_are_written(one: int, other: int) -> None:
    begins, ends = sorted((one, other))
    certificate = leaf(begins * 1000, ends * 1000)
    expected = Validity(begins * 1000, ends * 1000)
    assert of_der(certificate.public_bytes(Encoding.DER)) == expected
    text = "what stands before\n" + pem(certificate) + pem(SIGNER.certificate)
    assert of_pem(text) == expected
    assert certificate.not_valid_after_utc == datetime.datetime.fromtimestamp(ends, datetime.UTC)


GOOD = leaf(NOW_MS, NOW_MS + DAY_MS).public_bytes(Encoding.DER)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=4)).map(
    lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + len(cut[1]) :]))  # fmt: skip
def test_other_bytes_are_refused_in_one_way(data: bytes) -> None:
    try:
        assert isinstance(of_der(data), Validity)
    except ValueError:
        pass


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_other_texts_are_refused_in_one_way(text: str) -> None:
    for each in (text, f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----"):
        with pytest.raises(ValueError):
            of_pem(each)


def test_what_is_cut_off_is_no_certificate() -> None:
    """Up to where the times end everything is needed."""
    lengths = [length for length in range(len(GOOD)) if _is_one(GOOD[:length])]
    assert not lengths
    with pytest.raises(ValueError, match="longer than"):
        of_der(GOOD + bytes(64 * 1024))


def _is_one(data: bytes) -> bool:
    try:
        of_der(data)
    except ValueError:
        return False
    return True


@given(DAYS, st.integers(0, 300).map(lambda days: days * DAY_MS), DAYS, st.integers(0, 5 * DAY_MS), DAYS)
def test_who_knows_the_time_looks_at_both_ends_and_who_does_not_at_the_floor(
    begins: int, life: int, now: int, error: int, floor: int
) -> None:
    validity = Validity(NOW_MS + begins, NOW_MS + begins + life)
    sure = Moment(NOW_MS + now, error, NOW_MS + floor)
    good = validity.not_before_ms <= NOW_MS + now + error and NOW_MS + now - error <= validity.not_after_ms
    assert (fault(validity, sure) == "") == good
    vague = Moment(None, 0, NOW_MS + floor)
    assert (fault(validity, vague) == "") == (validity.not_after_ms >= NOW_MS + floor)


@pytest.mark.parametrize("quality", list(ClockQuality))
def test_only_who_is_vouched_for_is_a_time(quality: ClockQuality) -> None:
    floor = Floor(NOW_MS - DAY_MS, 1_000, True)
    now = moment(Belief(NOW_MS - 5_000, quality, 40, "kernel", "kernel"), floor, 5_000)
    assert now.floor_ms == floor.at(5_000)
    if quality in (ClockQuality.SYNCED, ClockQuality.HOLDOVER):
        assert now == Moment(NOW_MS, 40, floor.at(5_000)) and now.least_ms == NOW_MS
    else:
        assert now.unix_ms is None and now.least_ms == floor.at(5_000)


@pytest.mark.parametrize("kind", ["kernel", "gps", "fleet", "rtc"])
def test_a_clock_chip_vouches_for_nothing_that_could_lock_the_node_out(kind: str) -> None:
    now = moment(Belief(NOW_MS, ClockQuality.HOLDOVER, 40, "x", kind), Floor(NOW_MS - DAY_MS, 0, True), 0)
    assert (now.unix_ms is None) == (kind == "rtc")


def test_words() -> None:
    validity = Validity(NOW_MS, NOW_MS + DAY_MS)
    assert day(NOW_MS) == "2027-01-15" and day(1 << 70) == "a day that no calendar has"
    assert fault(validity, Moment(NOW_MS - DAY_MS, 0, 0)) == "it begins on 2027-01-15, and here it is 2027-01-14"
    assert fault(validity, Moment(NOW_MS + 2 * DAY_MS, 0, 0)) == "it ended on 2027-01-16"
    assert validity.at(0.5) == NOW_MS + DAY_MS // 2 and Validity(5, 5).life_ms == 1
