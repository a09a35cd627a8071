"""The matrix of rights: nobody says or hears what is not its own, at either broker, over TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.servers import MOSQUITTO, NATS, Server
from tests.network.acl import names, own, tried, watched

MQ = pytest.param(MOSQUITTO, marks=[pytest.mark.mosquitto])
BY_PATTERN = pytest.param(MOSQUITTO.by_pattern(), marks=[pytest.mark.mosquitto], id="mosquitto-by-pattern")
every = pytest.mark.parametrize("server", [NATS, MQ, BY_PATTERN], ids=lambda server: server.kind)
both = pytest.mark.parametrize("server", [NATS, MQ], ids=lambda server: server.kind)
pytestmark = pytest.mark.once


def no_leak(folder: Path, server: Server, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = names(count)
    with watched(folder, server, nodes) as town:
        matrix, kept = tried(town, nodes)
    leaks = matrix.leaks(nodes)
    with capsys.disabled():
        print(f"\n{server.kind}: {count} nodes, {matrix.subscriptions} subscriptions and {matrix.publishes} publishes "
              f"that are not theirs, {len(matrix.heard)} messages heard, {len(leaks)} leaks")  # fmt: skip
    assert leaks == []
    assert kept == {topic for node in nodes for ways in own(node).values() for topic in ways}
    assert server.kind == MOSQUITTO.kind or matrix.granted == []


@every
def test_six_nodes_keep_to_themselves(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    no_leak(tmp_path, server, 6, capsys)


@both
@pytest.mark.parametrize("wider", [
    ("lantaarn/v1/pole-1/up/+", "lantaarn/v1/+/up/+"), ("lantaarn/v1/pole-1/down/+", "lantaarn/v1/+/down/+"),
], ids=["says", "hears"])  # fmt: skip
def test_a_right_too_wide_is_a_leak(tmp_path: Path, server: Server, wider: tuple[str, str]) -> None:
    """The matrix has teeth."""
    nodes = names(3)
    with watched(tmp_path, server, nodes, wider) as town:
        leaks = tried(town, nodes)[0].leaks(nodes)
    assert leaks and {each.author if "up" in wider[0] else each.hearer for each in leaks} == {"pole-1"}


@pytest.mark.deep
@pytest.mark.timeout(1200)
@every
def test_fifty_nodes_keep_to_themselves(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    no_leak(tmp_path, server, 50, capsys)
