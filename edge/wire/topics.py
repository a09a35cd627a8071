"""Every topic there is, both directions, in one place.

`lantaarn/v1/<node>/up/<kind>` is what a node says, `lantaarn/v1/<node>/down/<kind>` what it hears. The node stands
before the direction so that one rule per node gives it its own `up/` to write and its own `down/` to read, and
nothing else. One level after the direction, so that `+` is enough: a `#` also asks for its parent, which NATS refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.wire.identity import node_id

Way = Literal["up", "down"]

ROOT = "lantaarn/v1"
UP_KINDS = ("hello", "status", "record", "health")
DOWN_KINDS = ("ack", "order", "desired")
EVERY_UP = f"{ROOT}/+/up/+"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart. `str()` puts it together again."""

    node: str
    way: Way
    kind: str

    def __post_init__(self) -> None:
        node_id(self.node)
        if self.kind not in (UP_KINDS if self.way == "up" else DOWN_KINDS):
            raise ValueError(f"nothing called {self.kind!r} goes {self.way}")

    def __str__(self) -> str:
        return f"{ROOT}/{self.node}/{self.way}/{self.kind}"


def up(node: str, kind: str) -> str:
    """The topic on which `node` says `kind`. Raises ValueError for a bad id or a kind that does not go up."""
    return str(Topic(node, "up", kind))


def down(node: str, kind: str) -> str:
    """The topic on which `node` hears `kind`. Raises ValueError for a bad id or a kind that does not go down."""
    return str(Topic(node, "down", kind))


def every_up(node: str) -> str:
    """The filter for all that one node may say."""
    return f"{ROOT}/{node_id(node)}/up/+"


def every_down(node: str) -> str:
    """The one subscription of a node."""
    return f"{ROOT}/{node_id(node)}/down/+"


def parse(topic: str) -> Topic:
    """The parts of a topic of ours. Raises ValueError for any other text."""
    prefix, _, rest = topic.partition(ROOT + "/")
    parts = rest.split("/")
    if prefix or len(parts) != 3:
        raise ValueError(f"not one of our topics: {topic[:100]!r}")
    node, way, kind = parts
    if way == "up":
        return Topic(node, "up", kind)
    if way == "down":
        return Topic(node, "down", kind)
    raise ValueError(f"neither up nor down: {topic[:100]!r}")
