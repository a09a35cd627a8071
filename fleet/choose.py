"""Which nodes are meant: by unique prefix of an id, or by label."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from fleet.registry import Node
from fleet.trouble import Exit, Trouble

KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*\Z")
LONGEST_NAME = 80  # characters, of a site's name and of a label


def labels(pairs: Iterable[str]) -> dict[str, str]:
    """`key=value` words as a mapping. Raises Trouble for anything else."""
    found = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or not KEY.match(key) or not value or not printable(pair):
            happened = (f"{pair!r} is no label: a label is key=value of at most {LONGEST_NAME} signs that can be "
                        "printed, the key of a-z, 0-9, '_', '.' and '-'.")  # fmt: skip
            raise Trouble(happened, "Nothing was changed.", "write it as -l district=centre", Exit.USAGE)
        found[key] = value
    return found


def printable(name: str) -> bool:
    """Whether a name can be shown anywhere, in one line of a table: what a terminal would obey cannot."""
    return name.isprintable() and len(name) <= LONGEST_NAME


def meant(word: str, known: Iterable[str]) -> str:
    """The question whether the nearest known word was meant, else what is known."""
    words = sorted(known)
    near = difflib.get_close_matches(word.lower(), words, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(words)}"


def by_labels(nodes: Iterable[Node], wanted: dict[str, str]) -> list[Node]:
    """The nodes that bear all these labels; all nodes when none is asked for."""
    return [node for node in nodes if wanted.items() <= node.labels.items()]


def by_prefix(nodes: Sequence[Node], text: str) -> Node:
    """The node with this id, or the only one whose id begins so. Raises Trouble."""
    exact = [node for node in nodes if node.id == text]
    found = exact or [node for node in nodes if node.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(node.id for node in found[:5]) + ("" if len(found) <= 5 else ", …")
        raise Trouble(f"{text!r} may be any of {len(found)} nodes: {several}.", "Nothing was done.",
                      "give more of the id", Exit.USAGE)  # fmt: skip
    raise Trouble(f"There is no node {text!r}.", "Nothing was done.", "fleet node list", Exit.WRONG)
