"""What a driver says that a reading costs on the wire is what it costs: counted on the simulated bus, with addresses.

`edge check` adds these numbers up and refuses a board that wants more than its buses can carry, so too few is a lie
and far too many refuses what would work.
"""

from __future__ import annotations

import pytest

from drivers.catalog import CATALOG, driver
from drivers.driver import FileDriver, I2CDriver, TalkDriver
from drivers.setting import Chosen
from drivers.talk import Read, Step, Write, WriteRead
from simulators.clock import VirtualClock
from simulators.i2c import converse
from tests.drivers.recorded import made, performer

ASKED = [name for name in CATALOG if issubclass(driver(name), TalkDriver) and not issubclass(driver(name), FileDriver)]
DEAREST: dict[str, dict[str, Chosen]] = {"vl53l1x": {"mode": "passage"}}  # what is said is said of this way to use it


def octets(step: Step, answer: bytes, addressed: bool) -> int:
    """On the wire: each transfer on I2C begins with the address, and again after a repeated start."""
    if isinstance(step, WriteRead):
        return len(step.data) + len(answer) + 2
    return len(step.data if isinstance(step, Write) else answer) + (addressed and isinstance(step, Write | Read))


@pytest.mark.parametrize("name", ASKED)
def test_a_reading_costs_what_is_said(name: str) -> None:
    clock = VirtualClock()
    reader, device = made(name, DEAREST.get(name, {}), clock)
    perform, spent = performer(reader, device, clock), 0

    def counted(step: Step) -> bytes:
        nonlocal spent
        answer: bytes = perform(step)
        spent += octets(step, answer, isinstance(reader, I2CDriver))
        return answer

    converse(reader.setup(), counted)
    for waited_s in (0.0, reader.warm_up_s, 0.0, 0.0):  # the first ones may cost more: a baseline, a late answer
        clock.advance(reader.interval_min_s + waited_s)
        reader.at_us, spent = clock.now_us, 0
        converse(reader.read(), counted)
    assert reader.bus_bytes / 2 <= spent <= reader.bus_bytes
