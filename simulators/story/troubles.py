"""What befalls a street: a list of troubles, drawn from the seed, which can be written down, cut and told again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from simulators.story.plan import HOUR, MINUTE, Plan

EVERYBODY = -1
# How often each kind comes, its ways, and how long it lasts at the most.
KINDS: dict[str, tuple[int, tuple[str, ...], int]] = {
    "power": (6, ("lost", "kept", "torn", "mixed"), 20 * MINUTE),  # a power cut, and what of the unsynced survives it
    "power-in-call": (6, ("lost", "torn", "mixed"), 10 * MINUTE),  # in the middle of a disk call
    "liar": (2, ("lost", "mixed"), 30 * MINUTE),  # the card says yes and does nothing, then the power goes
    "brownout": (4, ("lost", "torn", "mixed"), 2 * MINUTE),  # syncs fail, and then the power goes
    "copy": (3, ("same boot", "other boot"), 60 * MINUTE),  # the folder is copied, and later that copy is put back
    "kill": (4, ("",), 5 * MINUTE),  # SIGKILL of the agent
    "stop": (2, ("",), 5 * MINUTE),  # an upgrade
    "full": (3, ("",), 40 * MINUTE),  # somebody else fills the disk
    "sick": (6, ("pread", "pwrite", "datasync", "create", "open", "write_small", "read_small"), 30 * MINUTE),
    "clock": (4, ("+10y", "-10y", "1970", "+1h"), 40 * MINUTE),
    "sensor": (3, ("nack", "checksum", "noisy"), 40 * MINUTE),
    "cut": (5, ("",), 60 * MINUTE),  # a wire that swallows
    "drop": (3, ("",), 0),  # a connection that breaks
    "weather": (3, ("slow", "doubled", "shuffled"), 60 * MINUTE),
    "denied": (3, ("",), 30 * MINUTE),  # the broker drops what it acknowledges
    "broker": (4, ("keeps", "forgets"), 20 * MINUTE),
    "collector": (5, ("now", "before", "after"), 20 * MINUTE),
    "slow": (2, ("",), 30 * MINUTE),  # each commit of the store takes seconds
    "refuse": (2, ("",), 20 * MINUTE),  # the office's disk is full
    "poison": (3, ("bytes", "chunk", "clock", "hello", "kind"), 0),
}
OF_ALL = {"broker", "collector", "slow", "refuse", "weather"}
FOR_LONG = {"cut", "broker", "collector", "denied"}  # now and then for so long that a journal overflows


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """One of them: `how` is one of its kind's ways, `dice` seeds what it still has to choose."""

    at_ms: int
    kind: str
    node: int
    lasts_ms: int
    how: str
    dice: int

    def tree(self) -> dict[str, Any]:
        """As it lies in a corpus file."""
        return asdict(self)


def script(plan: Plan, liars: bool = True) -> list[Trouble]:
    """The troubles of a story, in order of time."""
    dice = plan.chance("troubles")
    number = dice.randint(4, 8) + plan.nodes + (plan.nodes if plan.coarse else 0)
    kinds = [kind for kind in KINDS if liars or kind != "liar"]
    weights = [KINDS[kind][0] for kind in kinds]
    return sorted(_trouble(plan, dice, kind) for kind in dice.choices(kinds, weights, k=number))


def _trouble(plan: Plan, dice: Random, kind: str) -> Trouble:
    _, ways, longest_ms = KINDS[kind]
    at_ms = dice.randint(MINUTE, plan.lasts_ms * 9 // 10)
    lasts_ms = dice.randint(1_000, longest_ms) if longest_ms else 0
    if kind in FOR_LONG and dice.random() < 0.3:
        lasts_ms = dice.randint(HOUR, 12 * HOUR)
    everybody = kind in OF_ALL or (kind == "cut" and dice.random() < 0.2)
    node = EVERYBODY if everybody else dice.randrange(plan.nodes)
    lasts_ms = max(0, min(lasts_ms, plan.lasts_ms - at_ms))
    return Trouble(at_ms, kind, node, lasts_ms, dice.choice(ways), dice.getrandbits(32))


def read(trees: Iterable[dict[str, Any]]) -> list[Trouble]:
    """Troubles from a corpus file. Raises TypeError for what is none."""
    return sorted(Trouble(**tree) for tree in trees)
