"""The finder of frames is total, bounded, and does not care how the bytes were cut: for every streaming driver."""

from __future__ import annotations

import tracemalloc
from typing import Protocol, runtime_checkable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import drivers
from drivers.checks import crc16
from drivers.dsmr import DSMR
from drivers.pms5003 import PMS5003
from drivers.sds011 import SDS011
from drivers.stream import StreamDriver
from simulators.chips.pms5003 import PMS5003 as Plantower
from simulators.chips.sds011 import SDS011 as Nova
from simulators.shelf import chip
from tests.drivers.streams import Values, cut, heard

STREAMING = [kind for kind in drivers() if issubclass(kind, StreamDriver)]


@runtime_checkable
class Talker(Protocol):
    """A chip that talks unasked."""

    def spoken(self) -> bytes: ...


TEASERS = [b"\xaa", b"\xaa\xc0", b"BM", b"BM\x00\x1c", b"/", b"!", b"/XYZ5\r\n", b"\r\n", b"\x00", b"\xff\xab"]
BABBLE = [b"\x01", b"\xaa", b"\xaa\xc0", b"BM\x00\x1c", b"/", b"/a", b"/x!", b"x", b"/!12\r\n"]
noise = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(TEASERS)), max_size=8).map(b"".join)
cuts = st.lists(st.integers(0, 5000), max_size=20)


def spoken(kind: type[StreamDriver]) -> bytes:
    """A whole frame, as the chip of this driver says it."""
    talker = chip(kind.name)(lambda: 0)
    assert isinstance(talker, Talker)
    return talker.spoken()


def expected(kind: type[StreamDriver]) -> Values:
    return heard(kind(), [spoken(kind)])[0]


@pytest.mark.parametrize("kind", STREAMING)
@given(data=st.lists(st.one_of(noise, st.just(b"FRAME")), max_size=6), places=cuts)
def test_cuts_change_nothing(kind: type[StreamDriver], data: list[bytes], places: list[int]) -> None:
    stream = b"".join(spoken(kind) if part == b"FRAME" else part for part in data)
    whole, pieces = kind(), kind()
    assert heard(whole, [stream]) == heard(pieces, cut(stream, places))
    assert whole.flush() == pieces.flush()
    assert whole.errors == pieces.errors


@pytest.mark.parametrize("kind", STREAMING)
@given(data=noise)
def test_byte_by_byte_is_the_same_as_at_once(kind: type[StreamDriver], data: bytes) -> None:
    stream = data + spoken(kind) + data
    whole, single = kind(), kind()
    assert heard(whole, [stream]) == heard(single, [bytes([byte]) for byte in stream])
    assert whole.errors == single.errors


@pytest.mark.parametrize("kind", STREAMING)
@given(before=noise, after=noise)
def test_a_whole_frame_is_found_in_any_garbage(kind: type[StreamDriver], before: bytes, after: bytes) -> None:
    """The second of two: what garbage pretends to begin may swallow the first, never all."""
    driver = kind()
    frame = spoken(kind)
    found = heard(driver, [before, frame, frame, after]) + [{r.name: r.value for r in s} for s in driver.flush()]
    assert expected(kind) in found
    assert len(found) <= 2


@pytest.mark.parametrize("kind", STREAMING)
@given(data=st.data())
def test_one_flipped_bit_is_never_a_value(kind: type[StreamDriver], data: st.DataObject) -> None:
    frame = bytearray(spoken(kind).rstrip(b"\r\n"))
    at, bit = data.draw(st.integers(0, len(frame) - 1)), data.draw(st.integers(0, 7))
    frame[at] ^= 1 << bit
    driver = kind()
    found = heard(driver, [bytes(frame)]) + [{r.name: r.value for r in s} for s in driver.flush()]
    # What lies outside the sum is the identity of the device, and never read.
    assert not kind.sealed or all(values == expected(kind) for values in found)
    assert found or driver.errors


@pytest.mark.parametrize("kind", STREAMING)
def test_a_torn_frame_costs_only_itself(kind: type[StreamDriver]) -> None:
    frame = spoken(kind)
    begins = len(frame) - len(frame.lstrip(b"\r\n"))
    for torn in range(begins + 1, len(frame.rstrip(b"\r\n")), 1 + len(frame) // 100):
        driver = kind()
        assert heard(driver, [frame[:torn], frame])[-1:] == [expected(kind)], torn
        assert sum(driver.errors.values()) >= 1, torn


@pytest.mark.parametrize("kind", STREAMING)
def test_glued_frames_all_come_out(kind: type[StreamDriver]) -> None:
    driver = kind()
    assert heard(driver, [spoken(kind) * 20]) == [expected(kind)] * 20
    assert not driver.errors


@pytest.mark.parametrize("kind", STREAMING)
@pytest.mark.parametrize("babble", BABBLE)
def test_an_endless_babble_takes_no_memory(kind: type[StreamDriver], babble: bytes) -> None:
    driver = kind()
    stretch = babble * (24_576 // len(babble))
    driver.feed(stretch)
    tracemalloc.start()
    try:
        for _ in range(3):
            driver.feed(stretch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60_000
    assert driver.errors
    assert heard(driver, [b"\n" * driver.longest, spoken(kind), spoken(kind)])[-1] == expected(kind)


@pytest.mark.parametrize("kind", STREAMING)
def test_a_beginning_that_never_ends_is_given_up_at_the_longest_frame(kind: type[StreamDriver]) -> None:
    driver = kind()
    driver.feed(spoken(kind)[:5])
    more = b"5" * driver.longest
    tracemalloc.start()
    try:
        for _ in range(100):
            driver.feed(more)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * driver.longest + 20_000
    assert driver.errors
    assert set(driver.errors) <= {"framing", "checksum"}
    assert not driver.flush()


def test_a_frame_beyond_the_longest_is_none_however_it_comes() -> None:
    """Also when the buffer happens to hold all of it."""
    for spare, found in ((0, 1), (1, 0), (50, 0)):
        telegram = b"/TST5\r\n\r\n1-0:1.7.0(00.5*kW)\r\n0-0:96.13.0("
        telegram += b"3" * (DSMR.longest + spare - len(telegram) - 6) + b")!"
        telegram += f"{crc16(telegram):04X}".encode()
        assert len(telegram) == DSMR.longest + spare
        for pieces in ([telegram], [telegram[:100], telegram[100:]], cut(telegram, range(0, 9000, 7))):
            assert len(heard(DSMR(), pieces)) == found, (spare, len(pieces))


@pytest.mark.parametrize("kind", STREAMING)
@given(noise)
def test_where_nothing_is_midway_a_silence_ends_nothing(kind: type[StreamDriver], data: bytes) -> None:
    driver = kind()
    driver.feed(data)
    before, midway = driver.errors.copy(), driver.midway
    said = driver.flush()
    assert midway or (said == [] and driver.errors == before)


@pytest.mark.parametrize("kind", [PMS5003, SDS011, DSMR])
def test_after_whole_frames_nothing_is_midway(kind: type[StreamDriver]) -> None:
    driver = kind()
    driver.feed(spoken(kind))
    assert not driver.midway
    driver.feed(spoken(kind)[:9])
    assert driver.midway


def test_silence_names_a_half_frame_and_gives_what_it_hid() -> None:
    frame = Plantower(lambda: 0).measurement()
    short = Plantower(lambda: 0)
    short.model = "pms3003"
    driver = PMS5003()
    assert driver.feed(frame[:4] + short.measurement()) == []
    assert len(driver.flush()) == 1
    assert driver.errors == {"truncated": 1}


def test_damage_is_counted_once_a_stretch() -> None:
    driver = SDS011()
    report = Nova(lambda: 0).report()
    driver.feed(bytes(300) + report + bytes(7) + report)
    assert driver.errors == {"framing": 2}


def test_what_went_away_is_forgotten_without_a_word() -> None:
    driver = SDS011()
    report = Nova(lambda: 0).report()
    driver.feed(report[:6])
    driver.forget()
    assert heard(driver, [report]) == [expected(SDS011)]
    assert not driver.errors
