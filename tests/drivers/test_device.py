"""Every driver reads its device: here a simulated one, with `--lantaarn-bus` (or `-serial`, `-file`) the real thing.

On a real bus the drivers whose chip is not there are skipped, aloud. On a real port, where asking the wrong device may
confuse it, only those are tried that `-k` names.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.catalog import CATALOG, driver
from drivers.driver import I2CDriver, TalkDriver
from drivers.errors import DriverError
from drivers.stream import StreamDriver
from simulators.device import Device
from simulators.hardware import Hardware
from simulators.proof import sound


@pytest.mark.parametrize("name", CATALOG)
def test_it_reads_its_device(
    name: str, device: Callable[..., Device], hardware: Hardware, request: pytest.FixtureRequest
) -> None:
    if hardware and not issubclass(driver(name), I2CDriver) and name not in request.config.option.keyword:
        pytest.skip(f"NOT TESTED on hardware: say -k {name} when it is a {name} that is connected")
    one = device(name)
    if hardware and not there(one):
        pytest.skip(f"NOT TESTED on hardware: no {name} answers at its default address")
    if not one.driver.measures and not isinstance(one.driver, TalkDriver | StreamDriver):
        return
    sound(one)


def there(one: Device) -> bool:
    """Whether the driver knows what is at the other end; who can not be asked is believed to be there."""
    try:
        return not isinstance(one.driver, I2CDriver) or one.probe()
    except DriverError:
        return False
