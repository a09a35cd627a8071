"""A serial port over I2C: the bytes of its device, whole and in order, or a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import SerialLine
from drivers.errors import BusFault
from edge.buses.bridge import BridgePort, look_ms
from tests.drivers.test_sc16is752 import Pole as Board
from tests.edge.test_helpers import HandPump


class Pole(Board):
    """Both channels as ports."""

    def __init__(self) -> None:
        super().__init__()
        self.pumps: list[HandPump] = []
        self.ports = [self.open(channel) for channel in (0, 1)]

    def open(self, channel: int) -> BridgePort:
        from simulators.i2c import SimulatedI2C

        return BridgePort(
            SimulatedI2C({0x4D: self.chip}), 0x4D, channel, SerialLine(), 14_745_600, self.clock.boot_us,
            lambda look, every_ms: HandPump(look, every_ms, self.pumps), self.wait,
        )  # fmt: skip

    def wait(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds / 1_000)
        for pump in list(self.pumps):
            pump.look()


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=60)), max_size=10), st.integers(1, 50))
def test_what_is_said_is_read(said: list[tuple[int, bytes]], gulp: int) -> None:
    pole = Pole()
    for channel, data in said:
        pole.ports[channel].write(data)
        pole.wait(16)
    for channel in (0, 1):
        wanted, found = b"".join(data for at, data in said if at == channel), b""
        while more := pole.ports[channel].read(gulp, 0):
            found += more
        assert found == wanted
    for port in pole.ports:
        port.close()


def test_long_words_wait_for_room_and_overruns_break_the_port() -> None:
    pole = Pole()
    pole.ports[0].write(bytes(range(60)) * 3)
    assert len(pole.ports[0].read(180, 0.2)) == 180
    pole.echoes[0].utter(bytes(65))
    with pytest.raises(BusFault, match="ran over"):
        pole.ports[0].read(1, 0)
    pole.ports[1].write(b"fine")
    assert pole.ports[1].read(4, 0.1) == b"fine"
    pole.ports[0].close()
    pole.ports[0] = pole.open(0)
    pole.ports[0].write(b"again")
    assert pole.ports[0].read(9, 0.05) == b"again"


def test_a_lost_power_breaks_both_and_a_short_silence_none() -> None:
    pole = Pole()
    pole.chip.faults.unplug = True
    pole.wait(100)
    pole.chip.faults.unplug = False
    pole.wait(10)
    assert pole.ports[0].read(1, 0) == b""
    pole.chip.faults.brown_out()
    for _ in range(30):
        pole.wait(50)
    for port in pole.ports:
        with pytest.raises(BusFault, match="lost its configuration"):
            port.read(1, 0)
        port.close()
        with pytest.raises(BusFault):
            port.drain()
    assert pole.pumps == []


def test_drain_and_pace() -> None:
    pole = Pole()
    pole.ports[0].write(b"old")
    pole.ports[0].drain()
    assert pole.ports[0].read(3, 0.02) == b""
    assert [look_ms(baud) for baud in (1_200, 9_600, 19_200, 115_200)] == [20, 16, 8, 2]
    pole.chip.faults.unplug = True
    with pytest.raises(BusFault, match=r"0x4d\.a"):
        pole.open(0)
