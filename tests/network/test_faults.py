"""Networks that cut, stall, lie and swallow: the node notices, says why, tries again calmly, and nothing is lost."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.events import Cause
from fleet.home import Ports
from fleet.serve import Office, open_office
from simulators.enrolled import authority
from tests.fleet.pole import wait_for
from tests.network.pole import BACK_S, BUSY, BUSY_IN_HASTE, NetworkedPole, networked
from tests.network.proxy import Mood

LOOK_S = 0.6
NAMED = "broker.example"  # stands in the broker's certificate
MEMORY = {"nats": "jetstream", "mosquitto": "mosquitto.db"}

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    ports = Ports(broker_port=0, web_port=0, enrol_port=0, url=f"mqtts://{NAMED}")
    running = open_office(tmp_path_factory.mktemp("home"), ports, web=False, signer=authority)
    yield running
    running.stop()


def lost(pole: NetworkedPole, causes: Sequence[Cause], seconds: float = LOOK_S) -> None:
    """Waits until the node has noticed, and takes a look at how calm it is about it."""
    wait_for(lambda: pole.uplink.cause in causes, f"the node to say {causes}")
    knocks, busy = pole.calm(seconds)
    assert knocks <= 2 + seconds * pole.speed / (BACK_S / 2), "who failed waits for at least half of the cap"
    assert busy < (BUSY if pole.speed == 1 else BUSY_IN_HASTE)


moods = pytest.mark.parametrize(
    ("mood", "causes"),
    [("cut", ("broken", "mute", "timeout")), ("half-open", ("stuck", "mute")), ("portal", ("portal",))],
)


@moods
def test_a_network_that_is_no_good_is_told_and_waited_for(
    office: Office, tmp_path: Path, mood: Mood, causes: tuple[Cause, ...]
) -> None:
    with networked(office, f"pole-{mood}", tmp_path) as pole:
        pole.proxy.become(mood)
        lost(pole, causes)
        pole.proxy.become("pass")
        pole.goes_on("an ack after the fault")


@pytest.mark.deep
@moods
def test_a_minute_of_it_at_true_pace(office: Office, tmp_path: Path, mood: Mood, causes: tuple[Cause, ...]) -> None:
    with networked(office, f"pole-long-{mood}", tmp_path, speed=1.0) as pole:
        pole.proxy.become(mood)
        lost(pole, causes, seconds=60)
        pole.proxy.become("pass")
        pole.goes_on("an ack after the fault")


def test_a_door_that_is_shut(office: Office, tmp_path: Path) -> None:
    with networked(office, "pole-shut", tmp_path) as pole:
        pole.proxy.shut()
        lost(pole, ["refused"])
        pole.proxy.open()
        pole.goes_on("an ack after the fault")


def test_a_hole_that_swallows_large_packets(office: Office, tmp_path: Path) -> None:
    """Small packets pass, so the session stands again and again; what waits goes out when the hole is mended."""
    with networked(office, "pole-hole", tmp_path) as pole:
        pole.proxy.shut()
        wait_for(lambda: pole.node.agent.node.commits.standing().next - pole.acked > 6, "a backlog")
        pole.proxy.become("hole")
        pole.proxy.open()
        lost(pole, ["stuck", "mute"])
        pole.proxy.become("pass")
        pole.goes_on("an ack after the fault")


def test_a_slow_network_is_no_reason_to_leave(office: Office, tmp_path: Path) -> None:
    with networked(office, "pole-slow", tmp_path) as pole:
        pole.proxy.become("slow")
        met = pole.proxy.met
        for _ in range(3):
            pole.goes_on("an ack through the slow network")
        assert pole.proxy.met == met and pole.uplink.connected


def test_a_name_that_cannot_be_found(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = socket.getaddrinfo
    known = [True]

    def find(host: str, *more: Any, **named: Any) -> Any:
        if host == NAMED and not known[0]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1" if host == NAMED else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    with networked(office, "pole-dns", tmp_path, NAMED) as pole:
        known[0] = False
        pole.proxy.become("cut")
        lost(pole, ["dns"])
        known[0] = True
        pole.proxy.become("pass")
        pole.goes_on("an ack after the fault")


def test_somebody_in_between_is_told_nothing(office: Office, tmp_path: Path) -> None:
    """Another broker answers at the very address, with a good certificate of another authority."""
    ports = Ports(broker_port=0, web_port=0, enrol_port=0)
    impostor = open_office(tmp_path / "impostor", ports, web=False, signer=authority)
    try:
        with networked(office, "pole-between", tmp_path) as pole:
            ours, pole.proxy.target = pole.proxy.target, impostor.ports.broker_port
            pole.proxy.become("cut")
            pole.proxy.become("pass")
            lost(pole, ["trust"])
            assert impostor.live.nodes == {}
            pole.proxy.target = ours
            pole.goes_on("an ack of the real one")
            wait_for(lambda: "broker not trusted" in events(office), "the event of it")
    finally:
        impostor.stop()


def events(office: Office) -> str:
    """What the office was told of all nodes, as text."""
    return str(office.reader.db.execute("SELECT body FROM events").fetchall())


@pytest.mark.parametrize("kind", ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_a_broker_that_comes_back_without_its_memory(tmp_path: Path, kind: str) -> None:
    ports = Ports(broker_port=0, web_port=0, broker_kind=kind, enrol_port=0)
    office = open_office(tmp_path / "home", ports, web=False, signer=authority)
    try:
        with networked(office, "pole-lost", tmp_path) as pole:
            office.kill_broker(down_for_s=0.5)
            wait_for(lambda: office.broker_pid is None, "the broker's end")
            shutil.rmtree(kept) if (kept := office.home.broker / MEMORY[kind]).is_dir() else kept.unlink(True)
            wait_for(lambda: office.live.subscribed and office.live.sessions_lost, "the collector, which was forgotten")
            pole.goes_on("an ack after the restart")
    finally:
        office.stop()
