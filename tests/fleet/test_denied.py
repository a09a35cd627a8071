"""A broker that takes what it then drops, for a right is missing: the node notices, with both brokers, for real.

The node's clock is told, so that five minutes of silence take no longer than the broker needs for its PUBACKs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.delivery import ACK_PATIENCE_MS
from edge.mqtt import MqttLink
from edge.office import Credentials
from edge.wire.messages import State, Status, to_json
from edge.wiring import OfficePlan
from fleet.broker import Broker, free_port, write_users
from fleet.registry import COLLECTOR
from fleet.servers import MOSQUITTO, NATS, Server
from tests.edge.nats import HOST, collecting, credential
from tests.edge.pole import WIRING, Pole
from tests.fleet.pole import wait_for

NODE = WIRING.node
BROKERS = [NATS, pytest.param(MOSQUITTO, marks=pytest.mark.mosquitto)]
pytestmark = pytest.mark.once


class Connected(Pole):
    """A pole whose link is the real one."""

    def __init__(self, port: int) -> None:
        own = credential(NODE)
        self.credentials = Credentials(NODE, f"mqtt://{HOST}:{port}", NODE, own.password, own.client_id)
        super().__init__(wiring=replace(WIRING, office=OfficePlan(self.credentials.url, "", publish_ms=0)))
        wait_for(lambda: self.uplink.connected, "the session")

    def _link(self, put: Callable[..., None]) -> Any:
        will = to_json(Status(NODE, False))
        return MqttLink(NODE, self.credentials.url, self.credentials, will, put)

    @property
    def uplink(self) -> Any:
        """As it stands after all that came by now."""
        self.settle()
        assert self.agent.node.courier is not None
        return self.agent.node.courier.uplink

    def lives(self, seconds: int) -> None:
        """Readings every ten seconds; of each the broker's PUBACK is waited for."""
        for _ in range(seconds // 10):
            self.live(1)
            self.clock.advance(9)
            wait_for(lambda: self.uplink.in_window == 0, "the broker's PUBACKs")


@contextmanager
def broker(folder: Path, server: Server, denied: bool) -> Iterator[Broker]:
    """One that knows the node; `denied`: its right to publish is for other topics."""
    write_users(folder, [credential(COLLECTOR), credential(NODE)])
    if denied:
        for path, right in ((folder / "users.conf", f"{NODE}.up."), (folder / "mosquitto.acl", f"{NODE}/up/")):
            text = path.read_text()
            assert text.count(right) == 1
            path.write_text(text.replace(right, right.replace("up", "elsewhere")))
    running = Broker(folder, HOST, free_port(HOST), server)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("server", BROKERS, ids=["nats", "mosquitto"])
def test_rights_that_do_not_cover_what_the_node_says_are_noticed(server: Server, tmp_path: Path) -> None:
    with broker(tmp_path, server, denied=True) as running, collecting(running.port) as office:
        pole = Connected(running.port)
        pole.lives(60)
        assert pole.health()["session"].state is State.GOOD and pole.health()["delivery"].state is State.GOOD
        pole.lives(ACK_PATIENCE_MS // 1_000)
        found = pole.health()["delivery"]
        assert found.state is State.BAD, found
        assert "drops them" in found.reason and "a right is missing" in found.reason
        assert "fleet broker check" in found.remedy
        assert pole.health()["session"].state is State.GOOD
        assert not office.records, "nothing came through"
        journal = pole.agent.node.commits.journal
        assert journal is not None and journal.acked == 0 and journal.backlog_readings > 0, "and nothing is lost"
        pole.agent.node.end()


@pytest.mark.parametrize("server", BROKERS, ids=["nats", "mosquitto"])
def test_with_its_rights_all_is_well(server: Server, tmp_path: Path) -> None:
    with broker(tmp_path, server, denied=False) as running, collecting(running.port) as office:
        pole = Connected(running.port)
        pole.lives(60)
        wait_for(lambda: pole.uplink.outbox.unanswered_ms is None, "the acks")
        pole.clock.advance(2 * ACK_PATIENCE_MS / 1_000)
        assert pole.health()["delivery"].state is State.GOOD and office.records
        pole.agent.node.end()
