"""What a node may be called.

The id stands in topics, file names, client ids, certificates and web addresses, so it holds only what is harmless in
all of them: no slash, plus, hash, dot, star or space, which are wildcards or separators to one broker or another.
"""

from __future__ import annotations

import re

SHORTEST, LONGEST = 3, 32
_ALLOWED = re.compile(r"[a-z0-9-]*\Z")


def node_id(text: str) -> str:
    """The text itself when it can name a node: 3 to 32 of `a-z`, `0-9` and `-`. Raises ValueError saying why not."""
    if not SHORTEST <= len(text) <= LONGEST:
        raise ValueError(f"a node id has {SHORTEST} to {LONGEST} characters, this one has {len(text)}")
    if not _ALLOWED.match(text):
        strange = next(character for character in text if not _ALLOWED.match(character))
        raise ValueError(f"a node id holds only a-z, 0-9 and '-', not {strange!r}: {text!r}")
    return text
