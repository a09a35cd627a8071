"""Sessions that come and go leave no descriptor and no thread behind, however often the network breaks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fleet.home import Ports
from fleet.serve import open_office
from simulators.enrolled import authority
from tests.fleet.pole import wait_for
from tests.network.pole import NetworkedPole, networked

pytestmark = pytest.mark.once


def held() -> tuple[int, int]:
    """Descriptors and threads of this process: the node's, the proxy's, the office's."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def break_and_mend(pole: NetworkedPole) -> None:
    pole.proxy.become("cut")
    wait_for(lambda: not pole.uplink.connected, "the node to notice")
    pole.proxy.become("pass")
    pole.goes_on("an ack after the fault")


def come_and_go(folder: Path, times: int) -> None:
    office = open_office(folder / "home", Ports(broker_port=0, web_port=0, enrol_port=0), web=False, signer=authority)
    try:
        with networked(office, "pole-again", folder) as pole:
            break_and_mend(pole)
            most = held()
            for _ in range(times):
                break_and_mend(pole)
            wait_for(
                lambda: all(now <= then for now, then in zip(held(), most, strict=True)),
                f"no more than {most} descriptors and threads",
            )
    finally:
        office.stop()


def test_a_few_times(tmp_path: Path) -> None:
    come_and_go(tmp_path, 2)


@pytest.mark.deep
def test_two_hundred_times(tmp_path: Path) -> None:
    come_and_go(tmp_path, 200)
