"""Drivers of other people: distributions that name theirs in the entry point group `lantaarn.drivers`.

A guest is looked for only when the catalog does not have the name, because reading what is installed takes time and
memory that a node has no need to spend on drivers of the house. What the house has can not be replaced by a guest of
the same name. A guest says for which version of the driver API it was written (`api = 2` in its class): the one before
ours still works, with a warning; older and newer ones are refused in words.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from drivers.driver import API, OLDEST_API, Driver

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "lantaarn.drivers"


class Unfit(KeyError):
    """A guest is installed and can not be used; the message is a sentence for people."""

    def __str__(self) -> str:
        return str(self.args[0])


@cache
def guests() -> dict[str, EntryPoint]:
    """What is installed, by the name that a board uses; nothing is imported."""
    from importlib.metadata import entry_points  # megabytes, for the few who have guests

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def guest(name: str) -> type[Driver]:
    """The driver of this name. Raises KeyError when nobody brings one, Unfit when it can not be used."""
    entry = guests()[name]
    brought = f"the driver {name!r} of {entry.dist.name if entry.dist else entry.value}"
    try:
        found = entry.load()
    except Exception as error:
        raise Unfit(f"{brought} can not be loaded: {type(error).__name__}") from error
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise Unfit(f"{brought} is no subclass of drivers.driver.Driver")
    if getattr(found, "name", None) != name:
        raise Unfit(f"{brought} calls itself {getattr(found, 'name', None)!r}: both names must be the same")
    check_api(found, brought)
    return found


def check_api(found: type[Driver], brought: str) -> None:
    """Whether it was written for a driver API that we have. Raises Unfit."""
    said = next((vars(kind)["api"] for kind in found.__mro__ if "api" in vars(kind) and kind is not Driver), None)
    if not isinstance(said, int) or isinstance(said, bool):
        raise Unfit(f"{brought} does not say for which driver API it was written: it needs api = {API}")
    if said > API:
        raise Unfit(f"{brought} needs driver API {said}, this release has {API}: update lantaarn")
    if said < OLDEST_API:
        raise Unfit(f"{brought} was written for driver API {said}, and {OLDEST_API} is the oldest known: update it")
    if said < API:
        warnings.warn(f"{brought} was written for driver API {said}; the next release will refuse it",
                      DeprecationWarning, stacklevel=3)  # fmt: skip
