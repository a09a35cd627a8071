"""Whether what a broker grants is what we would grant: each node its own tree, nobody a wider one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.wire.messages import CheckResult, State
from edge.wire.topics import EVERY_UP, ROOT
from fleet.mosquitto import USHER
from fleet.registry import COLLECTOR
from fleet.rights import filters

Way = Literal["write", "read"]
ANYBODY, EACH = "anybody", "%u"  # who bears no name; whoever bears one
CONTROL = "$CONTROL/#"  # whoever may write there decides who may do what
EVERY_DOWN = f"{ROOT}/+/down/+"
REMEDY = "fleet broker config writes an access list from the registry; use that one."


@dataclass(frozen=True, slots=True)
class Grant:
    """A user may write or read what the filter matches; in it `%u` and `%c` stand for the user."""

    user: str
    way: Way
    filter: str

    @property
    def own(self) -> bool:
        """Whether it lies within the user's own tree."""
        mine = self.filter.replace("%u", self.user).replace("%c", self.user).split("/")
        way = "up" if self.way == "write" else "down"
        if self.commands:
            return self.user == USHER
        return self.user == COLLECTOR or mine[:4] == [*ROOT.split("/"), self.user, way]

    @property
    def reaches(self) -> bool:
        """Whether it reaches into what nodes say and hear."""
        return any(meets(self.filter, tree) for tree in (EVERY_UP, EVERY_DOWN)) or self.commands

    @property
    def commands(self) -> bool:
        """Whether it may tell the broker who may do what."""
        return self.way == "write" and self.filter.startswith("$") and meets(self.filter, CONTROL)

    def allows(self, wanted: str) -> bool:
        """Whether the filter is, or contains, the one that is wanted."""
        mine = self.filter.replace("%u", self.user).replace("%c", self.user)
        return mine == wanted or meets(mine, wanted)


def meets(one: str, other: str) -> bool:
    """Whether some topic matches both filters."""
    first, second = one.split("/"), other.split("/")
    for mine, its in zip(first, second, strict=False):
        if "#" in (mine, its):
            return True
        if mine != its and "+" not in (mine, its) and not mine.startswith("%"):
            return False
    rest = first[len(second) :] or second[len(first) :]
    return rest in ([], ["#"])  # `a/#` is `a` too


def judge(grants: Sequence[Grant], users: Collection[str]) -> CheckResult:
    """The check named `access`; `users` are the office's own: its nodes and its collector."""
    wide = list(_wide(grants, users))
    if wide:
        return CheckResult("access", State.BAD, f"{wide[0]}{_more(wide)}.", REMEDY)
    short = [user for user in users if not all(_may(grants, user))]
    if short:
        reason = f"{short[0]} may not say and hear what it must{_more(short)}."
        return CheckResult("access", State.BAD, reason, REMEDY)
    return CheckResult("access", State.GOOD, "Each node has its own tree, and nobody a wider one.")


def _wide(grants: Sequence[Grant], users: Collection[str]) -> Iterator[str]:
    ours = {*users, ANYBODY, EACH}
    for grant in grants:
        if (grant.user in ours or grant.way == "write") and grant.reaches and not grant.own:
            yield f"{grant.user} may {grant.way} {grant.filter}"


def _may(grants: Sequence[Grant], user: str) -> Iterator[bool]:
    says, hears = filters(user)
    for way, wanted in (("write", says), ("read", hears)):
        yield any(each.way == way and each.user in (user, EACH) and each.allows(wanted) for each in grants)


def _more(found: Sequence[str]) -> str:
    return f", and {len(found) - 1} more like it" if len(found) > 1 else ""
