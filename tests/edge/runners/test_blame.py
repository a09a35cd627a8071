"""A canary in the text of every exception that a driver or a port may raise: it sings on the node, and stays there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NoReturn

import pytest

from drivers.dsmr import DSMR
from drivers.reading import Reading
from drivers.sds011 import SDS011
from drivers.talk import Talk, Write
from edge.events import Event, Failed
from edge.runners.blame import blame, overhear
from edge.runners.host import HostRunner
from edge.runners.lines import LinesRunner
from edge.runners.runner import Runner
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner, SerialRunner
from edge.vitals import Vitals
from simulators.chips.dsmr import DSMR as Meter
from simulators.chips.sds011 import SDS011 as Dust
from simulators.clock import VirtualClock
from tests.edge.pole import Pole
from tests.edge.runners.hands import Asking, Bus, Plain, Says, Wire, drive, failed
from tests.edge.runners.test_lines import Lines, Ups

CANARY = "4530303435303033383833"


def sing(*_: object, **__: object) -> NoReturn:
    int(f"no {CANARY}")
    raise AssertionError


def moan(*_: object, **__: object) -> NoReturn:
    raise OSError(f"telegram {CANARY}")


def choke(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EIO, f"telegram {CANARY}")


def shout() -> Talk[list[Reading]]:
    yield CANARY  # type: ignore[misc]
    return []


def midway() -> Talk[list[Reading]]:
    yield Write(b"\x01")
    sing()


def talk(read: Callable[[], Talk[list[Reading]]]) -> Runner:
    return I2CRunner(Bus().open, [Seat("it", Says(read), 1_000, 0x10)])


def setup(raising: Callable[..., NoReturn]) -> Runner:
    driver = Plain()
    driver.setup = raising  # type: ignore[method-assign]
    return I2CRunner(Bus().open, [Seat("it", driver, 1_000, 0x10)])


def stream(method: str, raising: Callable[..., NoReturn]) -> Runner:
    driver, clock = SDS011(), VirtualClock()
    setattr(driver, method, raising)
    wire = Wire(Dust(lambda: 10**7 + clock.now_us))
    clock.advance(10)
    return StreamRunner("it", driver, 1_000, wire.open)


def port(method: str, raising: Callable[..., NoReturn]) -> Runner:
    wire = Wire(Dust(lambda: 10**7))
    setattr(wire, method, raising)
    return StreamRunner("it", SDS011(), 1_000, wire.open)


def asked(method: str, raising: Callable[..., NoReturn]) -> Runner:
    wire = Wire(Dust(lambda: 10**7))
    setattr(wire, method, raising)
    return SerialRunner(wire.open, [Seat("it", Asking(), 1_000)])


def lines(method: str, raising: Callable[..., NoReturn]) -> Runner:
    driver, held = Ups(), Lines()
    if method == "wait":
        held.wait_edge_events = raising  # type: ignore[method-assign]
    else:
        setattr(driver, method, raising)
    runner = LinesRunner("it", driver, 1_000, {"line": 17}, held.open)
    runner.step(0)
    held.edge(10, 1)
    return runner


def host(raising: Callable[..., NoReturn]) -> Runner:
    vitals = Vitals()
    vitals.look = raising  # type: ignore[method-assign]
    return HostRunner("it", vitals, 1_000)


RUNNERS: dict[str, Callable[[], Runner]] = {
    "a talk": lambda: talk(sing),
    "a talk midway": lambda: talk(midway),
    "a talk that yields it": lambda: talk(shout),
    "a talk with an OSError": lambda: talk(moan),
    "a setup": lambda: setup(sing),
    "an I2C port": lambda: I2CRunner(Bus(choke).open, [Seat("it", Plain(), 1_000, 0x10)]),
    "an I2C bus": lambda: I2CRunner(sing, [Seat("it", Plain(), 1_000, 0x10)]),
    "a bus that is not there": lambda: I2CRunner(choke, [Seat("it", Plain(), 1_000, 0x10)]),
    "a serial write": lambda: asked("write", sing),
    "a serial read": lambda: asked("read", choke),
    "a serial drain": lambda: asked("drain", choke),
    "a stream's frame": lambda: stream("frame", sing),
    "a stream's decode": lambda: stream("decode", sing),
    "a stream's feed": lambda: stream("feed", moan),
    "a stream's setup": lambda: stream("setup", sing),
    "a stream's port": lambda: port("read", choke),
    "a stream's port that breaks": lambda: port("read", sing),
    "lines": lambda: lines("edge", sing),
    "lines that close": lambda: lines("close", sing),
    "lines that are gone": lambda: lines("wait", choke),
    "the host": lambda: host(sing),
}


@pytest.mark.parametrize("what", RUNNERS)
def test_no_text_of_an_exception_comes_out_of_a_runner(what: str) -> None:
    complaints = failed(drive(RUNNERS[what](), VirtualClock(), 3))
    assert complaints and all(CANARY not in repr(event) for event in complaints)
    assert any(name in complaints[0].text for name in ("Error", "yielded str"))


def test_who_stands_at_the_pole_may_overhear_it() -> None:
    heard: list[BaseException] = []
    end = overhear(heard.append)
    drive(RUNNERS["a stream's decode"](), VirtualClock(), 3)
    end()
    drive(RUNNERS["a stream's feed"](), VirtualClock(), 3)
    assert heard and all(CANARY in str(error) and type(error) is ValueError for error in heard)


def test_the_place_is_named() -> None:
    try:
        sing()
    except ValueError as error:
        assert blame(error) == f"ValueError at runners/test_blame.py:{sing.__code__.co_firstlineno + 1}"
    try:
        choke()
    except OSError as error:
        assert blame(error).startswith("OSError (Input/output error) at runners/test_blame.py:")
    assert blame(KeyError(CANARY)) == "KeyError"


def test_a_bug_in_the_driver_of_a_meter_sends_no_serial_number() -> None:
    """From the wire through the runner and the agent to the office: the telegram holds the number, no more."""

    class Broken(DSMR):
        def decode(self, frame: bytes) -> list[Reading] | None:
            serial = next(line for line in frame.decode().splitlines() if "96.1" in line)
            return [int(serial)]  # type: ignore[list-item]

    clock = VirtualClock()
    meter = Meter(clock.boot_us)
    runner = StreamRunner("air", Broken(), 1_000, Wire(meter).open)
    heard: list[BaseException] = []
    end = overhear(heard.append)
    events: list[Event] = drive(runner, clock, 30)
    end()
    serials = {str(error).split("(")[-1].split(")")[0] for error in heard}
    assert serials and all(len(serial) > 8 for serial in serials)
    pole = Pole()
    for event in events:
        assert isinstance(event, Failed)
        pole.agent.inbox.put(event)
        pole.clock.advance(1)
        pole.settle()
    pole.clock.advance(70)
    pole.settle()
    bodies = b"".join(payload for payloads in pole.office.said.values() for payload in payloads)
    status = repr(pole.health()) + repr(pole.ask({"ask": "status"}))
    assert {"record", "health"} <= pole.office.said.keys()
    assert b"sensor failed" in bodies and b"ValueError" in bodies and "ValueError" in status
    assert not [serial for serial in serials if serial.encode() in bodies or serial in status]


def test_a_talk_may_still_say_what_it_says_of_itself() -> None:
    def refuses() -> Talk[list[Reading]]:
        yield Write(b"\x01")
        raise RuntimeError

    (first, *_) = failed(drive(talk(refuses), VirtualClock(), 1))
    assert first.cause == "bug" and first.text.startswith("the driver raised RuntimeError at runners/test_blame.py:")
