"""Every topic reads back as what it was made of, and nothing else reads as a topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.topics import DOWN_KINDS, EVERY_UP, UP_KINDS, Topic, down, every_down, every_up, parse, up
from tests.edge.wire.test_identity import IDS


def matches(wildcard: str, topic: str) -> bool:
    """MQTT's rule for `+`."""
    pairs = list(zip(wildcard.split("/"), topic.split("/"), strict=False))
    return len(wildcard.split("/")) == len(topic.split("/")) and all(want in ("+", got) for want, got in pairs)


@given(IDS, st.sampled_from(UP_KINDS))
def test_up_there_and_back(node: str, kind: str) -> None:
    assert parse(up(node, kind)) == Topic(node, "up", kind)
    assert up(node, kind) == f"lantaarn/v1/{node}/up/{kind}" == str(parse(up(node, kind)))
    assert matches(EVERY_UP, up(node, kind)) and matches(every_up(node), up(node, kind))
    assert not matches(every_down(node), up(node, kind))


@given(IDS, st.sampled_from(DOWN_KINDS))
def test_down_there_and_back(node: str, kind: str) -> None:
    assert parse(down(node, kind)) == Topic(node, "down", kind)
    assert down(node, kind) == f"lantaarn/v1/{node}/down/{kind}" == str(parse(down(node, kind)))
    assert matches(every_down(node), down(node, kind)) and not matches(EVERY_UP, down(node, kind))


@given(st.text("/+#abupdown-1 \n", max_size=30).map(lambda rest: f"lantaarn/v1/{rest}") | st.text(max_size=60))
def test_whatever_is_read_is_spelled_the_same(text: str) -> None:
    try:
        topic = parse(text)
    except ValueError:
        return
    assert str(topic) == text


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "lantaarn/v1/pole/up",
        "lantaarn/v1/pole/up/record/x",
        "lantaarn/v1/pole/up/ack",
        "lantaarn/v1/pole/down/record",
        "lantaarn/v1/pole/sideways/record",
        "lantaarn/v1/+/up/record",
        "lantaarn/v1/pole/up/+",
        "lantaarn/v2/pole/up/record",
        "x/lantaarn/v1/pole/up/record",
        "/lantaarn/v1/pole/up/record",
    ],
)
def test_strangers_are_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        parse(bad)


def test_nothing_is_said_in_the_wrong_direction() -> None:
    with pytest.raises(ValueError, match="'ack' goes up"):
        up("pole-1", "ack")
    with pytest.raises(ValueError, match="'hello' goes down"):
        down("pole-1", "hello")
    with pytest.raises(ValueError, match="node id"):
        every_down("+")
