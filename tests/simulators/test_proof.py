"""The ready-made tests find what is planted: a strange API, a driver that takes anything, one that never ends."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.bh1750 import BH1750
from drivers.bme280 import BME280
from drivers.catalog import CATALOG, driver
from drivers.driver import API, Driver, I2CDriver
from drivers.errors import ChecksumError
from drivers.guests import Unfit
from drivers.reading import Reading
from drivers.sds011 import SDS011
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk
from edge.runners.conversation import STEP_LIMIT
from simulators.device import Device, simulated
from simulators.introduce import chip_kind, driver_kind
from simulators.proof import Proof

NAMELESS = {"bh1750", "ina219", "lc709203f", "tca9548a", "veml7700"}  # nothing in them tells what they are


class Ours(BH1750):
    api = API


class Later(BH1750):
    api = API + 1


class Spelled(BH1750):
    api = str(API)  # type: ignore[assignment]


class Unsaid(BH1750):
    pass


class Trusting(BME280):
    def probe(self) -> Talk[bool]:
        yield Pause(0.0)
        return True

    def setup(self) -> Talk[bool]:
        yield Pause(0.0)
        return True


class Wary(Trusting):
    def probe(self) -> Talk[bool]:
        return (yield from BME280.probe(self))


class Headless(SDS011):
    start = b""

    def frame(self, buffer: bytearray) -> int:
        if len(buffer) < 10:
            raise Incomplete
        if sum(buffer[2:8]) & 0xFF != buffer[8] or buffer[9] != 0xAB:
            raise ChecksumError("its sum")
        return 10


class HalfHeaded(Headless):
    start = b"\xaa"


class Open(Headless):
    sealed = False


class Nothing(SDS011):
    def frame(self, buffer: bytearray) -> int:
        return 0


class Backwards(SDS011):
    def frame(self, buffer: bytearray) -> int:
        return -1


class ForEverSetUp(BH1750):
    def setup(self) -> Talk[None]:
        while True:
            yield Pause(0.001)


class ForEverRead(BH1750):
    def read(self) -> Talk[list[Reading]]:
        while True:
            yield Pause(0.0)


def proof(of: str | type[Driver], known: bool = True) -> Proof:
    class Told(Proof):
        driver = of
        identified = known

    return Told()


def device(of: str | type[Driver], chip: Any = None, **settings: Any) -> Device:
    return simulated(driver_kind(of)(**settings), chip_kind(of, chip))


def test_an_api_that_we_have_is_taken() -> None:
    proof(Ours).test_it_says_what_others_must_know()


@pytest.mark.parametrize(
    ("kind", "words"), [(Later, f"needs driver API {API + 1}"), (Spelled, "does not say"), (Unsaid, "does not say")]
)
def test_a_strange_api_is_found(kind: type[Driver], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        proof(kind).test_it_says_what_others_must_know()


@pytest.mark.parametrize("name", [name for name in CATALOG if issubclass(driver(name), I2CDriver)])
def test_drivers_of_the_house_know_their_chip_or_are_known_not_to(name: str) -> None:
    proof(name, name not in NAMELESS).test_another_chip_is_known_as_another(None)


@pytest.mark.parametrize("kind", [*sorted(NAMELESS), Trusting])
def test_who_takes_any_chip_is_found(kind: str | type[Driver]) -> None:
    with pytest.raises(AssertionError, match=r"takes another chip for its own.*identified = False"):
        proof(kind).test_another_chip_is_known_as_another(None)


def test_either_probe_or_setup_may_know_it() -> None:
    proof(Wary).test_another_chip_is_known_as_another(None)


@pytest.mark.parametrize("name", [name for name in CATALOG if issubclass(driver(name), StreamDriver)])
def test_streams_of_the_house_look_at_the_head(name: str) -> None:
    proof(name).test_a_damaged_head_begins_no_frame(None)


@pytest.mark.parametrize("kind", [Headless, HalfHeaded])
def test_a_frame_that_ignores_its_head_is_found(kind: type[Driver]) -> None:
    with pytest.raises(AssertionError, match=r"flipped.*sealed = False"):
        proof(kind).test_a_damaged_head_begins_no_frame(None)


def test_who_says_that_nothing_seals_its_frames_is_believed() -> None:
    proof(Open).test_a_damaged_head_begins_no_frame(None)


@pytest.mark.parametrize(("kind", "length"), [(Nothing, 0), (Backwards, -1)])
def test_a_frame_of_no_length_is_told_and_hangs_nobody(kind: type[StreamDriver], length: int) -> None:
    with pytest.raises(ValueError, match=rf"sds011 said that a frame is {length} bytes long"):
        proof(kind).test_it_reads_its_device(device)
    one = kind()
    with pytest.raises(ValueError, match="bytes long"):
        one.feed(b"\xaa\xc0")
    assert one.flush() == []


@pytest.mark.parametrize("kind", [ForEverSetUp, ForEverRead])
def test_a_talk_that_never_ends_is_told(kind: type[Driver]) -> None:
    with pytest.raises(AssertionError, match=f"did not end its talk within {STEP_LIMIT} steps"):
        proof(kind).test_it_reads_its_device(device)
