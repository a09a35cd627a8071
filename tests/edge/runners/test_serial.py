"""A serial device that is asked, without ever blocking a step, with and without a file descriptor."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from drivers import catalog
from drivers.driver import SerialDriver
from drivers.talk import WriteRead
from edge.runners.seat import Seat
from edge.runners.talks import SerialRunner
from simulators.chips.mhz19 import MHZ19
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Asking, Wire, drive, failed, sampled, stamps


class Slow(SerialChip):
    """Answers `?` with three bytes, a byte each `each_ms`."""

    name = "slow"
    spans = resolves = rests = MappingProxyType[Any, Any]({})
    each_ms = 60

    def power_on(self) -> None:
        self.answers: list[int] = []

    def hear(self, data: bytes) -> None:
        self.answers = [self.now_us() + n * self.each_ms * 1_000 for n in (1, 2, 3)]

    def say(self) -> bytes:
        due = [at for at in self.answers if at <= self.now_us()]
        self.answers = self.answers[len(due) :]
        return b"A" * len(due)


def test_the_real_driver_and_its_chip() -> None:
    clock = VirtualClock(now_us=1_000_000)
    driver = catalog.driver("mhz19")()
    assert isinstance(driver, SerialDriver)
    wire = Wire(MHZ19(clock.boot_us))
    events = drive(SerialRunner(wire.open, [Seat("co2", driver, 10_000)]), clock, 100)
    assert not failed(events)
    first, *later = stamps(events)
    assert first <= 2_000
    assert later == list(range(10_000, 100_001, 10_000))


def test_an_answer_in_pieces_is_waited_for_in_small_looks() -> None:
    clock = VirtualClock()
    wire = Wire(Slow(clock.boot_us))
    events = drive(SerialRunner(wire.open, [Seat("a", Asking(), 10_000)]), clock, 30)
    assert stamps(events) == [0, 10_000, 20_000, 30_000]
    assert 3 * 4 <= wire.reads <= 25 * 4


def test_an_answer_that_does_not_come_is_a_timeout_and_its_tail_spoils_no_later_talk() -> None:
    class Slower(Slow):
        each_ms = 170

    clock = VirtualClock()
    chip = Slower(clock.boot_us)
    runner = SerialRunner(Wire(chip).open, [Seat("a", Asking(), 10_000)])
    events = drive(runner, clock, 20)
    assert {event.cause for event in failed(events)} == {"timeout"}
    assert failed(events)[0].text == "2 of 3 bytes within 0.5 s"
    assert failed(events)[0].at_ms <= 502
    chip.each_ms = 100
    assert not failed(drive(runner, clock, 20 + 32)[1:])
    assert runner.counters()["a"]["timeout"] >= len(failed(events))


def test_an_unplugged_adapter_is_found_again_within_ten_seconds() -> None:
    clock = VirtualClock()
    wire = Wire(Slow(clock.boot_us))
    runner = SerialRunner(wire.open, [Seat("a", Asking(), 10_000)])
    drive(runner, clock, 25)
    wire.unplugged = True
    events = drive(runner, clock, 325)
    assert {event.cause for event in failed(events)} == {"bus"}
    assert 29 <= len(failed(events)) <= 31
    wire.unplugged = False
    first, *later = stamps(drive(runner, clock, 360))
    assert first < 335_000
    assert later == [at for at in (330_000, 340_000, 350_000, 360_000) if at > first]
    assert wire.opened < 90


def test_a_device_pulled_in_the_midst_of_its_answer() -> None:
    clock = VirtualClock()
    wire = Wire(Slow(clock.boot_us))
    runner = SerialRunner(wire.open, [Seat("a", Asking(), 10_000)])
    runner.step(0)
    clock.advance(0.1)
    wire.unplugged = True
    assert [event.cause for event in failed(runner.step(100))] == ["bus"]
    wire.unplugged = False
    assert stamps(drive(runner, clock, 10)) == [1_100, 10_000]


def shown(runner: SerialRunner) -> int | None:
    return runner.fd


def test_the_descriptor_is_shown_only_while_an_answer_is_awaited() -> None:
    class Fd(Wire):
        fd = 7

    clock = VirtualClock()
    wire = Fd(Slow(clock.boot_us))
    runner = SerialRunner(wire.open, [Seat("a", Asking(), 10_000)])
    assert shown(runner) is None
    runner.step(0)
    assert shown(runner) == 7
    assert runner.next_due_ms() == 501
    clock.advance(0.2)
    assert len(sampled(runner.step(200))) == 1
    assert shown(runner) is None
    assert runner.next_due_ms() == 10_000


def test_steps_of_another_bus_are_the_drivers_mistake() -> None:
    class Confused(Asking):
        def read(self):  # type: ignore[no-untyped-def]
            yield WriteRead(b"x", 1)

    clock = VirtualClock()
    runner = SerialRunner(Wire(Slow(clock.boot_us)).open, [Seat("a", Confused(), 10_000)])
    assert {event.cause for event in failed(drive(runner, clock, 5))} == {"bug"}


def test_what_lay_on_the_line_before_is_no_answer() -> None:
    clock = VirtualClock()
    wire = Wire(Slow(clock.boot_us))
    wire._held += b"ZZZ"
    events = drive(SerialRunner(wire.open, [Seat("a", Asking(), 10_000)]), clock, 5)
    assert [event.readings[0].value for event in sampled(events)] == [ord("A")]


def test_a_port_that_opens_and_breaks_at_once_is_told_once_an_interval() -> None:
    class Rotten(Wire):
        def write(self, data: bytes) -> None:
            raise OSError(5, "Input/output error")

    clock = VirtualClock()
    wire = Rotten(Slow(clock.boot_us))
    runner = SerialRunner(wire.open, [Seat("a", Asking(), 60_000)])
    told = failed(drive(runner, clock, 300, steps=300))
    assert {event.cause for event in told} == {"bus"}
    assert 4 <= len(told) <= 6
    assert wire.opened <= 70
    assert runner.counters()["a"]["bus"] >= len(told)
